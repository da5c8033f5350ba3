//! Messages, put together of their frames (RFC 6455 sections 5.4 to 5.6).

use super::{Frame, Frames, Malformed, Opcode};

/// What a peer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// It asks whether somebody is there.
    Ping(Vec<u8>),
    /// It is there.
    Pong(Vec<u8>),
    /// It ends the connection, with a code and a reason.
    Close(Option<(u16, String)>),
}

/// One peer's messages.
#[derive(Debug)]
pub struct Messages {
    frames: Frames,
    /// What came of a message in parts, and whether it is text.
    begun: Option<(bool, Vec<u8>)>,
    limit: usize,
}

impl Messages {
    /// Messages of a client or a server, none longer than `limit` bytes.
    #[must_use]
    pub fn new(from_client: bool, limit: usize) -> Self {
        Self { frames: Frames::new(from_client, limit), begun: None, limit }
    }

    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.frames.feed(bytes);
    }

    /// The next message; `None` where more must come first.
    ///
    /// # Errors
    /// What is no WebSocket. Nothing behind it can be read.
    pub fn next(&mut self) -> Result<Option<Message>, Malformed> {
        while let Some(Frame { last, opcode, payload }) = self.frames.next()? {
            let whole = match (opcode, self.begun.take()) {
                (Opcode::Ping, begun) => {
                    self.begun = begun;
                    return Ok(Some(Message::Ping(payload)));
                }
                (Opcode::Pong, begun) => {
                    self.begun = begun;
                    return Ok(Some(Message::Pong(payload)));
                }
                (Opcode::Close, _) => return close(payload).map(Some),
                (Opcode::Text, None) => (true, payload),
                (Opcode::Binary, None) => (false, payload),
                (Opcode::More, Some((is_text, mut begun))) => {
                    if begun.len() + payload.len() > self.limit {
                        return Err(Malformed::TooLong(self.limit));
                    }
                    begun.extend(payload);
                    (is_text, begun)
                }
                (Opcode::More, None) => {
                    return Err(Malformed::Protocol("a part of no message"));
                }
                (Opcode::Text | Opcode::Binary, Some(_)) => {
                    return Err(Malformed::Protocol("a message within another"));
                }
            };
            if !last {
                self.begun = Some(whole);
                continue;
            }
            return Ok(Some(match whole {
                (true, text) => {
                    Message::Text(String::from_utf8(text).map_err(|_| Malformed::NoText)?)
                }
                (false, bytes) => Message::Binary(bytes),
            }));
        }
        Ok(None)
    }
}

/// What ends a connection (section 5.5.1).
fn close(payload: Vec<u8>) -> Result<Message, Malformed> {
    let (code, reason) = match payload.as_slice() {
        [] => return Ok(Message::Close(None)),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason.to_vec()),
        _ => return Err(Malformed::Protocol("half a code")),
    };
    // Codes that are never sent (section 7.4.1) would be lies.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Malformed::Protocol("a code that is never sent"));
    }
    let reason = String::from_utf8(reason).map_err(|_| Malformed::NoText)?;
    Ok(Message::Close(Some((code, reason))))
}
