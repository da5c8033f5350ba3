//! What functions and blocks that somebody wrote do, as far as their texts tell.
//!
//! A body in SQL is analysed like any other text. Of one in PL/pgSQL only the words are looked at: all that it could name it
//! counts as named. So one that writes, or runs text that it puts together, is not followed.

use super::{Walker, analyze, limits, names};
use crate::functions::{Function, Trusted, classify};
use crate::{Analysis, Name, Object, Operation, Routine};
use pg_query::NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, DoStmt, KeywordKind, Node, Token, TypeName};
use std::collections::BTreeSet;

/// Words of PL/pgSQL that make a body more than a computation over what it reads.
const ACTS: [&str; 41] = [
    "alter",
    "analyze",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "delete",
    "discard",
    "do",
    "drop",
    "execute",
    "explain",
    "fetch",
    "grant",
    "import",
    "insert",
    "listen",
    "load",
    "lock",
    "merge",
    "move",
    "notify",
    "open",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "set",
    "truncate",
    "unlisten",
    "update",
    "vacuum",
];

/// Words before a parenthesis that call nothing, unless somebody named a function so.
const PLAIN_WORDS: [&str; 24] = [
    "assert",
    "by",
    "diagnostics",
    "elseif",
    "elsif",
    "exception",
    "exit",
    "foreach",
    "if",
    "into",
    "loop",
    "message",
    "next",
    "notice",
    "over",
    "perform",
    "query",
    "raise",
    "return",
    "reverse",
    "slice",
    "strict",
    "values",
    "while",
];

/// Functions that tell or do something of the session alone.
const QUIET: [&str; 6] =
    ["current_setting", "currval", "lastval", "pg_sleep", "pg_sleep_for", "pg_sleep_until"];

/// Options of a function that change nothing of what its body does.
const PLAIN_OPTIONS: [&str; 10] = [
    "as",
    "language",
    "volatility",
    "strict",
    "security",
    "leakproof",
    "cost",
    "rows",
    "parallel",
    "set",
];

/// Settings under which a body is read like any other text.
const PLAIN_SETTINGS: [&str; 9] = [
    "client_min_messages",
    "datestyle",
    "extra_float_digits",
    "lock_timeout",
    "plpgsql.variable_conflict",
    "search_path",
    "statement_timeout",
    "timezone",
    "work_mem",
];

/// The longest name that the server does not cut.
const LONGEST_NAME: usize = 63;

impl Walker<'_> {
    /// `CREATE FUNCTION` and `CREATE PROCEDURE`: what one does is seen when it runs, if its text tells.
    pub(super) fn create_function(&mut self, create: &CreateFunctionStmt) {
        let kind = if create.is_procedure { "procedure" } else { "function" };
        let routine = of_function(create, self.trusted);
        if routine.gaps.is_empty() {
            self.found.reserve("CREATE FUNCTION defines code that reads it");
        } else {
            self.hide("CREATE FUNCTION defines code that is not followed");
        }
        let name = names::dotted(&create.funcname);
        self.define(Operation::other("create", name).fact("kind", kind));
        self.found.defines.push(routine);
    }

    /// `DO`.
    pub(super) fn block(&mut self, block: &DoStmt) {
        self.found.operate(Operation::other("do", ""));
        let (mut language, mut body) = ("plpgsql".to_owned(), None);
        for (option, value) in block.args.iter().filter_map(option) {
            match option {
                "language" => language = text(value).unwrap_or_default(),
                _ => body = text(value),
            }
        }
        let routine = match body.filter(|_| language == "plpgsql") {
            Some(body) => of_plpgsql(&body, self.trusted),
            None => Routine::unknown("its language is not known"),
        };
        if routine.gaps.is_empty() {
            self.found.reserve("it runs a block of code");
            self.found.blocks.push(routine);
        } else {
            self.hide("DO runs code that is not followed");
        }
    }
}

/// What a function does.
fn of_function(create: &CreateFunctionStmt, trusted: &Trusted) -> Routine {
    let mut routine = body_of(create, trusted);
    routine.name = names::qualified(&create.funcname);
    let mut types: Vec<&TypeName> = create.return_type.iter().collect();
    for parameter in &create.parameters {
        let Some(NodeEnum::FunctionParameter(parameter)) = parameter.node.as_ref() else {
            routine.gap("it has parameters that are not understood");
            continue;
        };
        types.extend(&parameter.arg_type);
        if parameter.defexpr.as_deref().is_some_and(|default| !is_plain(default)) {
            routine.gap("a parameter has a default that is computed");
        }
    }
    routine.casts.extend(types.into_iter().map(names::type_name));
    routine
}

fn body_of(create: &CreateFunctionStmt, trusted: &Trusted) -> Routine {
    let (mut language, mut body) = (String::new(), None);
    for (option, value) in create.options.iter().filter_map(option) {
        match option {
            "language" => language = text(value).unwrap_or_default(),
            "as" => body = only_text(value),
            "set" if !is_plain_setting(value) => {
                return Routine::unknown("it runs under settings of its own");
            }
            option if PLAIN_OPTIONS.contains(&option) => {}
            _ => return Routine::unknown("it has options that are not understood"),
        }
    }
    match (language.as_str(), body) {
        ("sql", Some(body)) if create.sql_body.is_none() => of_sql(analyze(&body, trusted)),
        ("plpgsql", Some(body)) => of_plpgsql(&body, trusted),
        _ => Routine::unknown("its language is not followed"),
    }
}

/// What a body in SQL does.
fn of_sql(analysis: Analysis) -> Routine {
    let mut routine = Routine { gaps: analysis.gaps, ..Routine::default() };
    for statement in analysis.statements {
        if !statement.effects.is_empty() || !statement.blocks.is_empty() {
            routine.gap("it changes the session");
        }
        // A column that turns out to be none may be a function, of a parameter too.
        let columns = statement.sources().filter(|source| source.function().is_none());
        routine.calls.extend(columns.map(|source| source.column.clone()));
        routine.operations.extend(statement.operations);
        routine.calls.extend(statement.calls);
        routine.unknown.extend(statement.unknown);
        routine.operators.extend(statement.operators);
        routine.casts.extend(statement.casts);
    }
    routine
}

/// What a body in PL/pgSQL may do: all that its words can name.
fn of_plpgsql(body: &str, trusted: &Trusted) -> Routine {
    if let Some(reason) = limits::refusal(body) {
        return Routine::unknown(reason);
    }
    let Some(tokens) = super::parse::scan(body) else {
        return Routine::unknown("its text cannot be read");
    };
    let mut routine = Routine::default();
    let mut relations: BTreeSet<Name> = BTreeSet::new();
    let mut before: Vec<Word> = Vec::new();
    let mut tokens = tokens.iter().filter(|token| !is_comment(token.token())).peekable();
    while let Some(token) = tokens.next() {
        let written = super::parse::written(body, token).unwrap_or_default();
        let Some(word) = word(written, token.token(), token.keyword_kind()) else {
            match token.token() {
                Token::Uident | Token::Usconst | Token::Uescape => {
                    routine.gap("it has escapes that are not followed");
                }
                Token::Ascii46 => {
                    before.push(Word::dot());
                    continue;
                }
                _ if is_operator(written) => drop(routine.operators.insert(written.to_owned())),
                _ => {}
            }
            before.clear();
            continue;
        };
        look_at(&word, &before, &mut routine);
        let schema = schema_before(&before);
        let calls = tokens.peek().is_some_and(|next| next.token() == Token::Ascii40);
        if calls && !word.is_plain() {
            called(&mut routine, schema.as_deref(), &word.name, trusted);
        } else {
            routine.calls.insert(word.name.clone());
        }
        routine.casts.extend(type_names(&word.name));
        relations.insert(Name { schema: None, name: word.name.clone() });
        before.push(word);
    }
    let reads = relations.into_iter().map(|name| {
        let fields = vec!["*".to_owned()];
        Operation { fields, ..Operation::new("select", Object::Relation(name)) }
    });
    routine.operations.extend(reads);
    routine
}

/// Writes down what a word makes of a body, wherever it stands.
fn look_at(word: &Word, before: &[Word], routine: &mut Routine) {
    if word.name.len() > LONGEST_NAME {
        routine.gap("it has names that are cut");
    }
    if word.acts() {
        routine.gap(&format!("it has the word {}", word.name));
    }
    // A function can be called in the guise of a column.
    if let Function::Dangerous(reason) = classify(None, &word.name) {
        routine.gap(&format!("function {} {reason}", word.name));
    }
    let acts = matches!(classify(None, &word.name), Function::Stateful | Function::Sink);
    if acts
        && before.last().is_some_and(|it| it.name == ".")
        && !QUIET.contains(&word.name.as_str())
    {
        routine.gap(&format!("function {} may be called in the guise of an attribute", word.name));
    }
}

/// Writes down that a function is called.
fn called(routine: &mut Routine, schema: Option<&str>, name: &str, trusted: &Trusted) {
    let label = schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"));
    match classify(schema, name) {
        Function::Dangerous(reason) => routine.gap(&format!("function {label} {reason}")),
        Function::Unknown if trusted.contains(schema, name) => {}
        Function::Unknown => drop(routine.unknown.insert(label)),
        Function::Stateful | Function::Sink if !QUIET.contains(&name) => {
            routine.gap(&format!("function {label} acts on the server"));
        }
        Function::Harmless | Function::Drawing | Function::Stateful | Function::Sink => {
            routine.calls.insert(label);
        }
    }
}

/// A word of a body: a name, or a keyword that may be one.
#[derive(Debug)]
struct Word {
    name: String,
    kind: KeywordKind,
    quoted: bool,
}

impl Word {
    /// What stands between the parts of a name.
    fn dot() -> Self {
        Self { name: ".".to_owned(), kind: KeywordKind::NoKeyword, quoted: false }
    }

    fn acts(&self) -> bool {
        !self.quoted && ACTS.contains(&self.name.as_str())
    }

    /// Whether it calls nothing where it stands before a parenthesis.
    fn is_plain(&self) -> bool {
        let reserved =
            matches!(self.kind, KeywordKind::ReservedKeyword | KeywordKind::ColNameKeyword);
        !self.quoted && (reserved || PLAIN_WORDS.contains(&self.name.as_str()))
    }
}

fn word(written: &str, token: Token, kind: KeywordKind) -> Option<Word> {
    if let Some(inner) = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        let name = inner.replace("\"\"", "\"");
        return (token == Token::Ident).then_some(Word { name, kind, quoted: true });
    }
    let is_word = token == Token::Ident || kind != KeywordKind::NoKeyword;
    is_word.then(|| Word { name: written.to_ascii_lowercase(), kind, quoted: false })
}

/// The schema that is written before a name: `schema . name`.
fn schema_before(before: &[Word]) -> Option<String> {
    match before {
        [.., schema, dot] if dot.name == "." && schema.name != "." => Some(schema.name.clone()),
        _ => None,
    }
}

/// A type's own names, by which it may be written.
fn type_names(word: &str) -> impl Iterator<Item = String> {
    let others: &[&str] = match word {
        "int" | "integer" => &["int4"],
        "bigint" => &["int8"],
        "smallint" => &["int2"],
        "real" => &["float4"],
        "double" | "float" => &["float4", "float8"],
        "boolean" => &["bool"],
        "decimal" | "dec" => &["numeric"],
        "character" | "char" | "nchar" => &["bpchar", "varchar"],
        "timestamp" => &["timestamptz"],
        "time" => &["timetz"],
        "bit" => &["varbit"],
        _ => &[],
    };
    std::iter::once(word.to_owned()).chain(others.iter().map(|name| (*name).to_owned()))
}

fn is_comment(token: Token) -> bool {
    matches!(token, Token::SqlComment | Token::CComment)
}

fn is_operator(written: &str) -> bool {
    !written.is_empty() && written.bytes().all(|byte| limits::OPERATOR_CHARACTERS.contains(&byte))
}

/// An option's name and value.
fn option(node: &Node) -> Option<(&str, Option<&Node>)> {
    match node.node.as_ref()? {
        NodeEnum::DefElem(option) => Some((option.defname.as_str(), option.arg.as_deref())),
        _ => None,
    }
}

fn text(node: Option<&Node>) -> Option<String> {
    match node?.node.as_ref()? {
        NodeEnum::String(text) => Some(text.sval.clone()),
        _ => None,
    }
}

/// The one text of an `AS`; where there are two, they are a library and a symbol.
fn only_text(node: Option<&Node>) -> Option<String> {
    match node?.node.as_ref()? {
        NodeEnum::List(list) => match list.items.as_slice() {
            [only] => text(Some(only)),
            _ => None,
        },
        _ => None,
    }
}

fn is_plain_setting(node: Option<&Node>) -> bool {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::VariableSetStmt(set)) => {
            PLAIN_SETTINGS.contains(&set.name.to_ascii_lowercase().as_str())
        }
        _ => false,
    }
}

/// Whether a default is a mere value.
fn is_plain(node: &Node) -> bool {
    match node.node.as_ref() {
        Some(NodeEnum::AConst(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => cast.arg.as_deref().is_some_and(is_plain),
        Some(NodeEnum::AArrayExpr(array)) => array.elements.iter().all(is_plain),
        _ => false,
    }
}
