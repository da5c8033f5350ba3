//! The statements that are played, and what an honest server makes of them.

use super::world::{FIRST_OID, MARKER};

/// A column of a result: its name, the relation it comes from (0: none), its number there, and a value.
pub(super) type ColumnOf = (&'static str, u32, i16, &'static str);

/// What a statement does at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Rows(&'static [ColumnOf]),
    /// Something with this tag.
    Does(&'static str),
    CopyIn,
    /// The lines that it copies out, and of how many columns.
    CopyOut(&'static str, u16),
    Begin,
    Commit,
    Rollback,
    RollbackTo,
    Prepare(String, String),
    Execute(String),
    Deallocate(Option<String>),
    Declare(String, String),
    Fetch(String),
    Close(Option<String>),
    DiscardAll,
    Nothing,
    Fails,
}

const OPEN: u32 = FIRST_OID;
const VAULT: u32 = FIRST_OID + 1;
const SEEN: u32 = FIRST_OID + 2;
const SHUT: u32 = FIRST_OID + 3;

/// Statements that give rows, and those rows.
const QUERIES: [(&str, &[ColumnOf]); 9] = [
    ("SELECT 1", &[("?column?", 0, 0, "1")]),
    ("SELECT id FROM open", &[("id", OPEN, 1, "1")]),
    ("SELECT secret FROM vault", &[("secret", VAULT, 2, MARKER)]),
    ("SELECT id, upper(secret) FROM vault", &[("id", VAULT, 1, "1"), ("upper", 0, 0, MARKER)]),
    ("SELECT remark FROM seen", &[("remark", SEEN, 2, MARKER)]),
    ("SELECT a FROM shut", &[("a", SHUT, 1, "a")]),
    ("SELECT id AS held FROM open", &[("held", OPEN, 1, "1")]),
    ("SELECT id AS broken FROM open", &[("broken", OPEN, 1, "1")]),
    ("SELECT note FROM open", &[("note", OPEN, 2, "bad")]),
];

/// Other statements.
const OTHERS: [&str; 20] = [
    "SELECT forbidden FROM open",
    "SELECT rewritten FROM open",
    "SELECT redirected FROM open",
    "INSERT INTO open VALUES (1)",
    "INSERT INTO open SELECT id FROM open RETURNING id",
    "COPY open FROM STDIN",
    "COPY open TO STDOUT",
    "COPY vault (id, secret) TO STDOUT",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "ROLLBACK TO s",
    "CREATE TABLE fresh (a int)",
    "DEALLOCATE ALL",
    "CLOSE ALL",
    "DISCARD ALL",
    "no SQL at all",
    "",
    "INSERT INTO open SELECT secret FROM vault",
];

/// What names a stored statement or cursor.
const STORED: [(&str, bool); 6] = [
    ("PREPARE {} AS ", true),
    ("DECLARE {} CURSOR FOR ", true),
    ("EXECUTE {}", false),
    ("FETCH {}", false),
    ("DEALLOCATE {}", false),
    ("CLOSE {}", false),
];

/// Names of statements, portals, cursors.
pub(super) const NAMES: [&str; 3] = ["", "p", "q"];

/// One statement's text, chosen by two bytes.
pub(super) fn text(which: u8, more: u8) -> String {
    let query =
        |byte: u8| QUERIES.get(usize::from(byte) % QUERIES.len()).map_or("", |query| query.0);
    let at = usize::from(which) % 40;
    if let Some(other) = at.checked_sub(20) {
        return OTHERS.get(other).copied().unwrap_or_default().to_owned();
    }
    let Some((form, holds)) = STORED.get(at) else { return query(which).to_owned() };
    let name = if more & 0x80 == 0 { "p" } else { "q" };
    let form = form.replace("{}", name);
    if *holds { form + query(more) } else { form }
}

/// What an honest server makes of one statement.
pub(super) fn act_of(text: &str) -> Act {
    if let Some((_, columns)) = QUERIES.iter().find(|query| query.0 == text) {
        return Act::Rows(columns);
    }
    let words: Vec<&str> = text.split(' ').collect();
    let name = || words.get(1).map(|name| (*name).to_owned()).unwrap_or_default();
    let all = words.get(1) == Some(&"ALL");
    match words.first().copied() {
        Some("PREPARE") => stored(text, " AS ", Act::Prepare),
        Some("DECLARE") => stored(text, " FOR ", Act::Declare),
        Some("EXECUTE") => Act::Execute(name()),
        Some("FETCH") => Act::Fetch(name()),
        Some("DEALLOCATE") => Act::Deallocate((!all).then(name)),
        Some("CLOSE") => Act::Close((!all).then(name)),
        Some("DISCARD") => Act::DiscardAll,
        Some("BEGIN") => Act::Begin,
        Some("COMMIT") => Act::Commit,
        Some("ROLLBACK") if words.len() > 1 => Act::RollbackTo,
        Some("ROLLBACK") => Act::Rollback,
        Some("SAVEPOINT") => Act::Does("SAVEPOINT"),
        Some("CREATE") => Act::Does("CREATE TABLE"),
        Some("INSERT") if text.ends_with("RETURNING id") => Act::Rows(&[("id", OPEN, 1, "1")]),
        Some("INSERT") => Act::Does("INSERT 0 1"),
        Some("COPY") if text.ends_with("STDIN") => Act::CopyIn,
        Some("COPY") if text.contains("vault") => Act::CopyOut("1\tQXZJVKW\n", 2),
        Some("COPY") => Act::CopyOut("1\tplain\n", 2),
        Some("") => Act::Nothing,
        _ => Act::Fails,
    }
}

/// Whether it reads what nobody may read while policies are strict.
pub(super) fn reads_shut(act: &Act) -> bool {
    matches!(act, Act::Rows([(_, SHUT, ..)]))
}

fn stored(text: &str, word: &str, make: impl FnOnce(String, String) -> Act) -> Act {
    let name = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let inner = text.split_once(word).map(|(_, inner)| inner.to_owned()).unwrap_or_default();
    make(name, inner)
}
