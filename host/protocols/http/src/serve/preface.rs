//! Clients that speak HTTP/2 in clear, and know beforehand that the gateway does.

use pingora_core::protocols::l4::stream::Stream;
use tokio::io::AsyncReadExt;

/// What such a client begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a client begins with the preface of HTTP/2. It waits for no byte more than it takes to tell, and what was read is
/// read again by whoever serves the stream.
///
/// # Errors
/// When the stream cannot be read.
pub async fn begins_http2(stream: &mut Stream) -> std::io::Result<bool> {
    let mut begun = Vec::with_capacity(PREFACE.len());
    while begun.len() < PREFACE.len() && PREFACE.starts_with(&begun) {
        let missing = (PREFACE.len() - begun.len()) as u64;
        if (&mut *stream).take(missing).read_buf(&mut begun).await? == 0 {
            break;
        }
    }
    stream.rewind(&begun);
    Ok(begun == PREFACE)
}
