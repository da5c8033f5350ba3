//! The gateway's own connection to a server.

use std::time::Duration;

use palisade_relay::{ConverseError, Link, TlsError, converse};

use super::Backend;
use crate::login::{LoginRefused, ServerLogin, Upstream};

/// Most bytes of a server's login that may wait unhandled.
const MOST: usize = 128 * 1024;

/// The SQLSTATEs of a login that another password may better: `invalid_password` and its class.
const CREDENTIAL_REFUSED: [&str; 2] = ["28P01", "28000"];

/// Why the gateway has no connection to the server. The text may be shown to clients: it holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The password is not to be had.
    #[error("the gateway has no password for it: {0}")]
    Password(String),
    /// It cannot be reached.
    #[error("it cannot be reached: {0}")]
    Dial(std::io::Error),
    /// It did not let the gateway in.
    #[error("{0}")]
    Login(LoginRefused),
    /// The step to TLS went wrong.
    #[error("{0}")]
    Tls(TlsError),
    /// The conversation broke off.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("it did not answer within {0} seconds")]
    Time(u64),
}

impl From<ConverseError<LoginRefused>> for ConnectError {
    fn from(error: ConverseError<LoginRefused>) -> Self {
        match error {
            ConverseError::Sequence(refused) => Self::Login(refused),
            ConverseError::Tls(error) => Self::Tls(error),
            other => Self::Broken(other.to_string()),
        }
    }
}

/// Connects and logs in, within `limit`.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(
    backend: &dyn Backend,
    parameters: Vec<(&str, &str)>,
    limit: Duration,
) -> Result<(Link, Upstream), ConnectError> {
    match tokio::time::timeout(limit, log_in(backend, parameters)).await {
        Ok(connected) => connected,
        Err(_elapsed) => Err(ConnectError::Time(limit.as_secs())),
    }
}

async fn log_in(
    backend: &dyn Backend,
    parameters: Vec<(&str, &str)>,
) -> Result<(Link, Upstream), ConnectError> {
    let password = backend.password().await.map_err(ConnectError::Password)?;
    let mut all = vec![("database", backend.database())];
    all.extend(parameters);
    let mut login = ServerLogin::new(
        backend.tls_mode(),
        backend.is_private(),
        backend.username(),
        &password,
        all,
    );
    let link = backend.dial().await.map_err(ConnectError::Dial)?;
    let connected = converse(link, &mut login, &backend.secure(), MOST).await;
    if let Err(ConverseError::Sequence(LoginRefused::Server { code, .. })) = &connected
        && CREDENTIAL_REFUSED.contains(&code.as_str())
    {
        backend.password_refused();
    }
    Ok(connected?)
}
