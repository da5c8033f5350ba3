//! From text to PostgreSQL's parse tree, within limits.

use crate::dialect::MAX_TEXT;
use crate::reserved::is_reserved;
use pg_query::protobuf::{ParseResult, ScanToken, Token};
use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};

/// The parser itself keeps its state per thread, but it puts a pipe in the place of the process's standard error
/// while it runs: two at a time would put back each other's pipe.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// How often `GLOBAL` may stand in a text: the grammar warns of it, and to place the warning it counts
/// the characters of the text from its start.
const MAX_GLOBAL: usize = 64;

/// Parses a text, or says why not.
pub(super) fn parse(text: &str) -> Result<ParseResult, String> {
    if text.len() > MAX_TEXT {
        return Err("the text is longer than can be analysed".into());
    }
    if count_of_global(text) > MAX_GLOBAL {
        return Err("the text has more temporary tables than can be analysed".into());
    }
    if let Some(reason) = super::limits::refusal(text) {
        return Err(reason.into());
    }
    if names_reserved(text) {
        return Err("a name in it means something else here".into());
    }
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let parsed = catch_unwind(|| pg_query::parse(text, 0));
    drop(guard);
    match parsed {
        Ok(Ok(parsed)) if parsed.warnings.is_empty() => Ok(parsed.protobuf),
        Ok(Ok(_)) => Err("the parser gave a warning".into()),
        Ok(Err(pg_query::Error::Decode(_))) => Err("the statement is nested too deeply".into()),
        Ok(Err(error)) => Err(format!("the statement could not be parsed: {}", cause(&error))),
        Err(_) => Err("the parser failed".into()),
    }
}

/// The words and signs of a text; none where it cannot be read.
pub(super) fn scan(text: &str) -> Option<Vec<ScanToken>> {
    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // `scan_tokens` would be faster, but makes a slice of a null pointer where there is nothing in the text.
    let scanned = catch_unwind(|| pg_query::scan(text));
    drop(guard);
    scanned.ok()?.ok().map(|scanned| scanned.tokens)
}

/// What of the text a word or sign is; none where it cannot be cut out.
pub(super) fn written<'t>(text: &'t str, token: &ScanToken) -> Option<&'t str> {
    let place = |at: i32| usize::try_from(at).ok();
    text.get(place(token.start)?..place(token.end)?)
}

/// Whether a text has such a character anywhere but in a value or a comment; also where it cannot be told.
#[must_use]
pub fn has_name_with(text: &str, such: impl Fn(char) -> bool) -> bool {
    has_name(text, |written| written.chars().any(&such))
}

/// Whether a text has such a token, as it is written, that is neither a value nor a comment; also where it cannot be told.
#[must_use]
pub fn has_name(text: &str, such: impl Fn(&str) -> bool) -> bool {
    if text.len() > MAX_TEXT || super::limits::refusal(text).is_some() {
        return true;
    }
    let Some(tokens) = scan(text) else { return true };
    tokens.iter().any(|token| {
        let value = matches!(token.token(), Token::Sconst | Token::SqlComment | Token::CComment);
        // What cannot be cut out is not known.
        !value && written(text, token).is_none_or(&such)
    })
}

/// Whether a text has a name, in quotes, that is [reserved](is_reserved).
fn names_reserved(text: &str) -> bool {
    // Most texts can have none, which is seen without cutting them into words.
    let begins = |pair: &[u8]| matches!(pair, [b'"', b'#' | b'(' | b'*' | b'?'] | [b'&', b'"']);
    if !text.as_bytes().windows(2).any(begins) {
        return false;
    }
    let Some(tokens) = scan(text) else { return true };
    tokens.iter().any(|token| {
        let Some(written) = written(text, token) else { return true };
        match token.token() {
            Token::Ident => {
                let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                quoted.is_some_and(|name| is_reserved(&name.replace("\"\"", "\"")))
            }
            Token::Uident => may_begin_reserved(written),
            _ => false,
        }
    })
}

/// Whether a name with escapes may be a reserved one: it has one of the signs by which these begin, or the code of one after
/// whichever sign begins an escape.
fn may_begin_reserved(written: &str) -> bool {
    let written = written.to_ascii_lowercase();
    ["\"#", "\"(", "\"*", "\"?", "0023", "0028", "002a", "003f"]
        .iter()
        .any(|it| written.contains(it))
}

/// The parser's message without the text that it quotes.
fn cause(error: &pg_query::Error) -> String {
    let message = match error {
        pg_query::Error::Parse(message) => message.as_str(),
        _ => return "the text is not valid".into(),
    };
    let end = message.find(" at or near").or_else(|| message.find('"')).unwrap_or(message.len());
    message.get(..end).unwrap_or_default().trim_end().chars().take(100).collect()
}

fn count_of_global(text: &str) -> usize {
    let word = b"global";
    text.as_bytes().windows(word.len()).filter(|bytes| bytes.eq_ignore_ascii_case(word)).count()
}
