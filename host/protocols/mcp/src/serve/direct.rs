//! What is sent of requests without a session: each has a stream of its own, which cannot be gone on with.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::conversation::Stream;
use crate::message::{
    HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, Message, PARSE_ERROR,
    UNSUPPORTED_VERSION,
};

/// So many pieces may wait for a client to read them; of one that reads too slowly nothing is dropped but what is told on
/// the way.
const MOST_WAITING: usize = 64;

/// So many bytes of what is told may wait for it, in all.
const MOST_TOLD: usize = 256 << 10;

/// A piece of an answer.
pub(super) enum Piece {
    /// Nothing but that the gateway still waits.
    Alive,
    /// Something that is told on the way.
    Told(String),
    /// The answer, and the status of a response that has nothing else.
    Last(String, u16),
}

/// The streams of those that have no answer yet.
#[derive(Default)]
pub(super) struct Direct(BTreeMap<Stream, Way>);

/// A way to a client.
struct Way {
    to: mpsc::Sender<Piece>,
    /// How many bytes of what is told were sent since all of it was read last.
    told: usize,
}

impl Direct {
    pub(super) fn open(&mut self, stream: Stream) -> mpsc::Receiver<Piece> {
        let (to, pieces) = mpsc::channel(MOST_WAITING);
        self.0.insert(stream, Way { to, told: 0 });
        pieces
    }

    /// Sends a message by its stream. Gives how many bytes that is; none where there is no such stream.
    pub(super) fn send(&mut self, stream: Stream, message: &Message) -> Option<usize> {
        let Way { to, told } = self.0.get_mut(&stream)?;
        let text = message.json().to_text();
        let length = text.len();
        match message {
            Message::Result { .. } | Message::Error { .. } => {
                // There is always room for it.
                let _ = to.try_send(Piece::Last(text, status(message)));
                self.0.remove(&stream);
            }
            Message::Request { .. } | Message::Notification { .. } => {
                if to.capacity() == MOST_WAITING {
                    *told = 0;
                }
                // The first may be as large as a message may be.
                if to.capacity() > 1 && (*told == 0 || *told + length <= MOST_TOLD) {
                    *told += length;
                    let _ = to.try_send(Piece::Told(text));
                }
            }
        }
        Some(length)
    }

    pub(super) fn done(&mut self, stream: Stream) {
        self.0.remove(&stream);
    }

    /// Keeps quiet streams alive, and gives those whose client has left.
    pub(super) fn tick(&mut self) -> Vec<Stream> {
        let mut left = Vec::new();
        self.0.retain(|stream, Way { to, .. }| {
            if to.capacity() > 1 {
                let _ = to.try_send(Piece::Alive);
            }
            if to.is_closed() {
                left.push(*stream);
            }
            !to.is_closed()
        });
        left
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn end(&mut self) {
        self.0.clear();
    }
}

/// The status of a response that is nothing but this message (revision 2026-07-28, Transports).
pub(super) fn status(message: &Message) -> u16 {
    let Message::Error { error, .. } = message else { return 200 };
    match error.code {
        METHOD_NOT_FOUND => 404,
        PARSE_ERROR | INVALID_REQUEST | INVALID_PARAMS | HEADER_MISMATCH | UNSUPPORTED_VERSION => {
            400
        }
        _ => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;
    use crate::message::Id;

    #[test]
    fn a_client_that_does_not_read_has_so_much_told_and_its_answer() {
        let mut direct = Direct::default();
        let mut pieces = direct.open(7);
        let params = Json::object([("message", Json::text("x".repeat(100 << 10)))]);
        let told = Message::Notification { method: "notifications/progress".to_owned(), params };
        for _ in 0..20 {
            direct.send(7, &told);
        }
        let id = Id::Number("7".to_owned());
        direct.send(7, &Message::Result { id, result: Json::Object(vec![]) });
        let (mut bytes, mut answered) = (0, false);
        while let Ok(piece) = pieces.try_recv() {
            match piece {
                Piece::Told(text) => bytes += text.len(),
                Piece::Last(..) => answered = true,
                Piece::Alive => {}
            }
        }
        assert!(answered && bytes > 100 << 10 && bytes <= MOST_TOLD, "{bytes}");
    }
}
