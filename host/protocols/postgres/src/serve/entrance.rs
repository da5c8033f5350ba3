//! A client's way in: its opening, its token, and what it hears where it is not let in.

use std::net::SocketAddr;

use palisade_policy::NotAdmitted;
use palisade_relay::{ConverseError, Link, converse};

use super::service::{GOODBYE, last_words};
use super::{Admission, Login, Service};
use crate::login::{
    Bearer, BearerDenied, ClientBearer, ClientOpening, ClientPassword, LoginMethod, Opened,
    OpeningRefused, TokenSource,
};

/// Most bytes of a client's opening that may wait unhandled.
const MOST: usize = 32 * 1024;

/// A client that was let in.
pub(super) struct Admitted {
    pub(super) link: Link,
    pub(super) minor: u32,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) admission: Admission,
}

/// Why a client was turned away before it said who it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnedAway {
    /// It was refused, and told so.
    #[error(transparent)]
    Opening(OpeningRefused),
    /// The conversation broke off.
    #[error(transparent)]
    Broken(ConverseError<std::convert::Infallible>),
}

impl From<ConverseError<OpeningRefused>> for TurnedAway {
    fn from(error: ConverseError<OpeningRefused>) -> Self {
        Self::Broken(match error {
            ConverseError::Sequence(refused) => return Self::Opening(refused),
            ConverseError::Closed => ConverseError::Closed,
            ConverseError::TooLong(most) => ConverseError::TooLong(most),
            ConverseError::Tls(error) => ConverseError::Tls(error),
            ConverseError::Io(error) => ConverseError::Io(error),
        })
    }
}

impl Service {
    /// The opening and the token. `None` where there is to be no session, or the host has refused it.
    pub(super) async fn log_in(
        &self,
        link: Link,
        client: SocketAddr,
    ) -> Result<Option<Admitted>, TurnedAway> {
        let mut opening = ClientOpening::new(self.options.insecure);
        let (link, opened) = converse(link, &mut opening, &self.secure(), MOST).await?;
        let (minor, parameters, method) = match opened {
            Opened::Cancel { process, key } => {
                self.cancels.cancel(process, &key).await;
                link.close(GOODBYE).await;
                return Ok(None);
            }
            Opened::Session { minor, parameters, method } => (minor, parameters, method),
        };
        let value = |wanted: &str| {
            parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
        };
        let connection = value("user").unwrap_or_default();
        let database = value("database").unwrap_or(connection);
        let method = method.unwrap_or(self.options.login_method);
        let (link, bearer) = self.token(link, method, connection).await?;
        let Bearer::Token(token) = bearer else {
            self.tell_where_tokens_are(link).await;
            return Ok(None);
        };
        let login = Login { connection, database, token: &token, client_address: client };
        match self.host.admit(&login) {
            Ok(admission) => Ok(Some(Admitted { minor, admission, link, parameters })),
            Err(refused) => {
                self.refuse(link, method, connection, &refused).await;
                Ok(None)
            }
        }
    }

    async fn token(
        &self,
        link: Link,
        method: LoginMethod,
        user: &str,
    ) -> Result<(Link, Bearer), TurnedAway> {
        let secure = self.secure();
        Ok(match method {
            LoginMethod::Password => {
                converse(link, &mut ClientPassword::default(), &secure, MOST).await?
            }
            LoginMethod::OAuth => {
                converse(link, &mut ClientBearer::new(user), &secure, MOST).await?
            }
        })
    }

    /// The answer to a client that has no token yet: no failure of anybody's, but no login either.
    async fn tell_where_tokens_are(&self, link: Link) {
        let source = self.host.token_source();
        let Some(link) = self.deny_bearer(link, source.as_ref()).await else { return };
        let (message, hint) = match source {
            Some(_) => ("a token is needed to log in", ""),
            None => (
                "a token is needed to log in, and this gateway names nobody who gives one",
                "Give the client a token, or set oauth_issuer to the address of its issuer's metadata.",
            ),
        };
        last_words(link, &self.secure(), "28000", message, hint).await;
    }

    async fn refuse(
        &self,
        mut link: Link,
        method: LoginMethod,
        connection: &str,
        refused: &NotAdmitted,
    ) {
        let (code, message, hint) = match refused {
            NotAdmitted::Refused { after } => {
                tokio::time::sleep(*after).await;
                let message = format!("access to connection \"{connection}\" is refused");
                match method {
                    LoginMethod::Password => (
                        "28P01",
                        message,
                        "Check the connection's name and get a new token, which goes where the password would.",
                    ),
                    // No password was wrong; PostgreSQL has this code here as well.
                    LoginMethod::OAuth => {
                        let Some(left) = self.deny_bearer(link, None).await else { return };
                        link = left;
                        ("28000", message, "Check the connection's name and get a new token.")
                    }
                }
            }
            NotAdmitted::TooMany(why) => ("53300", why.clone(), ""),
            NotAdmitted::Unavailable(why) => ("57P03", why.clone(), ""),
            NotAdmitted::Elsewhere(why) => ("3D000", why.clone(), ""),
        };
        last_words(link, &self.secure(), code, &message, hint).await;
    }

    /// Says so in the mechanism's words. `None` where the client does not wait for the protocol's own: some have heard enough.
    async fn deny_bearer(&self, link: Link, source: Option<&TokenSource>) -> Option<Link> {
        let mut denied = BearerDenied::new(source);
        let secure = self.secure();
        let heard = tokio::time::timeout(GOODBYE, converse(link, &mut denied, &secure, MOST));
        heard.await.ok()?.ok().map(|(link, ())| link)
    }
}
