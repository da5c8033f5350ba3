//! Tokens for tokens, as the admin API is asked for them.

use std::net::SocketAddr;

use palisade_admin::{ExchangeProblem, TokenRequest};
use palisade_identity::{ExchangeRefused, Exchanged, GATEWAY, Identity, Wish, exchange};
use serde_json::{Value, json};

use crate::changes::Exchange;
use crate::clock;
use crate::gateway::{Gateway, Nobody};

/// The type of what is issued (RFC 8693, 3).
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Answers a request for an exchange.
///
/// # Errors
/// What the client may know, as RFC 6749, 5.2 and RFC 8693, 2.2.2 name it.
pub fn answer(
    gateway: &Gateway,
    client: SocketAddr,
    request: &TokenRequest,
) -> Result<Value, ExchangeProblem> {
    let identify = |token: &str, what: &'static str| {
        gateway.identify_at_admin(token, client).map_err(|nobody| match nobody {
            Nobody::TooMany(_) => {
                ExchangeProblem::new("temporarily_unavailable", "too many were refused")
            }
            Nobody::Refused(cause) => {
                tracing::warn!(%cause, %client, what, "an exchange was refused");
                ExchangeProblem::new("invalid_request", format!("the {what} is not valid"))
            }
        })
    };
    let subject = identify(&request.subject_token, "subject_token")?;
    let actor = request.actor_token.as_ref();
    let actor = actor.map(|token| identify(token, "actor_token")).transpose()?;
    let wish = Wish { roles: request.roles.clone(), connections: request.connections.clone() };
    let given = give(gateway, client, (&subject, actor.as_ref()), &wish);
    let exchanged = given.inspect_err(|refused| {
        tracing::warn!(%refused, %client, subject = subject.principal.subject, "an exchange was refused");
    })?;
    log(&exchanged, &subject);
    Ok(told(&exchanged))
}

/// Gives a token for those of bearers that were good a moment ago, and still are, once it is in the record.
pub(crate) fn give(
    gateway: &Gateway,
    client: SocketAddr,
    (subject, actor): (&Identity, Option<&Identity>),
    wish: &Wish,
) -> Result<Exchanged, ExchangeProblem> {
    let reaches = |bearer: &Identity, name: &str| {
        let known = gateway.connections.get(name);
        let labels = known.as_ref().map(|known| &known.server.connection.labels);
        gateway.settings.load().config.roles.access(bearer, name, labels).is_some()
    };
    let now = clock::now_seconds();
    let exchanged = exchange(&gateway.key, reaches, (subject, actor), wish, now);
    let exchanged = exchanged.map_err(|refused| problem(&refused))?;
    // A revocation that came meanwhile is about older tokens than this one.
    if std::iter::once(subject).chain(actor).any(|one| gateway.revocations.cover(one)) {
        return Err(ExchangeProblem::new("invalid_request", "a token was revoked meanwhile"));
    }
    record(gateway, client, &exchanged).map_err(|problem| {
        tracing::error!(problem, "an exchange is not in the record, and no token is given");
        ExchangeProblem::new("server_error", "the gateway cannot record the exchange")
    })?;
    Ok(exchanged)
}

fn record(gateway: &Gateway, client: SocketAddr, exchanged: &Exchanged) -> Result<(), String> {
    let Exchanged { issued, grant } = exchanged;
    gateway.changes.put_exchange(&Exchange {
        token: &issued.token_id,
        parents: &grant.parents,
        subject: &grant.subject,
        issuer: grant.vouched.as_deref().unwrap_or(GATEWAY),
        acting_for: grant.acting_for.as_deref(),
        acting_for_issuer: grant.acting_for_issuer.as_deref(),
        roles: &grant.roles,
        dropped: &grant.dropped,
        connections: grant.connections.as_deref(),
        until: clock::rfc3339(issued.expires_at.saturating_mul(1_000_000)),
        client_address: client.to_string(),
    })
}

fn log(exchanged: &Exchanged, subject: &Identity) {
    tracing::info!(
        subject = exchanged.grant.subject,
        acting_for = exchanged.grant.acting_for,
        token = exchanged.issued.token_id,
        parent = subject.token_id,
        "a token was exchanged"
    );
}

fn told(exchanged: &Exchanged) -> Value {
    let left = exchanged.issued.expires_at.saturating_sub(clock::now_seconds());
    json!({
        "access_token": exchanged.issued.token.expose(),
        "issued_token_type": JWT,
        "token_type": "Bearer",
        "expires_in": left,
        "scope": exchanged.grant.roles.join(" "),
    })
}

fn problem(refused: &ExchangeRefused) -> ExchangeProblem {
    let code = match refused {
        ExchangeRefused::Role(_) => "invalid_scope",
        ExchangeRefused::Connection(_) => "invalid_target",
        ExchangeRefused::Operator
        | ExchangeRefused::Chain
        | ExchangeRefused::MayAct
        | ExchangeRefused::TooMany
        | ExchangeRefused::Over
        | ExchangeRefused::Issue(_) => "invalid_request",
    };
    ExchangeProblem::new(code, refused.to_string())
}
