//! A call, or a message of one, as the command that policies judge and the record keeps.

use palisade_policy::{Command, Operation};

use super::{Call, Described, Message};
use crate::Contents;
use crate::event::headers;

/// What is known of what a call says.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// Nothing that could be read.
    Unread,
    /// Nothing yet: each message is judged when it comes.
    Nothing,
    /// A message, with what it says of its fields, and its length in bytes.
    Message(Box<Message>, Box<Contents>, usize),
}

/// What a call would do, or one of its messages.
pub(crate) fn command(call: &Call, method: Option<&Described>, said: Said) -> Command {
    let object = call.path();
    let mut facts = vec![
        ("service".to_owned(), call.service.clone()),
        ("method".to_owned(), call.method.clone()),
    ];
    facts.extend(headers::facts(&call.metadata));
    let kind = String::from_utf8_lossy(call.kind.as_bytes()).into_owned();
    facts.push(("content-type".to_owned(), kind));
    if let Some(method) = method {
        facts.push(("streaming".to_owned(), method.kind().to_owned()));
    }
    let mut text = format!("call {object}\n");
    for (name, value) in headers::shown(&call.metadata) {
        text.push_str(&format!("{name}: {value}\n"));
    }
    let (mut fields, mut complete) = (vec![], true);
    match said {
        Said::Unread => {
            facts.push(("body".to_owned(), "unread".to_owned()));
            text.push_str("\n[messages that are not read]");
            complete = false;
        }
        Said::Nothing => text.truncate(text.trim_end().len()),
        Said::Message(message, contents, size) => {
            complete = message.is_known();
            facts.push(("size".to_owned(), size.to_string()));
            fields = contents.fields;
            facts.extend(contents.facts);
            if contents.cut {
                facts.push(("values".to_owned(), "cut".to_owned()));
            }
            text.push_str(&format!("\n{}", message.json()));
        }
    }
    let operation = Operation { action: "call".to_owned(), object, fields, facts };
    Command { text, operations: vec![operation].into(), complete }
}
