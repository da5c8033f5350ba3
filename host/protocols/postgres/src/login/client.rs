//! What a client does before it is let in.

use bytes::{Buf, BytesMut};
use palisade_relay::{Sequence, Step};

use super::bearer::{Bearer, BearerMalformed};
use super::method::{LoginMethod, take_method};
use super::parameters::ParameterRefused;
use crate::codec::{Frame, FrameError, Header, build, frontend, peek, startup};

/// Longest message with a token, in bytes: a token is a few hundred.
const LONGEST_RESPONSE: u32 = 16 * 1024;

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A session.
    Session {
        /// The minor version to speak.
        minor: u32,
        /// The parameters, in the client's order, without those of the protocol itself.
        parameters: Vec<(String, String)>,
        /// How it wants to hand its token over, where it said so.
        method: Option<LoginMethod>,
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
    /// It asks for what cannot be.
    #[error(transparent)]
    Parameter(#[from] ParameterRefused),
    /// It sent something else than its token.
    #[error("the client sent message '{0}' where its token is due")]
    NotToken(char),
    /// It does not speak the mechanism that it was offered.
    #[error(transparent)]
    Bearer(#[from] BearerMalformed),
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

    fn negotiate(
        version: u32,
        parameters: Vec<(String, String)>,
        output: &mut BytesMut,
    ) -> Result<Opened, OpeningRefused> {
        let (options, mut parameters): (Vec<_>, Vec<_>) =
            parameters.into_iter().partition(|(name, _)| name.starts_with("_pq_."));
        let method = take_method(&mut parameters)
            .inspect_err(|refused| fatal(output, "22023", &refused.to_string(), ""))?;
        let spoken = if version >= startup::V3_2 { startup::V3_2 } else { startup::V3_0 };
        if version != spoken || !options.is_empty() {
            let unknown: Vec<_> = options.iter().map(|(name, _)| name.as_str()).collect();
            build::negotiate(output, spoken, &unknown);
        }
        Ok(Opened::Session { minor: spoken & 0xffff, parameters, method })
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
                    let opened = Self::negotiate(version, parameters, output)?;
                    return Ok(Step::Done(opened));
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
    type Done = Bearer;
    type Error = OpeningRefused;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Bearer>, OpeningRefused> {
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

fn read_password(input: &mut BytesMut) -> Result<Step<Bearer>, OpeningRefused> {
    let Some((header, frame)) = take_response(input)? else { return Ok(Step::Read) };
    let password = frontend::password(&Frame::of(&frame, header))?.to_owned();
    Ok(Step::Done(Bearer::Token(password.into())))
}

/// The next message, which must be the answer to an authentication request; `None` when it is not all there.
pub(super) fn take_response(
    input: &mut BytesMut,
) -> Result<Option<(Header, BytesMut)>, OpeningRefused> {
    let Some(header) = peek(input, LONGEST_RESPONSE)? else { return Ok(None) };
    if header.tag != b'p' {
        return Err(OpeningRefused::NotToken(char::from(header.tag)));
    }
    if input.len() < header.size {
        return Ok(None);
    }
    Ok(Some((header, input.split_to(header.size))))
}

pub(super) fn fatal(output: &mut BytesMut, code: &str, message: &str, hint: &str) {
    build::Report { severity: "FATAL", code, message, detail: "", hint }.error(output);
}
