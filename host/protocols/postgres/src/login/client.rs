//! What a client does before it is let in.

use bytes::{Buf, BytesMut};
use palisade_relay::{Sequence, Step};

use crate::codec::{Frame, FrameError, build, frontend, peek, startup};

/// Longest password message, in bytes: a token is a few hundred.
const LONGEST_PASSWORD: u32 = 16 * 1024;

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A session.
    Session {
        /// The minor version to speak.
        minor: u32,
        /// The parameters, in the client's order, without those of the protocol itself.
        parameters: Vec<(String, String)>,
    },
    /// To cancel what another session does.
    Cancel {
        /// The process id that it was given.
        process: u32,
        /// The secret key that it was given.
        key: Vec<u8>,
    },
}

/// Why a client is not let in. What it had to be told is in the output already.
#[derive(Debug, thiserror::Error)]
pub enum OpeningRefused {
    /// It does not speak the protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It would send its token in clear.
    #[error("the client does not use TLS")]
    Insecure,
    /// It asked for TLS inside TLS, or twice for the same.
    #[error("the client asked for encryption twice")]
    Twice,
    /// It sent something else than a password.
    #[error("the client sent message '{0}' where a password is due")]
    NotPassword(char),
}

/// Negotiates encryption and the protocol's version.
#[derive(Debug)]
pub struct ClientOpening {
    insecure: bool,
    secure: bool,
    asked_gss: bool,
}

impl ClientOpening {
    /// `insecure` lets sessions go on without TLS.
    #[must_use]
    pub fn new(insecure: bool) -> Self {
        Self { insecure, secure: false, asked_gss: false }
    }

    fn negotiate(version: u32, parameters: Vec<(String, String)>, output: &mut BytesMut) -> Opened {
        let (options, parameters): (Vec<_>, Vec<_>) =
            parameters.into_iter().partition(|(name, _)| name.starts_with("_pq_."));
        let spoken = if version >= startup::V3_2 { startup::V3_2 } else { startup::V3_0 };
        if version != spoken || !options.is_empty() {
            let unknown: Vec<_> = options.iter().map(|(name, _)| name.as_str()).collect();
            build::negotiate(output, spoken, &unknown);
        }
        Opened::Session { minor: spoken & 0xffff, parameters }
    }
}

impl Sequence for ClientOpening {
    type Done = Opened;
    type Error = OpeningRefused;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Opened>, OpeningRefused> {
        if !self.secure && !self.asked_gss && input.first() == Some(&startup::TLS_HANDSHAKE) {
            return Ok(Step::SecureAtOnce(startup::ALPN));
        }
        loop {
            let (opening, size) = match startup::decode(input) {
                Ok(Some(found)) => found,
                Ok(None) => return Ok(Step::Read),
                Err(error) => {
                    fatal(output, error.sqlstate(), &error.to_string(), "");
                    return Err(error.into());
                }
            };
            input.advance(size);
            match opening {
                startup::Opening::Ssl if !self.secure => {
                    output.extend_from_slice(b"S");
                    return Ok(Step::Secure);
                }
                startup::Opening::GssEnc if !self.secure && !self.asked_gss => {
                    self.asked_gss = true;
                    output.extend_from_slice(b"N");
                }
                startup::Opening::Ssl | startup::Opening::GssEnc => {
                    fatal(output, "08P01", "encryption was asked for twice", "");
                    return Err(OpeningRefused::Twice);
                }
                startup::Opening::Cancel { process, key } => {
                    return Ok(Step::Done(Opened::Cancel { process, key }));
                }
                startup::Opening::Startup { .. } if !self.secure && !self.insecure => {
                    fatal(
                        output,
                        "28000",
                        "this gateway takes tokens over TLS only",
                        "Connect with sslmode=require.",
                    );
                    return Err(OpeningRefused::Insecure);
                }
                startup::Opening::Startup { version, parameters } => {
                    return Ok(Step::Done(Self::negotiate(version, parameters, output)));
                }
            }
        }
    }

    fn secured(&mut self, _peer_certificate: Option<&[u8]>) {
        self.secure = true;
    }
}

/// Asks for the password, which is the client's token.
#[derive(Debug, Default)]
pub struct ClientPassword {
    asked: bool,
}

impl Sequence for ClientPassword {
    type Done = String;
    type Error = OpeningRefused;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<String>, OpeningRefused> {
        if !self.asked {
            self.asked = true;
            build::authentication_cleartext(output);
        }
        let read = read_password(input);
        if let Err(error) = &read {
            fatal(output, "08P01", &error.to_string(), "");
        }
        read
    }

    fn secured(&mut self, _peer_certificate: Option<&[u8]>) {}
}

fn read_password(input: &mut BytesMut) -> Result<Step<String>, OpeningRefused> {
    let Some(header) = peek(input, LONGEST_PASSWORD)? else { return Ok(Step::Read) };
    if header.tag != b'p' {
        return Err(OpeningRefused::NotPassword(char::from(header.tag)));
    }
    if input.len() < header.size {
        return Ok(Step::Read);
    }
    let frame = input.split_to(header.size);
    let password = frontend::password(&Frame::of(&frame, header))?.to_owned();
    Ok(Step::Done(password))
}

fn fatal(output: &mut BytesMut, code: &str, message: &str, hint: &str) {
    build::Report { severity: "FATAL", code, message, detail: "", hint }.error(output);
}
