//! One frame (RFC 6455 section 5.2).

use bytes::{Buf, BytesMut};

use super::Malformed;

/// Most bytes of a frame that controls the connection (section 5.5).
const LONGEST_CONTROL: u64 = 125;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of a message.
    More,
    /// The beginning of a text.
    Text,
    /// The beginning of bytes.
    Binary,
    /// The end of the connection.
    Close,
    /// A question whether the peer is there.
    Ping,
    /// The answer.
    Pong,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::More,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn bits(self) -> u8 {
        match self {
            Self::More => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    fn is_control(self) -> bool {
        self.bits() >= 8
    }
}

/// A frame, its mask undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whether it is the last of its message.
    pub last: bool,
    /// What it is.
    pub opcode: Opcode,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Cuts one peer's bytes into frames.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    /// Whether the peer is a client, whose frames are masked (section 5.1).
    from_client: bool,
    limit: usize,
}

/// The beginning of a frame.
struct Beginning {
    last: bool,
    opcode: Opcode,
    /// Its own length, with the mask.
    length: usize,
    mask: Option<[u8; 4]>,
    payload: usize,
}

impl Frames {
    /// Frames of a client or a server, none longer than `limit` bytes.
    #[must_use]
    pub fn new(from_client: bool, limit: usize) -> Self {
        Self { buffer: BytesMut::new(), from_client, limit }
    }

    /// Takes what came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame; `None` where more must come first.
    ///
    /// # Errors
    /// What is no frame of this peer's. Nothing behind it can be read.
    pub fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        let Some(beginning) = self.beginning()? else { return Ok(None) };
        let Beginning { last, opcode, length, mask, payload } = beginning;
        if self.buffer.len() < length + payload {
            return Ok(None);
        }
        self.buffer.advance(length);
        let mut payload: Vec<u8> = self.buffer.split_to(payload).into();
        if let Some(mask) = mask {
            apply(mask, &mut payload);
        }
        Ok(Some(Frame { last, opcode, payload }))
    }

    fn beginning(&self) -> Result<Option<Beginning>, Malformed> {
        let [first, second, rest @ ..] = &*self.buffer else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Malformed::Protocol("a bit of an extension that was not agreed on"));
        }
        let opcode = Opcode::of(first & 0x0f);
        let opcode = opcode.ok_or(Malformed::Protocol("a frame of an unknown kind"))?;
        let last = first & 0x80 != 0;
        let masked = second & 0x80 != 0;
        if masked != self.from_client {
            return Err(Malformed::Protocol("a mask where there is none, or none where one is"));
        }
        let Some((length, payload)) = length_of(second & 0x7f, rest)? else { return Ok(None) };
        if opcode.is_control() && (payload > LONGEST_CONTROL || !last) {
            return Err(Malformed::Protocol("a control frame that is long, or in parts"));
        }
        let payload = usize::try_from(payload).ok().filter(|payload| *payload <= self.limit);
        let payload = payload.ok_or(Malformed::TooLong(self.limit))?;
        let mask = match masked {
            false => None,
            true => match rest.get(length..length + 4) {
                Some(&[a, b, c, d]) => Some([a, b, c, d]),
                _ => return Ok(None),
            },
        };
        let length = 2 + length + mask.map_or(0, |mask| mask.len());
        Ok(Some(Beginning { last, opcode, length, mask, payload }))
    }
}

/// How many bytes say the payload's length, and the length; it must be said in as few as possible.
fn length_of(short: u8, rest: &[u8]) -> Result<Option<(usize, u64)>, Malformed> {
    let (length, payload, least) = match (short, rest) {
        (126, [a, b, ..]) => (2, u64::from(u16::from_be_bytes([*a, *b])), 126),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (8, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 1 << 16)
        }
        (126 | 127, _) => return Ok(None),
        (short, _) => (0, u64::from(short), 0),
    };
    if payload < least {
        return Err(Malformed::Protocol("a length that is written longer than it need be"));
    }
    Ok(Some((length, payload)))
}

/// Masks, or undoes it (section 5.3).
fn apply(mask: [u8; 4], payload: &mut [u8]) {
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Appends a whole message's frame, or one that controls the connection. A client's has a mask, which must not be guessed.
pub fn write(opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>, out: &mut Vec<u8>) {
    out.push(0x80 | opcode.bits());
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ ..126), _) => out.push(masked | short),
        (_, Ok(length)) => {
            out.push(masked | 126);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend((payload.len() as u64).to_be_bytes());
        }
    }
    out.extend(mask.iter().flatten());
    let begin = out.len();
    out.extend_from_slice(payload);
    if let Some(mask) = mask {
        apply(mask, out.get_mut(begin..).unwrap_or_default());
    }
}
