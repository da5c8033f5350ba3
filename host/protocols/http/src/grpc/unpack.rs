//! A compressed message, as it was before.

use std::io::Read;

use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::Coding;

/// How much room is made at once, in bytes.
const PIECE: usize = 16 * 1024;

/// What a message holds that is compressed in this way; `None` where that is not undone, it holds more than so many bytes, is
/// broken, or something follows it, which some readers take for more of it.
pub(crate) fn unpack(coding: Coding, bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    match coding {
        Coding::Gzip => gunzip(bytes, limit),
        Coding::Deflate => inflate(bytes, limit),
        Coding::Identity | Coding::Other => None,
    }
}

/// By gzip (RFC 1952).
fn gunzip(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut decoder = GzDecoder::new(bytes);
    decoder.by_ref().take(limit as u64 + 1).read_to_end(&mut plain).ok()?;
    (plain.len() <= limit && decoder.into_inner().is_empty()).then_some(plain)
}

/// By zlib (RFC 1950), which gRPC calls deflate. The library's own reader takes one that is cut for one that ends.
fn inflate(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (mut machine, mut plain) = (Decompress::new(true), Vec::new());
    loop {
        let came = usize::try_from(machine.total_in()).ok()?;
        let before = (came, plain.len());
        plain.reserve(PIECE.min(limit.saturating_sub(plain.len()) + 1));
        let rest = bytes.get(came..)?;
        let status = machine.decompress_vec(rest, &mut plain, FlushDecompress::None).ok()?;
        let came = usize::try_from(machine.total_in()).ok()?;
        if plain.len() > limit {
            return None;
        }
        if status == Status::StreamEnd {
            return (came == bytes.len()).then_some(plain);
        }
        if (came, plain.len()) == before {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn packed(coding: Coding, plain: &[u8]) -> Vec<u8> {
        if coding == Coding::Gzip {
            let mut encoder = GzEncoder::new(vec![], Compression::default());
            encoder.write_all(plain).unwrap();
            return encoder.finish().unwrap();
        }
        let mut encoder = ZlibEncoder::new(vec![], Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_cut_followed_by_more_or_too_much_is_none() {
        for coding in [Coding::Gzip, Coding::Deflate] {
            let whole = packed(coding, b"a message that somebody sent");
            assert!(unpack(coding, &whole, 28).is_some());
            assert!(unpack(coding, &whole, 27).is_none(), "{coding:?}");
            for length in 0..whole.len() {
                assert!(unpack(coding, &whole[..length], 1000).is_none(), "{coding:?} {length}");
            }
            assert!(unpack(coding, &[&whole[..], b"x"].concat(), 1000).is_none(), "{coding:?}");
            let bomb = packed(coding, &vec![0; 64 << 20]);
            assert!(unpack(coding, &bomb, 1 << 20).is_none(), "{coding:?}");
        }
        assert!(unpack(Coding::Other, b"", 1000).is_none());
    }

    proptest! {
        #[test]
        fn a_message_comes_out_as_it_went_in(plain in prop::collection::vec(any::<u8>(), 0..60_000)) {
            for coding in [Coding::Gzip, Coding::Deflate] {
                let came = unpack(coding, &packed(coding, &plain), plain.len());
                prop_assert_eq!(came.as_ref(), Some(&plain));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for coding in [Coding::Gzip, Coding::Deflate] {
                let _ = unpack(coding, &bytes, 1000);
            }
        }
    }
}
