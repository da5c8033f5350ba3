//! The packets of a connection's first moments, which carry no tag.

use super::{FrameError, Reader};

/// Protocol 3.0.
pub const V3_0: u32 = 3 << 16;
/// Protocol 3.2, with longer cancel keys.
pub const V3_2: u32 = (3 << 16) | 2;

const CANCEL: u32 = (1234 << 16) | 5678;
const SSL: u32 = (1234 << 16) | 5679;
const GSSENC: u32 = (1234 << 16) | 5680;

/// The first byte of a TLS handshake, by which a client may begin: no start-up packet is so long.
pub const TLS_HANDSHAKE: u8 = 0x16;
/// The protocol's name in such a handshake (ALPN), which it must then agree on.
/// Source: PostgreSQL documentation, "SSL Session Encryption".
pub const ALPN: &[u8] = b"postgresql";

/// Longest start-up packet, as in PostgreSQL itself, in bytes.
pub const LONGEST: u32 = 10_000;
/// Longest cancel key of protocol 3.2, in bytes.
pub const LONGEST_KEY: usize = 256;

/// A packet that opens a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// `SSLRequest` (F).
    Ssl,
    /// `GSSENCRequest` (F).
    GssEnc,
    /// `CancelRequest` (F).
    Cancel {
        /// The process id that the key came with.
        process: u32,
        /// The secret key: 4 bytes in protocol 3.0, 4 to 256 in 3.2.
        key: Vec<u8>,
    },
    /// `StartupMessage` (F).
    Startup {
        /// The protocol's version, major in the upper half.
        version: u32,
        /// Names and values in the client's order.
        parameters: Vec<(String, String)>,
    },
}

/// Reads the packet at the start of `input` and gives its size; `None` when it is not all there.
///
/// # Errors
/// When the length lies, or the packet is none of the four.
pub fn decode(input: &[u8]) -> Result<Option<(Opening, usize)>, FrameError> {
    let Some((length, _)) = input.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length);
    if length < 8 {
        return Err(FrameError::LengthTooSmall { tag: '-', length });
    }
    if length > LONGEST {
        return Err(FrameError::TooLarge { tag: '-', length, limit: LONGEST });
    }
    let size = length as usize;
    let Some(body) = input.get(4..size) else { return Ok(None) };
    let mut reader = Reader::new(b'-', body);
    let opening = match reader.u32("its code")? {
        SSL => Opening::Ssl,
        GSSENC => Opening::GssEnc,
        CANCEL => cancel(&mut reader)?,
        version if version >> 16 == 3 => {
            Opening::Startup { version, parameters: parameters(&mut reader)? }
        }
        _ => return Err(reader.malformed("a protocol version that is not 3")),
    };
    reader.end()?;
    Ok(Some((opening, size)))
}

fn cancel(reader: &mut Reader<'_>) -> Result<Opening, FrameError> {
    let process = reader.u32("the process id")?;
    let length = reader.rest().len();
    if !(4..=LONGEST_KEY).contains(&length) {
        return Err(reader.malformed("the cancel key"));
    }
    Ok(Opening::Cancel { process, key: reader.bytes(length, "the cancel key")?.to_vec() })
}

fn parameters(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, FrameError> {
    let mut parameters = Vec::new();
    loop {
        let name = reader.name("a parameter's name")?;
        if name.is_empty() {
            return Ok(parameters);
        }
        let value = reader.name("a parameter's value")?;
        parameters.push((name.to_owned(), value.to_owned()));
    }
}
