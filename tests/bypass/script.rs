//! Scripts of ordinary work: SQL as it is written elsewhere, with directives in comments.
//!
//! A statement ends with a semicolon at a line's end. Directives stand in front of it:
//!
//! ```text
//! --@ extended            all statements of the file go by the extended protocol
//! --@ values ["a", null]  the next one does, with these parameters
//! --@ types [23]          of these types; a value in binary is written { "hex": "00000001" }
//! --@ data "1\tx\n"       the next one is a COPY FROM STDIN, and this is what it reads
//! --@ masked              the next one must succeed; what it returns is masked
//! --@ varies              the next one must succeed; what it returns is never the same twice
//! --@ undo                what follows is run directly after the script
//! ```

use serde::Deserialize;

use super::client::Session;
use super::steps::{bind_body, terminated, unhex};

/// A parameter, in text or in binary.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Binary { hex: String },
}

#[derive(Default)]
pub(crate) struct Statement {
    pub(crate) line: usize,
    pub(crate) sql: String,
    values: Option<Vec<Option<Value>>>,
    types: Vec<u32>,
    data: Option<String>,
    pub(crate) masked: bool,
    pub(crate) varies: bool,
}

pub(crate) struct Script {
    pub(crate) statements: Vec<Statement>,
    pub(crate) undo: String,
}

impl Script {
    pub(crate) fn read(text: &str) -> Self {
        let (text, undo) = text.split_once("\n--@ undo\n").unwrap_or((text, ""));
        let mut extended = false;
        let mut statements = vec![];
        let mut next = Statement::default();
        for (number, line) in text.lines().enumerate() {
            if let Some(directive) = line.strip_prefix("--@ ") {
                let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
                match word {
                    "extended" => extended = true,
                    "values" => next.values = Some(serde_json::from_str(rest).unwrap()),
                    "types" => next.types = serde_json::from_str(rest).unwrap(),
                    "data" => next.data = Some(serde_json::from_str(rest).unwrap()),
                    "masked" => next.masked = true,
                    "varies" => next.varies = true,
                    _ => panic!("line {}: no such directive: {word}", number + 1),
                }
                continue;
            }
            if next.sql.is_empty() {
                if line.trim().is_empty() || line.starts_with("--") {
                    continue;
                }
                next.line = number + 1;
            }
            next.sql.push_str(line);
            if let Some(sql) = next.sql.strip_suffix(';') {
                next.sql = sql.to_owned();
                if extended && next.values.is_none() && next.data.is_none() {
                    next.values = Some(vec![]);
                }
                statements.push(std::mem::take(&mut next));
            } else {
                next.sql.push('\n');
            }
        }
        assert!(next.sql.trim().is_empty(), "the last statement has no end: {}", next.sql);
        Self { statements, undo: undo.to_owned() }
    }
}

impl Statement {
    /// Runs it, and waits for its end.
    pub(crate) fn run(&self, session: &mut Session) {
        let Some(values) = &self.values else {
            session.send(b'Q', &terminated(&self.sql));
            if let Some(data) = &self.data
                && session.read_until(b"GZ") == Some(b'G')
            {
                session.send(b'd', data.as_bytes());
                session.send(b'c', b"");
                session.wait(1);
            } else if self.data.is_none() {
                session.wait(1);
            }
            return;
        };
        let formats: Vec<_> = values
            .iter()
            .map(|value| u16::from(matches!(value, Some(Value::Binary { .. }))))
            .collect();
        let values: Vec<_> = values.iter().map(|value| value.as_ref().map(Value::bytes)).collect();
        let values: Vec<_> = values.iter().map(Option::as_deref).collect();
        let mut parse = [terminated(""), terminated(&self.sql)].concat();
        parse.extend(u16::try_from(self.types.len()).unwrap().to_be_bytes());
        parse.extend(self.types.iter().flat_map(|kind| kind.to_be_bytes()));
        session.send(b'P', &parse);
        session.send(b'B', &bind_body(["", ""], &values, &formats, &[]));
        session.send(b'D', b"P\0");
        session.send(b'E', &[0; 5]);
        session.send(b'S', b"");
        session.wait(1);
    }
}

impl Value {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Binary { hex } => unhex(hex),
        }
    }
}
