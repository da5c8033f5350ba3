//! What to make of a text that is no message: whether somebody waits for what it should have been.

use crate::json::Json;
use crate::message::Id;

/// The members of an answer (JSON-RPC 2.0, section 5).
const MEMBERS: [&str; 4] = ["jsonrpc", "id", "result", "error"];

/// The request that a text which is no message may be the answer to; `Some(None)` where it may be any that is under way, and
/// nothing where it is none: programs write all kinds of things on their output.
pub(super) fn answers(text: &[u8]) -> Option<Option<Id>> {
    match Json::read(text) {
        Ok(Json::List(_)) => Some(None),
        Ok(json) if json.get("method").is_some() || !looks_like_answer(&json) => None,
        Ok(json) => {
            let is_answer = json.get("result").is_some() || json.get("error").is_some();
            let id = json.get("id").and_then(Id::read);
            (is_answer || id.is_some()).then_some(id)
        }
        Err(_) => begins_as_message(text).then_some(None),
    }
}

/// Whether an object says that it is a message, or has no members but an answer's: a log may have errors, levels and ids too.
fn looks_like_answer(json: &Json) -> bool {
    let mut names = json.members().iter().map(|(name, _)| name.as_str());
    json.get("jsonrpc").is_some() || names.all(|name| MEMBERS.contains(&name))
}

/// Whether a text begins as an object does that has members, or as a list of such: a line of a log hardly does.
fn begins_as_message(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    let text = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
    text.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_an_answer_is_told_from_what_a_program_says_besides() {
        let id = || Some(Id::Number("7".to_owned()));
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":{"a":1,"a":2}}"#, Some(None)),
            ("\u{feff} { \"id\":7", Some(None)),
            (r#"[{"jsonrpc":"2.0","id":7,"result":{}}]"#, Some(None)),
            (r#"{"id":7,"result":{}}"#, Some(id())),
            (r#"{"jsonrpc":"2.0","id":7,"result":3}"#, Some(id())),
            (r#"{"result":{}}"#, Some(None)),
            (r#"{"error":{"code":1,"message":"no"}}"#, Some(None)),
            (r#"{"jsonrpc":"2.0","error":"timeout","level":"warn"}"#, Some(None)),
            (r#"{"level":"info","msg":"started"}"#, None),
            (r#"{"level":"warn","msg":"retrying","error":"timeout"}"#, None),
            (r#"{"level":"info","id":7,"result":"done"}"#, None),
            (r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#, None),
            ("[info] listening", None),
            ("{} said", None),
            ("Debugger attached.", None),
        ] {
            assert_eq!(answers(text.as_bytes()), expected, "{text}");
        }
    }
}
