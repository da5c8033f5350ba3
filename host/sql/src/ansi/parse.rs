//! From text to `sqlparser`'s tree, within limits.

use crate::dialect::MAX_TEXT;
use sqlparser::ast::Statement;
use sqlparser::dialect::Dialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How deep the parser may descend. It tries several readings of a parenthesis, so each level multiplies its work.
const MAX_PARSER_DEPTH: usize = 24;

/// The most tokens that may follow each other without a comma in the parentheses that are open at one place:
/// a bound for the depth of the tree, which is dropped recursively.
const MAX_CHAIN: usize = 4_000;

/// Parses a text, or says why not.
pub(super) fn parse(dialect: &dyn Dialect, text: &str) -> Result<Vec<Statement>, String> {
    if text.len() > MAX_TEXT {
        return Err("the text is longer than can be analysed".into());
    }
    catch_unwind(AssertUnwindSafe(|| parse_inside(dialect, text)))
        .unwrap_or_else(|_| Err("the parser failed".into()))
}

fn parse_inside(dialect: &dyn Dialect, text: &str) -> Result<Vec<Statement>, String> {
    let tokens = Tokenizer::new(dialect, text).tokenize().map_err(|_| {
        "the statement could not be parsed: it is not made of whole words".to_owned()
    })?;
    if longest_chain(&tokens) > MAX_CHAIN {
        return Err("the statement is nested too deeply".into());
    }
    let mut parser =
        Parser::new(dialect).with_recursion_limit(MAX_PARSER_DEPTH).with_tokens(tokens);
    let statements = parser.parse_statements().map_err(|error| match error {
        ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
        _ => "the statement could not be parsed: syntax error".to_owned(),
    })?;
    // The parser stops at a word END between statements, whatever comes after it.
    if parser.peek_token().token != Token::EOF {
        return Err("the statement could not be parsed: there is something after its end".into());
    }
    Ok(statements)
}

/// How many tokens stand in a row at most, counting those before each parenthesis that is still open.
fn longest_chain(tokens: &[Token]) -> usize {
    let (mut open, mut current, mut total, mut longest) = (Vec::new(), 0usize, 0usize, 0usize);
    for token in tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::LParen | Token::LBracket | Token::LBrace => {
                open.push(std::mem::take(&mut current))
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                total -= current;
                current = open.pop().unwrap_or(0);
            }
            Token::Comma | Token::SemiColon => total -= std::mem::take(&mut current),
            _ => {
                current += 1;
                total += 1;
                longest = longest.max(total + open.len());
            }
        }
    }
    longest.max(open.len())
}

/// Why a text might be read otherwise by a MySQL server than by the parser.
pub(super) fn mysql_doubt(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    if lower.contains("/*!") || lower.contains("/*m!") {
        return Some("a versioned comment runs on some servers and not on others");
    }
    if lower.contains("/*+") && lower.contains("set_var") {
        return Some("an optimizer hint changes a setting");
    }
    None
}

/// Why a text might be read otherwise by some server than by the parser.
pub(super) fn generic_doubt(text: &str) -> Option<&'static str> {
    if text.contains('\\') {
        return Some("a backslash is an escape on some servers and not on others");
    }
    if text.contains("/*!") || text.contains("/*M!") {
        return Some("a versioned comment runs on some servers and not on others");
    }
    let mut rest = text;
    while let Some((_, comment)) = rest.split_once("/*") {
        let (inside, after) = comment.split_once("*/").unwrap_or((comment, ""));
        if inside.contains("/*") {
            return Some("nested comments end differently on different servers");
        }
        rest = after;
    }
    None
}
