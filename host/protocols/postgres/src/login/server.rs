//! The gateway's own login at the server, with a credential that the client never sees.

use bytes::BytesMut;
use palisade_relay::{Sequence, Step};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};

use super::scram;
use crate::codec::{Frame, FrameError, backend, build, peek};

/// Longest message during login, in bytes.
const LONGEST: u32 = 64 * 1024;

/// How the link to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Not at all.
    Disable,
    /// By TLS where the server offers it; its certificate is not checked.
    Prefer,
    /// By TLS; its certificate is not checked.
    Require,
    /// By TLS with a certificate that is valid for the server's name.
    VerifyFull,
}

/// Why the server did not let the gateway in.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefused {
    /// It does not speak the protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It offers no TLS.
    #[error("the server offers no TLS, which the connection requires")]
    NoTls,
    /// It said no.
    #[error("the server refused the login: {message} (SQLSTATE {code})")]
    Server {
        /// The SQLSTATE.
        code: String,
        /// Its message.
        message: String,
    },
    /// It asked for the password in clear over a link that anybody could listen to or pretend to end.
    #[error(
        "the server asks for the password in clear, and its identity is not verified; set tls = \"verify-full\" for this connection"
    )]
    Cleartext,
    /// It asked for a way of login that is not spoken.
    #[error("the server asks for authentication method {0}, which is not supported")]
    Method(u32),
    /// It offers SASL mechanisms of which none is spoken.
    #[error("the server offers no SASL mechanism that is supported")]
    Mechanism,
    /// It did not prove that it knows the password.
    #[error("the SCRAM exchange failed: {0}")]
    Scram(std::io::Error),
    /// It sent something out of order.
    #[error("the server sent message '{0}' out of order during login")]
    Order(char),
}

/// What the server said when it let the gateway in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// The parameters that it reported.
    pub parameters: Vec<(String, String)>,
    /// Its process id.
    pub process: u32,
    /// Its secret key for cancelling.
    pub key: Vec<u8>,
    /// Its transaction status.
    pub status: u8,
}

/// Logs in.
pub struct ServerLogin<'a> {
    mode: TlsMode,
    username: &'a str,
    password: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    /// Nobody else can read or pretend to be the link's other end.
    private: bool,
    secure: bool,
    state: State,
    binding: Option<ChannelBinding>,
    upstream: Upstream,
}

impl std::fmt::Debug for ServerLogin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerLogin").field("mode", &self.mode).finish_non_exhaustive()
    }
}

enum State {
    Start,
    AwaitTlsAnswer,
    SendStartup,
    AwaitAuthentication,
    Scram(ScramSha256),
    ScramProven(ScramSha256),
    ScramDone,
    AwaitReady,
}

impl<'a> ServerLogin<'a> {
    /// A login as `username`. `private` says that the link cannot be listened to even without TLS (loopback).
    #[must_use]
    pub fn new(
        mode: TlsMode,
        private: bool,
        username: &'a str,
        password: &'a str,
        parameters: Vec<(&'a str, &'a str)>,
    ) -> Self {
        Self {
            mode,
            username,
            password,
            parameters,
            private,
            secure: false,
            state: State::Start,
            binding: None,
            upstream: Upstream { status: b'I', ..Upstream::default() },
        }
    }

    fn start(&mut self, output: &mut BytesMut) {
        if self.mode == TlsMode::Disable {
            self.send_startup(output);
        } else {
            build::ssl_request(output);
            self.state = State::AwaitTlsAnswer;
        }
    }

    fn send_startup(&mut self, output: &mut BytesMut) {
        let user = [("user", self.username)];
        build::startup(output, user.into_iter().chain(self.parameters.iter().copied()));
        self.state = State::AwaitAuthentication;
    }

    /// The server answers with one byte; whatever follows it in clear is refused by the link.
    fn tls_answer(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Upstream>, LoginRefused> {
        match input.first().copied() {
            None => Ok(Step::Read),
            Some(b'S') => {
                let _ = input.split_to(1);
                Ok(Step::Secure)
            }
            Some(b'N') if self.mode == TlsMode::Prefer => {
                let _ = input.split_to(1);
                self.send_startup(output);
                Ok(Step::Read)
            }
            Some(b'N') => Err(LoginRefused::NoTls),
            Some(other) => Err(LoginRefused::Order(char::from(other))),
        }
    }

    fn frame(
        &mut self,
        frame: &Frame<'_>,
        output: &mut BytesMut,
    ) -> Result<Option<Upstream>, LoginRefused> {
        match frame.tag {
            b'E' => {
                let report = backend::report(frame)?;
                return Err(LoginRefused::Server { code: report.code, message: report.message });
            }
            // Notices, and a version that is lower than asked for, change nothing here.
            b'N' | b'v' => {}
            b'R' => self.authentication(frame, output)?,
            b'S' if matches!(self.state, State::AwaitReady) => {
                let (name, value) = backend::parameter(frame)?;
                self.upstream.parameters.push((name.to_owned(), value.to_owned()));
            }
            b'K' if matches!(self.state, State::AwaitReady) => {
                let (process, key) = backend::key_data(frame)?;
                self.upstream.process = process;
                self.upstream.key = key.to_vec();
            }
            b'Z' if matches!(self.state, State::AwaitReady) => {
                self.upstream.status = backend::status(frame)?;
                return Ok(Some(std::mem::take(&mut self.upstream)));
            }
            other => return Err(LoginRefused::Order(char::from(other))),
        }
        Ok(None)
    }

    fn authentication(
        &mut self,
        frame: &Frame<'_>,
        output: &mut BytesMut,
    ) -> Result<(), LoginRefused> {
        let mut reader = frame.reader();
        let method = reader.u32("the method")?;
        let out_of_order = || LoginRefused::Order('R');
        self.state = match (std::mem::replace(&mut self.state, State::Start), method) {
            (State::AwaitAuthentication | State::ScramDone, 0) => State::AwaitReady,
            (State::AwaitAuthentication, 3) => {
                self.cleartext(output)?;
                State::AwaitAuthentication
            }
            (State::AwaitAuthentication, 5) => {
                let salt = reader.u32("the salt")?.to_be_bytes();
                let hash = md5_hash(self.username.as_bytes(), self.password.as_bytes(), salt);
                build::password(output, &hash);
                State::AwaitAuthentication
            }
            (State::AwaitAuthentication, 10) => {
                let mut offered = Vec::new();
                while let name @ [_, ..] = reader.cstr("a mechanism")? {
                    offered.push(name);
                }
                State::Scram(self.begin_scram(&offered, output)?)
            }
            (State::Scram(mut scram), 11) => {
                scram.update(reader.rest()).map_err(LoginRefused::Scram)?;
                build::sasl_response(output, scram.message());
                State::ScramProven(scram)
            }
            (State::ScramProven(mut scram), 12) => {
                scram.finish(reader.rest()).map_err(LoginRefused::Scram)?;
                State::ScramDone
            }
            // A server that stops proving itself half-way is not the server.
            (State::Scram(_) | State::ScramProven(_), _) => return Err(out_of_order()),
            (State::AwaitAuthentication, other) => return Err(LoginRefused::Method(other)),
            _ => return Err(out_of_order()),
        };
        Ok(())
    }

    fn cleartext(&self, output: &mut BytesMut) -> Result<(), LoginRefused> {
        let verified = self.secure && self.mode == TlsMode::VerifyFull;
        let accepted = self.mode == TlsMode::Disable;
        if !(verified || accepted || self.private) {
            return Err(LoginRefused::Cleartext);
        }
        build::password(output, self.password);
        Ok(())
    }

    fn begin_scram(
        &mut self,
        offered: &[&[u8]],
        output: &mut BytesMut,
    ) -> Result<ScramSha256, LoginRefused> {
        let offers = |name: &str| offered.contains(&name.as_bytes());
        let (binding, mechanism) = match self.binding.take() {
            Some(binding) if offers(SCRAM_SHA_256_PLUS) => (binding, SCRAM_SHA_256_PLUS),
            // The link could bind, but the server says it cannot: saying so here lets the server detect a downgrade.
            Some(_) if offers(SCRAM_SHA_256) => (ChannelBinding::unrequested(), SCRAM_SHA_256),
            None if offers(SCRAM_SHA_256) => (ChannelBinding::unsupported(), SCRAM_SHA_256),
            _ => return Err(LoginRefused::Mechanism),
        };
        let scram = ScramSha256::new(self.password.as_bytes(), binding);
        build::sasl_initial(output, mechanism, Some(scram.message()));
        Ok(scram)
    }
}

impl Sequence for ServerLogin<'_> {
    type Done = Upstream;
    type Error = LoginRefused;

    fn step(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Upstream>, LoginRefused> {
        match self.state {
            State::Start => {
                self.start(output);
                return Ok(Step::Read);
            }
            State::AwaitTlsAnswer => return self.tls_answer(input, output),
            State::SendStartup => {
                self.send_startup(output);
                return Ok(Step::Read);
            }
            _ => {}
        }
        while let Some(header) = peek(input, LONGEST)? {
            if input.len() < header.size {
                break;
            }
            let bytes = input.split_to(header.size);
            if let Some(upstream) = self.frame(&Frame::of(&bytes, header), output)? {
                return Ok(Step::Done(upstream));
            }
        }
        Ok(Step::Read)
    }

    fn secured(&mut self, peer_certificate: Option<&[u8]>) {
        self.secure = true;
        self.binding = peer_certificate.and_then(scram::binding);
        self.state = State::SendStartup;
    }
}
