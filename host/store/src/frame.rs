//! One event as bytes: how a frame is written and how it is recognised. No I/O.
//!
//! ```text
//!  0        4        8                24         32          40
//!  ├ length ┼ crc32 ─┼ session ───────┼ sequence ┼ at_micros ┼ payload … (length bytes)
//! ```
//!
//! The checksum is over the payload, then the bytes 8 to 40, then the length: in this order the
//! payload's share is computed before any lock is taken, for the sequence is known only under it.

use crc32fast::Hasher;

use crate::bytes::Reader;
use crate::{SessionId, StoreError};

/// The largest event the store takes, in bytes (256 MiB).
pub const MAX_EVENT_BYTES: usize = 256 << 20;

/// What precedes a payload, in bytes.
pub(crate) const HEADER_BYTES: usize = 40;

/// What of a header the checksum is over: all but itself.
const COVERED_BYTES: usize = HEADER_BYTES - 4;

/// What a frame says of its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) session: SessionId,
    pub(crate) sequence: u64,
    pub(crate) at_micros: u64,
}

/// A payload with its length checked and its share of the checksum computed.
pub(crate) struct Payload<'a> {
    bytes: &'a [u8],
    length: u32,
    checksum: Hasher,
}

impl<'a> Payload<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, StoreError> {
        let too_large = StoreError::TooLarge { bytes: bytes.len(), limit: MAX_EVENT_BYTES };
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(too_large);
        }
        let length = u32::try_from(bytes.len()).map_err(|_| too_large)?;
        let mut checksum = Hasher::new();
        checksum.update(bytes);
        Ok(Self { bytes, length, checksum })
    }

    /// The size of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.length)
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What precedes the payload in its frame.
    pub(crate) fn head(&self, header: Header) -> [u8; HEADER_BYTES] {
        let length = self.length.to_le_bytes();
        // In one piece, as the checksum takes it.
        let mut covered = [0; COVERED_BYTES];
        covered[0..16].copy_from_slice(&header.session.0.to_be_bytes());
        covered[16..24].copy_from_slice(&header.sequence.to_le_bytes());
        covered[24..32].copy_from_slice(&header.at_micros.to_le_bytes());
        covered[32..].copy_from_slice(&length);
        let checksum = finish(self.checksum.clone(), [&covered]);
        let mut head = [0; HEADER_BYTES];
        head[0..4].copy_from_slice(&length);
        head[4..8].copy_from_slice(&checksum.to_le_bytes());
        head[8..].copy_from_slice(&covered[..32]);
        head
    }
}

/// What the beginning of a slice is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look<'a> {
    /// A frame whose checksum holds.
    Whole(Header, &'a [u8]),
    /// The beginning of a frame that needs more bytes than there are.
    Partial,
    /// No frame of ours.
    Bad(&'static str),
}

/// Looks at the frame that `bytes` begins with.
pub(crate) fn look(bytes: &[u8]) -> Look<'_> {
    let mut reader = Reader(bytes);
    let Some((length, checksum, header)) = fields(&mut reader) else {
        return Look::Partial;
    };
    let wanted = length as usize;
    if wanted > MAX_EVENT_BYTES {
        return Look::Bad("a frame's length is beyond the limit");
    }
    let Some(payload) = reader.0.get(..wanted) else {
        return Look::Partial;
    };
    let mut hasher = Hasher::new();
    hasher.update(payload);
    let covered = bytes.get(8..HEADER_BYTES).unwrap_or_default();
    if finish(hasher, [covered, &length.to_le_bytes()]) == checksum {
        Look::Whole(header, payload)
    } else {
        Look::Bad("a frame's checksum does not match")
    }
}

fn fields(reader: &mut Reader<'_>) -> Option<(u32, u32, Header)> {
    let length = reader.u32()?;
    let checksum = reader.u32()?;
    let session = SessionId(reader.session()?);
    let header = Header { session, sequence: reader.u64()?, at_micros: reader.u64()? };
    Some((length, checksum, header))
}

fn finish<const N: usize>(mut hasher: Hasher, parts: [&[u8]; N]) -> u32 {
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests;
