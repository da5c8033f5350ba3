//! What is sent of requests without a session: each has a stream of its own, which cannot be gone on with.

use std::collections::BTreeMap;

use palisade_policy::Denial;
use tokio::sync::mpsc;

use super::frame::{Alive, Frame, MOST_UNREAD_OF_ALL};
use crate::conversation::{Stream, denied};
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
    Told(Frame),
    /// The answer, and the status of a response that has nothing else.
    Last(Frame, u16),
}

/// The streams of those that have no answer yet.
#[derive(Default)]
pub(super) struct Direct {
    ways: BTreeMap<Stream, Way>,
    /// What was not read yet of any of them, also of those that have their answer.
    alive: Alive,
}

/// A way to a client.
struct Way {
    to: mpsc::Sender<Piece>,
    /// What is told and was not read yet.
    told: Alive,
}

impl Direct {
    pub(super) fn open(&mut self, stream: Stream) -> mpsc::Receiver<Piece> {
        let (to, pieces) = mpsc::channel(MOST_WAITING);
        self.ways.insert(stream, Way { to, told: Alive::default() });
        pieces
    }

    /// Sends a message by its stream. Gives how many bytes that is; none where there is no such stream.
    pub(super) fn send(&mut self, stream: Stream, message: &Message) -> Option<usize> {
        let Way { to, told } = self.ways.get(&stream)?;
        // Of what comes then nothing is told, and no answer says more than that.
        let is_full = self.alive.bytes() > MOST_UNREAD_OF_ALL;
        let withheld = is_full.then(|| withheld(message)).flatten();
        let message = withheld.as_ref().unwrap_or(message);
        let text = message.json().to_text();
        let length = text.len();
        let waits = told.bytes();
        let frame = Frame::new(text, [told, &self.alive]);
        match message {
            Message::Result { .. } | Message::Error { .. } => {
                // There is always room for it.
                let _ = to.try_send(Piece::Last(frame, status(message)));
                self.ways.remove(&stream);
            }
            Message::Request { .. } | Message::Notification { .. } => {
                // The first may be as large as a message may be.
                if to.capacity() > 1 && !is_full && (waits == 0 || waits + length <= MOST_TOLD) {
                    let _ = to.try_send(Piece::Told(frame));
                }
            }
        }
        Some(length)
    }

    pub(super) fn done(&mut self, stream: Stream) {
        self.ways.remove(&stream);
    }

    /// Keeps quiet streams alive, and gives those whose client has left.
    pub(super) fn tick(&mut self) -> Vec<Stream> {
        let mut left = Vec::new();
        self.ways.retain(|stream, Way { to, .. }| {
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
        self.ways.is_empty()
    }

    pub(super) fn end(&mut self) {
        self.ways.clear();
    }
}

/// What an answer says in whose place too many wait already.
fn withheld(message: &Message) -> Option<Message> {
    let (Message::Result { id, .. } | Message::Error { id: Some(id), .. }) = message else {
        return None;
    };
    let error = denied(&Denial {
        rule: "gateway.unread".to_owned(),
        reason: "the result is withheld: too many wait for this client to read them".to_owned(),
        hint: "Read the answers that wait; what was asked has run.".to_owned(),
    });
    Some(Message::Error { id: Some(id.clone()), error })
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
                Piece::Told(frame) => bytes += frame.as_ref().len(),
                Piece::Last(..) => answered = true,
                Piece::Alive => {}
            }
        }
        assert!(answered && bytes > 100 << 10 && bytes <= MOST_TOLD, "{bytes}");
    }

    #[test]
    fn answers_that_nobody_reads_take_so_much_of_a_session() {
        let mut direct = Direct::default();
        let text = "x".repeat(4 << 20);
        let mut waiting = Vec::new();
        for stream in 0..20 {
            waiting.push(direct.open(stream));
            let id = Id::Number(stream.to_string());
            direct.send(stream, &Message::Result { id, result: Json::text(&text) });
        }
        assert!(direct.alive.bytes() < MOST_UNREAD_OF_ALL + (5 << 20), "{}", direct.alive.bytes());
        drop(waiting);
        assert_eq!(direct.alive.bytes(), 0, "there is room again");
    }
}
