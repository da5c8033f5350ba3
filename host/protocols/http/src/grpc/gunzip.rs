//! A compressed message, as it was before.

use std::io::Read;

use flate2::bufread::GzDecoder;

/// What a message holds that is compressed by gzip (RFC 1952); `None` where it holds more than so many bytes, is none, or
/// something follows it, which some readers take for more of it.
pub(crate) fn gunzip(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut decoder = GzDecoder::new(bytes);
    decoder.by_ref().take(limit as u64 + 1).read_to_end(&mut plain).ok()?;
    (plain.len() <= limit && decoder.into_inner().is_empty()).then_some(plain)
}
