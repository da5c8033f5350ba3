//! A client's login by the SASL mechanism OAUTHBEARER (RFC 7628).
//!
//! ```text
//!   AuthenticationSASL ─▶ SASLInitialResponse: a token ─▶ Host::admit ─▶ AuthenticationOk
//!                                    │                          └─ refused ┐
//!                                    └─ asks where to get one ─────────────┴▶ error result ─▶ ^A ─▶ FATAL
//! ```
//!
//! Source: PostgreSQL documentation, section "SASL Authentication".

use bytes::BytesMut;
use palisade_relay::{Sequence, Step};
use serde_json::json;

use super::bearer::{self, Bearer, BearerMalformed};
use super::client::{OpeningRefused, fatal, take_response};
use crate::codec::{Frame, build, frontend};

/// The mechanism's registered name.
const MECHANISM: &str = "OAUTHBEARER";

/// Where a client that has no token gets one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSource {
    /// The address of an issuer's metadata (OpenID Connect Discovery 1.0): its own name and `/.well-known/openid-configuration`.
    pub configuration: String,
    /// The scope to ask for.
    pub scope: String,
}

/// Asks for the token. It is given one: whoever has a second must connect again.
#[derive(Debug)]
pub struct ClientBearer<'a> {
    user: &'a str,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    AwaitChoice,
    AwaitMessage,
}

impl<'a> ClientBearer<'a> {
    /// A login of a client that gave this user name.
    #[must_use]
    pub fn new(user: &'a str) -> Self {
        Self { user, state: State::Start }
    }

    /// `None` where more is needed.
    fn read(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Option<Bearer>, OpeningRefused> {
        while let Some((header, bytes)) = take_response(input)? {
            let frame = Frame::of(&bytes, header);
            let message = match self.state {
                State::AwaitMessage => frame.body,
                State::Start | State::AwaitChoice => {
                    let initial = frontend::SaslInitial::decode(&frame)?;
                    if initial.mechanism != MECHANISM {
                        return Err(BearerMalformed::Mechanism.into());
                    }
                    let Some(message) = initial.data else {
                        // It waits to be asked, by an empty challenge (RFC 4422, section 5.1), and may once.
                        build::authentication_sasl_continue(output, b"");
                        self.state = State::AwaitMessage;
                        continue;
                    };
                    message
                }
            };
            return Ok(Some(bearer::read(message, self.user)?));
        }
        Ok(None)
    }
}

impl Sequence for ClientBearer<'_> {
    type Done = Bearer;
    type Error = OpeningRefused;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Bearer>, OpeningRefused> {
        if matches!(self.state, State::Start) {
            build::authentication_sasl(output, &[MECHANISM]);
            self.state = State::AwaitChoice;
        }
        let read = self.read(input, output);
        if let Err(error) = &read {
            fatal(output, "08P01", &error.to_string(), "");
        }
        Ok(read?.map_or(Step::Read, Step::Done))
    }

    fn secured(&mut self, _peer_certificate: Option<&[u8]>) {}
}

/// Tells a client that its token is not taken, or where to get one, and hears it out (RFC 7628, sections 3.2.2 and 3.2.3).
/// The last word is the caller's.
#[derive(Debug)]
pub struct BearerDenied {
    result: Option<String>,
}

impl BearerDenied {
    /// A refusal; with a source for a client that has no token.
    #[must_use]
    pub fn new(source: Option<&TokenSource>) -> Self {
        let status = "invalid_token";
        let result = match source {
            None => json!({ "status": status }),
            Some(TokenSource { configuration, scope }) => {
                json!({ "status": status, "openid-configuration": configuration, "scope": scope })
            }
        };
        Self { result: Some(result.to_string()) }
    }
}

impl Sequence for BearerDenied {
    type Done = ();
    type Error = OpeningRefused;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<()>, OpeningRefused> {
        if let Some(result) = self.result.take() {
            build::authentication_sasl_continue(output, result.as_bytes());
        }
        // Whatever it says now, it is not let in: an answer that is none is no reason to tell it more.
        Ok(if take_response(input)?.is_some() { Step::Done(()) } else { Step::Read })
    }

    fn secured(&mut self, _peer_certificate: Option<&[u8]>) {}
}

#[cfg(test)]
mod tests;
