//! Tokens that the gateway gets for itself, by its client credentials (RFC 6749 section 4.4), and keeps until they are over.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use palisade_identity::SecretString;
use serde::Deserialize;
use ureq::Agent;
use ureq::tls::RootCerts;
use zeroize::Zeroizing;

use crate::config::OauthLogin;
use crate::http;

/// How long the server may take.
const TIME: Duration = Duration::from_secs(10);
/// So long before its end a token is not sent any more.
const MARGIN: Duration = Duration::from_secs(30);
/// How long a token is kept whose server does not say how long it lasts.
const UNSAID: Duration = Duration::from_secs(60);
/// The longest that any is kept.
const LONGEST: Duration = Duration::from_secs(3600);
/// Most bytes of an answer.
const MOST: u64 = 64 * 1024;

/// Tokens of one service.
pub struct Tokens {
    login: OauthLogin,
    agent: Agent,
    kept: Arc<Mutex<Option<Kept>>>,
    /// One asks at a time; the others wait for its answer.
    asking: tokio::sync::Mutex<()>,
}

struct Kept {
    token: Zeroizing<String>,
    until: Instant,
}

/// A server's answer (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    token_type: String,
    expires_in: Option<u64>,
}

impl Tokens {
    /// Tokens that are asked for here.
    ///
    /// # Errors
    /// When the authority's certificates cannot be used.
    pub fn new(login: &OauthLogin, ca: Option<&Path>) -> Result<Self> {
        let roots = match ca {
            Some(file) => http::roots(file)?,
            None => RootCerts::WebPki,
        };
        Ok(Self {
            login: login.clone(),
            agent: http::agent(TIME, roots),
            kept: Arc::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// A token: the one that is kept, or a new one, for the client's id and secret that `client` reads.
    ///
    /// # Errors
    /// Why there is none, without the secret.
    pub async fn token(
        &self,
        client: impl FnOnce() -> Result<(String, SecretString), String> + Send + 'static,
    ) -> Result<Zeroizing<String>, String> {
        if let Some(token) = self.kept() {
            return Ok(token);
        }
        let _alone = self.asking.lock().await;
        if let Some(token) = self.kept() {
            return Ok(token);
        }
        let (agent, login) = (self.agent.clone(), self.login.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let (id, secret) = client()?;
            ask(&agent, &login, &id, &secret)
        });
        let kept = asked.await.map_err(|_| "the asking for a token broke off")??;
        let token = kept.token.clone();
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(token)
    }

    /// Forgets the token: it is known to be of no use any more.
    pub fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn kept(&self) -> Option<Zeroizing<String>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref().filter(|kept| Instant::now() < kept.until)?;
        Some(kept.token.clone())
    }
}

fn ask(agent: &Agent, login: &OauthLogin, id: &str, secret: &SecretString) -> Result<Kept, String> {
    let at = &login.token_url;
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret.expose()),
    ];
    let more = [("scope", login.scope.as_str()), ("audience", login.audience.as_str())];
    form.extend(more.into_iter().filter(|(_, value)| !value.is_empty()));
    let answer =
        agent.post(at).header("accept", "application/json").send_form(form.iter().copied());
    // The library's error may quote what was sent.
    let mut answer = answer.map_err(|_| format!("{at} does not answer"))?;
    if !answer.status().is_success() {
        return Err(format!("{at} gives no token (status {})", answer.status().as_u16()));
    }
    let body = answer.body_mut().with_config().limit(MOST).read_to_vec();
    let body = Zeroizing::new(body.map_err(|_| format!("{at} broke its answer off"))?);
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|_| format!("what {at} answers is no token response"))?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(format!("{at} gives another token than a bearer"));
    }
    let lasts = answer.expires_in.map_or(UNSAID, Duration::from_secs).min(LONGEST);
    let until = Instant::now() + lasts.saturating_sub(MARGIN.min(lasts / 2));
    Ok(Kept { token: Zeroizing::new(answer.access_token), until })
}
