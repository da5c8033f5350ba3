//! A client of PostgreSQL's protocol that does nothing by itself: it sends what a case says, and keeps all that it receives.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::transcript::Transcript;

/// A session that is silent for so long hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a session goes, and as whom.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) port: u16,
    pub(crate) user: &'static str,
    pub(crate) password: String,
}

/// How a session is opened.
#[derive(Clone, Default)]
pub(crate) struct Opening {
    /// More start-up parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Bytes sent ahead of the start-up packet; each is answered by one byte.
    pub(crate) requests: Vec<Vec<u8>>,
    /// The protocol's version; 3.0 where it is left out.
    pub(crate) version: Option<u32>,
}

/// How the waiting for a message ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    Message(u8),
    End,
    Silence,
}

/// One session.
pub(crate) struct Session {
    stream: TcpStream,
    target: Target,
    /// All that came after the start-up, and during it.
    pub(crate) heard: Transcript,
    /// Whether the other side fell silent while it owed an answer.
    pub(crate) hangs: bool,
    ended: bool,
}

impl Session {
    /// Opens a session, up to the first `ReadyForQuery` or the end.
    pub(crate) fn open(target: &Target, opening: &Opening) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", target.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut session = Self {
            stream,
            target: target.clone(),
            heard: Transcript::default(),
            hangs: false,
            ended: false,
        };
        for request in &opening.requests {
            session.write(request);
            session.read(1);
        }
        session.start_up(opening);
        session
    }

    fn start_up(&mut self, opening: &Opening) {
        let mut body = opening.version.unwrap_or(0x0003_0000).to_be_bytes().to_vec();
        let own = [("user", self.target.user), ("database", "orders")];
        let more = opening.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(more) {
            body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        body.push(0);
        let mut packet = length(body.len() + 4).to_vec();
        packet.append(&mut body);
        self.write(&packet);
        loop {
            match self.next() {
                Heard::Message(b'R') if self.heard.last_starts_with(&[0, 0, 0, 3]) => {
                    let password = format!("{}\0", self.target.password);
                    self.send(b'p', password.as_bytes());
                }
                Heard::Message(b'Z') | Heard::End | Heard::Silence => break,
                Heard::Message(_) => {}
            }
        }
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, tag: u8, body: &[u8]) {
        let mut frame = vec![tag];
        frame.extend_from_slice(&length(body.len() + 4));
        frame.extend_from_slice(body);
        self.write(&frame);
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if !self.ended && self.stream.write_all(bytes).is_err() {
            self.ended = true;
        }
    }

    /// Reads up to so many `ReadyForQuery`.
    pub(crate) fn wait(&mut self, ready: usize) {
        for _ in 0..ready {
            self.read_until(b"Z");
        }
    }

    /// Reads up to a message of one of these types, and gives its type.
    pub(crate) fn read_until(&mut self, tags: &[u8]) -> Option<u8> {
        loop {
            match self.next() {
                Heard::Message(tag) if tags.contains(&tag) => return Some(tag),
                Heard::Message(_) => {}
                Heard::End | Heard::Silence => return None,
            }
        }
    }

    /// Another session to the same place.
    pub(crate) fn another(&self) -> Self {
        Self::open(&self.target, &Opening::default())
    }

    /// Ends the session, and waits until the other side has ended it too: only then are its locks gone.
    pub(crate) fn close(mut self) -> Transcript {
        self.send(b'X', b"");
        let _ = self.stream.shutdown(Shutdown::Write);
        while matches!(self.next(), Heard::Message(_)) {}
        self.heard
    }

    fn next(&mut self) -> Heard {
        if self.ended {
            return Heard::End;
        }
        let Some(header) = self.read(5) else { return self.end() };
        let size = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
        let Some(body) = self.read(size - 4) else { return self.end() };
        self.heard.push(header[0], body);
        Heard::Message(header[0])
    }

    fn end(&mut self) -> Heard {
        self.ended = true;
        if self.hangs { Heard::Silence } else { Heard::End }
    }

    fn read(&mut self, size: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; size];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) => {
                self.hangs |= matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                None
            }
        }
    }
}

fn length(size: usize) -> [u8; 4] {
    u32::try_from(size).unwrap().to_be_bytes()
}
