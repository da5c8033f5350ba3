//! What a client does, as a case's file says it, step by step.

use serde::Deserialize;

use super::client::Session;

/// A plain text is a simple query that is waited for; all else is named.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Step {
    Query(String),
    Other(Message),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Message {
    /// Parse, Bind, Describe, Execute and Sync in one piece, with unnamed statement and portal.
    Extended(Extended),
    /// A simple query that is not waited for.
    Send(String),
    /// Waits for so many `ReadyForQuery`.
    Wait(usize),
    Parse(Parse),
    Bind(Bind),
    DescribeStatement(String),
    DescribePortal(String),
    Execute(Execute),
    CloseStatement(String),
    ClosePortal(String),
    /// A Sync, and how many `ReadyForQuery` are waited for then.
    Sync(usize),
    /// A Flush, and the types of which one message is waited for then.
    Flush(String),
    /// A COPY FROM STDIN and its data.
    CopyIn(CopyIn),
    Raw(Raw),
    /// Steps in another session of the same client's.
    Second(Vec<Step>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extended {
    sql: String,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    results: Vec<u16>,
    /// Without it, rows come without their description.
    #[serde(default = "yes")]
    describe: bool,
    #[serde(default)]
    rows: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parse {
    #[serde(default)]
    name: String,
    sql: String,
    /// Object identifiers of the parameters' types.
    #[serde(default)]
    types: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bind {
    #[serde(default)]
    portal: String,
    #[serde(default)]
    statement: String,
    #[serde(default)]
    values: Vec<String>,
    /// Values in binary, written in hexadecimal; they take the place of `values`.
    #[serde(default)]
    binary: Vec<String>,
    #[serde(default)]
    results: Vec<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Execute {
    #[serde(default)]
    portal: String,
    #[serde(default)]
    rows: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CopyIn {
    sql: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    hex: String,
    /// A copy that the client gives up says why.
    fail: Option<String>,
}

/// Bytes of a case's own making: a message with a tag, or none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    tag: Option<char>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    hex: String,
    #[serde(default)]
    wait: usize,
}

fn yes() -> bool {
    true
}

/// Takes all steps. The second session is opened when it is first needed, and kept.
pub(crate) fn take(session: &mut Session, second: &mut Option<Session>, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Query(text) => {
                session.send(b'Q', &terminated(text));
                session.wait(1);
            }
            Step::Other(Message::Second(steps)) => {
                let other = second.get_or_insert_with(|| session.another());
                take(other, &mut None, steps);
            }
            Step::Other(message) => send(session, message),
        }
    }
}

fn send(session: &mut Session, message: &Message) {
    match message {
        Message::Extended(extended) => send_extended(session, extended),
        Message::Send(text) => session.send(b'Q', &terminated(text)),
        Message::Wait(ready) => session.wait(*ready),
        Message::Parse(parse) => session.send(b'P', &parse.body()),
        Message::Bind(bind) => session.send(b'B', &bind.body()),
        Message::DescribeStatement(name) => session.send(b'D', &terminated(&format!("S{name}"))),
        Message::DescribePortal(name) => session.send(b'D', &terminated(&format!("P{name}"))),
        Message::Execute(execute) => session.send(b'E', &execute.body()),
        Message::CloseStatement(name) => session.send(b'C', &terminated(&format!("S{name}"))),
        Message::ClosePortal(name) => session.send(b'C', &terminated(&format!("P{name}"))),
        Message::Sync(ready) => {
            session.send(b'S', b"");
            session.wait(*ready);
        }
        Message::Flush(tags) => {
            session.send(b'H', b"");
            session.read_until(tags.as_bytes());
        }
        Message::CopyIn(copy) => copy_in(session, copy),
        Message::Raw(raw) => send_raw(session, raw),
        Message::Second(_) => {}
    }
}

/// A simple way to run one statement by the extended protocol.
pub(crate) fn send_extended(session: &mut Session, extended: &Extended) {
    let parse = Parse { name: String::new(), sql: extended.sql.clone(), types: vec![] };
    session.send(b'P', &parse.body());
    let values: Vec<_> = extended.values.iter().map(|value| Some(value.as_bytes())).collect();
    session.send(b'B', &bind_body(["", ""], &values, &[0], &extended.results));
    if extended.describe {
        session.send(b'D', b"P\0");
    }
    let execute = Execute { portal: String::new(), rows: extended.rows };
    session.send(b'E', &execute.body());
    session.send(b'S', b"");
    session.wait(1);
}

fn copy_in(session: &mut Session, copy: &CopyIn) {
    session.send(b'Q', &terminated(&copy.sql));
    if session.read_until(b"GZ") != Some(b'G') {
        return;
    }
    let mut data = copy.data.clone().into_bytes();
    data.extend(unhex(&copy.hex));
    session.send(b'd', &data);
    match &copy.fail {
        Some(reason) => session.send(b'f', &terminated(reason)),
        None => session.send(b'c', b""),
    }
    session.wait(1);
}

fn send_raw(session: &mut Session, raw: &Raw) {
    let mut body = raw.text.clone().into_bytes();
    body.extend(unhex(&raw.hex));
    match raw.tag {
        Some(tag) => session.send(u8::try_from(tag).unwrap(), &body),
        None => session.write(&body),
    }
    session.wait(raw.wait);
}

impl Parse {
    fn body(&self) -> Vec<u8> {
        let mut body = [terminated(&self.name), terminated(&self.sql)].concat();
        body.extend(u16::try_from(self.types.len()).unwrap().to_be_bytes());
        body.extend(self.types.iter().flat_map(|kind| kind.to_be_bytes()));
        body
    }
}

impl Bind {
    fn body(&self) -> Vec<u8> {
        let names = [self.portal.as_str(), self.statement.as_str()];
        let binary: Vec<_> = self.binary.iter().map(|value| unhex(value)).collect();
        if binary.is_empty() {
            let values: Vec<_> = self.values.iter().map(|value| Some(value.as_bytes())).collect();
            return bind_body(names, &values, &[0], &self.results);
        }
        let values: Vec<_> = binary.iter().map(|value| Some(value.as_slice())).collect();
        bind_body(names, &values, &[1], &self.results)
    }
}

impl Execute {
    fn body(&self) -> Vec<u8> {
        [terminated(&self.portal), self.rows.to_be_bytes().to_vec()].concat()
    }
}

/// The body of a Bind. One format stands for all values.
pub(crate) fn bind_body(
    [portal, statement]: [&str; 2],
    values: &[Option<&[u8]>],
    formats: &[u16],
    results: &[u16],
) -> Vec<u8> {
    let mut body = [terminated(portal), terminated(statement)].concat();
    body.extend(u16::try_from(formats.len()).unwrap().to_be_bytes());
    body.extend(formats.iter().flat_map(|format| format.to_be_bytes()));
    body.extend(u16::try_from(values.len()).unwrap().to_be_bytes());
    for value in values {
        let size = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        body.extend(size.to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    body.extend(u16::try_from(results.len()).unwrap().to_be_bytes());
    body.extend(results.iter().flat_map(|format| format.to_be_bytes()));
    body
}

pub(crate) fn terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

/// Bytes from hexadecimal digits, which may be spaced.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}
