//! A client: what it sends, and whether what it gets answers that.

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};

use super::statements::{NAMES, text};
use crate::codec::{Frame, backend, build};
use crate::fuzzing::choices::Choices;

/// What a client has sent and was not answered, in order.
#[derive(Debug, Default)]
pub(super) struct Client {
    waiting: VecDeque<u8>,
    /// The server takes rows from it.
    pub(super) copies: bool,
    /// How often it was told that the server is ready.
    pub(super) ready: usize,
    /// A message of this run has failed: the server skips what follows up to the `Sync`.
    skipped: bool,
    /// It was told that the session is over.
    pub(super) ended: bool,
}

impl Client {
    /// Sends one message, well formed.
    pub(super) fn send(&mut self, out: &mut BytesMut, choices: &mut Choices<'_>) {
        let kind = if self.copies { 21 + choices.below(5) } else { choices.below(26) };
        let name = choices.one_of(&NAMES);
        let tag = match kind {
            0..=5 => b'Q',
            6..=9 => b'P',
            10..=12 => b'B',
            13 | 14 => b'D',
            15..=17 => b'E',
            18 => b'C',
            19 | 20 => b'S',
            21 | 22 => b'd',
            23 => b'c',
            24 => b'f',
            _ => b'H',
        };
        match tag {
            b'Q' => build::query(out, &texts(choices)),
            b'P' => {
                let text = text(choices.byte(), choices.byte());
                build::parse(out, name, &text, &[0, 0]);
            }
            b'B' => bind(out, name, choices),
            b'D' | b'C' => build::frame(out, tag, |out| {
                out.put_u8(if choices.one_in(2) { b'S' } else { b'P' });
                build::cstr(out, name);
            }),
            b'E' => build::frame(out, tag, |out| {
                build::cstr(out, name);
                out.put_i32(i32::from(choices.byte() % 3));
            }),
            b'd' => build::frame(out, tag, |out| out.put_slice(b"1\tx\n")),
            b'f' => build::frame(out, tag, |out| build::cstr(out, "no")),
            _ => build::frame(out, tag, |_| {}),
        }
        self.sent(tag);
    }

    /// Ends what is open: a copy, then the run of messages.
    pub(super) fn finish(&mut self, out: &mut BytesMut) {
        if self.copies {
            build::frame(out, b'f', |out| build::cstr(out, "enough"));
            self.sent(b'f');
        }
        build::frame(out, b'S', |_| {});
        self.sent(b'S');
    }

    fn sent(&mut self, tag: u8) {
        self.skipped &= tag != b'S';
        match tag {
            _ if self.skipped => {}
            b'H' | b'd' => {}
            b'c' | b'f' => {
                self.copies = false;
                self.waiting.push_back(b'c');
            }
            other => self.waiting.push_back(other),
        }
    }

    /// Whether everything that it sent was answered.
    pub(super) fn is_answered(&mut self) -> bool {
        self.front().is_none()
    }

    /// The oldest message that is not answered; the ends of copies are no such messages.
    fn front(&mut self) -> Option<u8> {
        while self.waiting.front() == Some(&b'c') {
            self.waiting.pop_front();
        }
        self.waiting.front().copied()
    }

    /// Takes a message, which must answer what it sent.
    pub(super) fn take(&mut self, frame: &Frame<'_>) {
        let front = self.front();
        let fits = match (frame.tag, front) {
            (b'N' | b'A', _) => true,
            (b'S', _) => backend::parameter(frame).is_ok(),
            (b'1', Some(b'P')) | (b'2', Some(b'B')) | (b'3', Some(b'C')) => self.pop(),
            (b't', Some(b'D')) => true,
            (b'T' | b'n', Some(b'D')) => self.pop(),
            (b'T', Some(b'Q')) => true,
            (b'D' | b'H' | b'd' | b'c', Some(b'E' | b'Q')) => true,
            (b'G', Some(b'E' | b'Q')) => {
                self.copies = true;
                self.copy_begins();
                true
            }
            (b'C' | b'I', Some(b'Q')) => true,
            (b'C' | b'I' | b's', Some(b'E')) => self.pop(),
            (b'E', _) => self.failed(frame, front),
            (b'Z', Some(b'Q' | b'S')) => {
                self.ready += 1;
                self.copies = false;
                self.pop()
            }
            _ => false,
        };
        let (tag, front) = (char::from(frame.tag), front.map(char::from));
        assert!(fits, "the client was sent {tag} while it waits for an answer to {front:?}");
    }

    fn pop(&mut self) -> bool {
        self.waiting.pop_front().is_some()
    }

    /// The server ignores what ends runs until the copy has ended.
    fn copy_begins(&mut self) {
        let end = self.waiting.iter().position(|tag| *tag == b'c');
        let mut at = 0;
        self.waiting.retain(|tag| {
            let before = end.is_none_or(|end| at < end);
            at += 1;
            !(before && *tag == b'S')
        });
        // It has ended already, as far as this client is concerned.
        self.copies = end.is_none();
    }

    fn failed(&mut self, frame: &Frame<'_>, front: Option<u8>) -> bool {
        self.copies = false;
        if backend::report(frame).is_ok_and(|report| report.severity == "FATAL") {
            self.ended = true;
            return true;
        }
        match front {
            Some(b'Q') => true,
            // What is skipped gets no answer.
            Some(_) => {
                while self.waiting.front().is_some_and(|tag| *tag != b'S') {
                    self.waiting.pop_front();
                }
                self.skipped = self.waiting.is_empty();
                true
            }
            None => false,
        }
    }
}

/// One to three statements.
fn texts(choices: &mut Choices<'_>) -> String {
    let count = 1 + usize::from(choices.one_in(4)) + usize::from(choices.one_in(8));
    let texts: Vec<_> = (0..count).map(|_| text(choices.byte(), choices.byte())).collect();
    texts.join("; ")
}

fn bind(out: &mut BytesMut, statement: &str, choices: &mut Choices<'_>) {
    let portal = choices.one_of(&NAMES);
    let format = u16::from(choices.one_in(4));
    build::frame(out, b'B', |out| {
        build::cstr(out, portal);
        build::cstr(out, statement);
        out.put_slice(&[0, 0, 0, 0, 0, 1]);
        out.put_u16(format);
    });
}
