//! Requests that are refused before anybody is asked: what two readers could read differently.

use palisade_policy::{Denial, TooMuch};

/// Why a request is refused, whatever the policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A head that is not framed as RFC 9112 says.
    #[error("the request's head is malformed: {0}")]
    Head(&'static str),
    /// A length and an encoding, or two that differ (RFC 9112 section 6.3).
    #[error("the request's framing is ambiguous: {0}")]
    Framing(&'static str),
    /// A header that may be there once.
    #[error("the header {0} is there more than once")]
    Repeated(&'static str),
    /// A header, a parameter or a field that would make the server read something else than what is judged.
    #[error("{0} would change what the request means")]
    Override(&'static str),
    /// A target that servers read in different ways.
    #[error("the request's target is ambiguous: {0}")]
    Target(&'static str),
    /// Another protocol than HTTP or WebSocket.
    #[error("an upgrade to another protocol is not possible here: {0}")]
    Upgrade(&'static str),
    /// A method that makes tunnels or echoes.
    #[error("the method {0} is not served")]
    Method(&'static str),
    /// A version before 1.1.
    #[error("only HTTP/1.1 and HTTP/2 are served")]
    Version,
    /// A body that cannot be read, and would have to be.
    #[error("the request's body cannot be read: {0}")]
    Body(&'static str),
    /// A request in a form that the gateway does not undo.
    #[error("the request is in a form that cannot be judged: {0}")]
    Form(&'static str),
    /// A body beyond what is gathered.
    #[error("the request's body is longer than the {0} bytes that are read to judge it")]
    TooLong(usize),
    /// A query or a body that names more than is told.
    #[error("the request names more than is told to judge it: {0}")]
    Names(#[from] TooMuch),
    /// Too much in the head.
    #[error("the request has more headers than are looked at")]
    Headers,
    /// The client's token where it cannot be left out.
    #[error("the request repeats the token by which it is let in, which goes to no service")]
    Token,
    /// An expectation that is not met.
    #[error("only 100-continue can be expected")]
    Expectation,
}

impl Refused {
    /// The status that the client gets (RFC 9110 section 15).
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Method(_) => 405,
            Self::TooLong(_) | Self::Names(_) => 413,
            Self::Form(_) => 415,
            Self::Expectation => 417,
            Self::Headers => 431,
            Self::Version => 505,
            _ => 400,
        }
    }

    /// The rule's id, for the record.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Head(_) | Self::Headers | Self::Version | Self::Expectation => "gateway.head",
            Self::Framing(_) => "gateway.framing",
            Self::Repeated(_) => "gateway.repeated-header",
            Self::Override(_) => "gateway.override",
            Self::Target(_) => "gateway.target",
            Self::Upgrade(_) => "gateway.upgrade",
            Self::Method(_) => "gateway.method",
            Self::Body(_) | Self::Form(_) => "gateway.body",
            Self::TooLong(_) | Self::Names(_) => "gateway.body-limit",
            Self::Token => "gateway.token-repeated",
        }
    }

    /// The same as a denial.
    #[must_use]
    pub fn denial(self) -> Denial {
        let hint = match self {
            Self::TooLong(_) | Self::Names(_) => "Send less at once.",
            Self::Token => "Send the token by `Authorization` or `Palisade-Token` alone.",
            Self::Form(_) => "Send it as UTF-8, without a Content-Encoding.",
            _ => "Send the request in its plain form.",
        };
        Denial { reason: self.to_string(), rule: self.rule().to_owned(), hint: hint.to_owned() }
    }
}
