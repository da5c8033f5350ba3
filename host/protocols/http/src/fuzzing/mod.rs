//! What the fuzzers of the repository's `fuzz` folder call, and what their findings are replayed by.

mod grpc;

use std::collections::BTreeSet;

use crate::body::Document;
use crate::proxy::Absolute;
use crate::websocket::Messages;
use crate::{Authority, Connect, Contents, Kind, ProxyLogin, Target, check_raw, graphql};

pub use grpc::grpc;
#[cfg(test)]
pub(crate) use grpc::{cover, parts};

/// Reads a request's parts: the first byte says which part the others are.
///
/// # Panics
/// When a part that was taken has two readings.
pub fn request(data: &[u8]) {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 7 {
        0 => target(bytes),
        1 => head(bytes),
        2 => json(bytes),
        4 => socket(bytes),
        6 => proxy(bytes),
        3 => {
            let boundary = "b".to_owned();
            for kind in [Kind::Form, Kind::Multipart { boundary }, Kind::GraphQl] {
                // What is refused is refused.
                let _ = Contents::read(&kind, bytes);
            }
        }
        _ => {
            // What is no document says so.
            let text = String::from_utf8_lossy(bytes).into_owned();
            let _ = graphql::Walk::default().document(&Document { text, ..Document::default() });
        }
    }
}

/// What a proxy is asked has one reading: a tunnel's authority stays what it is, and no request is of two forms.
fn proxy(bytes: &[u8]) {
    let is_absolute = Absolute::parse(bytes).is_ok();
    assert!(!(is_absolute && Target::parse(bytes).is_ok()), "a target of two forms");
    // What is no login lets nobody in.
    let _ = ProxyLogin::read(bytes);
    let Ok(asked) = Connect::read(bytes) else { return };
    let text = asked.authority.to_string();
    assert_eq!(Authority::parse(&text, None), Some(asked.authority), "{text} is read otherwise");
    assert!(check_raw(bytes).is_ok() || bytes.windows(8).any(|it| it == b"HTTP/1.0"), "{text}");
}

/// What a peer says by a WebSocket does not depend on how its bytes are cut.
fn socket(bytes: &[u8]) {
    let all = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut messages = Messages::new(bytes.len().is_multiple_of(2), 4096);
        let mut heard = vec![];
        for piece in pieces {
            messages.feed(piece);
            loop {
                match messages.next() {
                    Ok(Some(message)) => heard.push(message),
                    Ok(None) => break,
                    Err(why) => return (heard, Some(why)),
                }
            }
        }
        (heard, None)
    };
    let at_once = all(&mut std::iter::once(bytes));
    assert_eq!(all(&mut bytes.chunks(1)), at_once);
}

/// What is canonical stays so, and has no part that servers would leave out.
fn target(raw: &[u8]) {
    let Ok(target) = Target::parse(raw) else { return };
    let text = target.text();
    let again = Target::parse(text.as_bytes());
    assert_eq!(again.as_ref(), Ok(&target), "{text} is read otherwise");
    assert!(!target.path.contains("//") && !target.path.contains(';'), "{text}");
    assert!(target.path.split('/').all(|part| part != "." && part != ".."), "{text}");
}

/// A head that is taken has its lines where a simple reader finds them, and says once how long the body is.
fn head(raw: &[u8]) {
    if check_raw(raw).is_err() {
        return;
    }
    let text = String::from_utf8_lossy(raw);
    assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    let names = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    let framing = names
        .map(|(name, _)| name.trim().to_ascii_lowercase())
        .filter(|name| name == "content-length" || name == "transfer-encoding");
    assert!(framing.count() <= 1, "{text:?}");
}

/// A JSON text that is taken says the same to another reader.
fn json(text: &[u8]) {
    let Ok(contents) = Contents::read(&Kind::Json, text) else { return };
    if text.is_empty() {
        return;
    }
    let read = serde_json::from_slice::<serde_json::Value>(text);
    assert!(read.is_ok(), "another reader does not read it");
    let written = read.unwrap_or_default().to_string();
    let again = Contents::read(&Kind::Json, written.as_bytes());
    assert!(again.is_ok(), "{written} is not read again");
    let again = again.unwrap_or_default();
    let set = |contents: &Contents| contents.fields.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(set(&contents), set(&again), "{written}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::request;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn requests_have_one_reading(
            which in 0_u8..5,
            parts in prop::collection::vec(prop::sample::select(vec![
                "/", "a", "..", "%2e", "%25", "%2F", ";", "?", "&", "=", "+", "\r\n", "\n", ":", " ", "content-length",
                "transfer-encoding", "GET / HTTP/1.1\r\n", "{", "}", "[", "]", "\"a\"", "\"A\"", ",", "1", "1e9", "--b",
                "\\u0061", "\"", "\r\n\r\n", "content-disposition: form-data; name=\"a\"", "...", "fragment", " on ",
            ]), 0..24),
        ) {
            let mut data = vec![which];
            data.extend(parts.concat().into_bytes());
            request(&data);
        }

        #[test]
        fn any_bytes_are_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..200)) {
            request(&data);
        }
    }
}
