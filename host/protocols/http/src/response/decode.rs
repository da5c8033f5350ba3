//! Content codings (RFC 9110 section 8.4): what a service compressed unasked is read, and goes on plain.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use http::HeaderValue;
use zstd::stream::raw::{self, DParameter, Operation};

/// So many times what came may come out of it; what grows more is a bomb.
const MOST_TIMES: usize = 128;
/// And so much more in any case, in bytes.
const ALLOWANCE: usize = 256 * 1024;
/// The largest window of zstd that is kept, as a power of two (RFC 8878 section 3.1.1.1.2): 8 MiB.
const WINDOW: u32 = 23;
/// Room for a machine's own pieces, in bytes.
const PIECE: usize = 16 * 1024;

/// Why a compressed body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecodable {
    /// A coding that is not known, or several.
    #[error("the service compressed it in a way that is not read")]
    Coding,
    /// It is not what its coding says, or broke off.
    #[error("its compressed form is broken")]
    Broken,
    /// A few bytes would become very many.
    #[error("it grows too much when it is decompressed")]
    Bomb,
}

/// Decompresses one body as it comes.
pub(crate) struct Decoder {
    machine: Machine,
    came: usize,
    gave: usize,
}

enum Machine {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Brotli(Box<brotli::DecompressorWriter<Vec<u8>>>),
    Zstd { raw: Box<raw::Decoder<'static>>, whole: bool },
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("came", &self.came).finish_non_exhaustive()
    }
}

impl Decoder {
    /// The decoder for what `Content-Encoding` says; `None` where nothing is to be done.
    ///
    /// # Errors
    /// When the coding is not known, or there are several.
    pub(crate) fn of(coding: Option<&HeaderValue>) -> Result<Option<Self>, Undecodable> {
        let coding = coding.map_or("identity", |value| value.to_str().unwrap_or_default().trim());
        let broken = |_| Undecodable::Broken;
        let machine = match coding.to_ascii_lowercase().as_str() {
            "identity" => return Ok(None),
            "gzip" | "x-gzip" => Machine::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            "br" => Machine::Brotli(Box::new(brotli::DecompressorWriter::new(Vec::new(), PIECE))),
            "zstd" => {
                let mut raw = raw::Decoder::new().map_err(broken)?;
                raw.set_parameter(DParameter::WindowLogMax(WINDOW)).map_err(broken)?;
                Machine::Zstd { raw: Box::new(raw), whole: true }
            }
            _ => return Err(Undecodable::Coding),
        };
        Ok(Some(Self { machine, came: 0, gave: 0 }))
    }

    /// The next piece, decompressed.
    ///
    /// # Errors
    /// When it cannot be read; nothing more may be sent of it then.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<Vec<u8>, Undecodable> {
        let mut plain = Vec::new();
        // In small steps, so that a bomb is known before it has gone off.
        for step in piece.chunks(512) {
            self.came += step.len();
            self.step(step, &mut plain)?;
        }
        Ok(plain)
    }

    /// Checks that the body is whole, and gives the rest of it.
    ///
    /// # Errors
    /// When it broke off.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, Undecodable> {
        let broken = |_| Undecodable::Broken;
        let mut plain = Vec::new();
        // A response without a body has no compressed form either.
        if self.came == 0 {
            return Ok(plain);
        }
        match &mut self.machine {
            Machine::Gzip(machine) => {
                machine.try_finish().map_err(broken)?;
                plain.append(machine.get_mut());
            }
            Machine::Brotli(machine) => {
                machine.close().map_err(broken)?;
                plain.append(machine.get_mut());
            }
            Machine::Zstd { whole, .. } if *whole => {}
            Machine::Zstd { .. } => return Err(Undecodable::Broken),
        }
        self.count(plain.len())?;
        Ok(plain)
    }

    fn step(&mut self, step: &[u8], plain: &mut Vec<u8>) -> Result<(), Undecodable> {
        let broken = |_: io::Error| Undecodable::Broken;
        let before = plain.len();
        match &mut self.machine {
            Machine::Gzip(machine) => {
                machine.write_all(step).map_err(broken)?;
                plain.append(machine.get_mut());
            }
            Machine::Brotli(machine) => {
                for byte in step.chunks(64) {
                    machine.write_all(byte).map_err(broken)?;
                    plain.append(machine.get_mut());
                }
            }
            Machine::Zstd { .. } => return self.zstd(step, plain),
        }
        self.count(plain.len() - before)
    }

    fn zstd(&mut self, mut step: &[u8], plain: &mut Vec<u8>) -> Result<(), Undecodable> {
        let mut room = vec![0; PIECE];
        loop {
            let Machine::Zstd { raw, whole } = &mut self.machine else { return Ok(()) };
            let status = raw.run_on_buffers(step, &mut room).map_err(|_| Undecodable::Broken)?;
            *whole = status.remaining == 0;
            step = step.get(status.bytes_read..).unwrap_or_default();
            plain.extend_from_slice(room.get(..status.bytes_written).unwrap_or_default());
            self.count(status.bytes_written)?;
            // What fills the room may not be all that there is.
            if step.is_empty() && status.bytes_written < PIECE {
                return Ok(());
            }
        }
    }

    fn count(&mut self, more: usize) -> Result<(), Undecodable> {
        self.gave += more;
        let most = self.came.saturating_mul(MOST_TIMES).saturating_add(ALLOWANCE);
        if self.gave > most { Err(Undecodable::Bomb) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

    fn compressed(coding: &str, plain: &[u8]) -> Vec<u8> {
        match coding {
            "gzip" => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(plain).unwrap();
                encoder.finish().unwrap()
            }
            "br" => {
                let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
                encoder.write_all(plain).unwrap();
                encoder.into_inner()
            }
            _ => zstd::encode_all(plain, 3).unwrap(),
        }
    }

    fn decoder(coding: &str) -> Result<Option<Decoder>, Undecodable> {
        Decoder::of(Some(&HeaderValue::from_str(coding).unwrap()))
    }

    fn decoded(coding: &str, body: &[u8], size: usize) -> Result<Vec<u8>, Undecodable> {
        let mut decoder = decoder(coding)?.unwrap();
        let mut plain = Vec::new();
        for piece in body.chunks(size.max(1)) {
            plain.extend(decoder.feed(piece)?);
        }
        plain.extend(decoder.finish()?);
        Ok(plain)
    }

    #[test]
    fn what_is_not_compressed_or_in_an_unknown_way_is_told_apart() {
        assert!(Decoder::of(None).unwrap().is_none());
        assert!(decoder("Identity").unwrap().is_none());
        for coding in ["compress", "deflate", "gzip, br", "gzip, gzip", "", "aws-chunked"] {
            assert_eq!(decoder(coding).err(), Some(Undecodable::Coding), "{coding}");
        }
        assert!(decoder("X-GZIP").unwrap().is_some());
    }

    #[test]
    fn what_breaks_off_or_goes_on_is_refused() {
        for coding in CODINGS {
            let whole = compressed(coding, b"a text that somebody sent");
            let cut = &whole[..whole.len() - 3];
            assert!(decoded(coding, cut, 7).is_err(), "{coding}");
            let more = [whole.as_slice(), b"more"].concat();
            let plain = decoded(coding, &more, 7);
            assert!(plain.is_err(), "{coding}: {plain:?}");
            assert_eq!(decoded(coding, b"", 1).unwrap(), b"", "{coding}");
        }
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let zeros = vec![0; 64 << 20];
        for coding in CODINGS {
            let bomb = compressed(coding, &zeros);
            assert_eq!(decoded(coding, &bomb, 64 << 10).err(), Some(Undecodable::Bomb), "{coding}");
        }
    }

    proptest! {
        #[test]
        fn a_body_comes_out_as_it_went_in(plain in prop::collection::vec(any::<u8>(), 0..4000), size in 1usize..600) {
            for coding in CODINGS {
                prop_assert_eq!(&decoded(coding, &compressed(coding, &plain), size).unwrap(), &plain);
            }
        }

        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..300), size in 1usize..40) {
            for coding in CODINGS {
                let _ = decoded(coding, &body, size);
            }
        }
    }
}
