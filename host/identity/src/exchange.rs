//! A token for a token (RFC 8693): never more than what was given, and never for longer.

use std::time::Duration;

use serde_json::{Value, json};

use crate::token::Grant;
use crate::{Identity, IssueRefused, Issued, SigningKey, Ttl, issue};

/// How many tokens a token may descend from.
const MOST_PARENTS: usize = 16;

/// What is asked for, within what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Some of the roles; all where left out.
    pub roles: Option<Vec<String>>,
    /// Some of the connections; all that the roles reach where left out.
    pub connections: Option<Vec<String>>,
}

/// A token that was given for another.
#[derive(Debug)]
pub struct Exchanged {
    /// The token.
    pub issued: Issued,
    /// What it says.
    pub grant: Grant,
}

/// Why no token is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeRefused {
    /// An operator's token acts for one call only.
    #[error("an operator's token is not exchanged")]
    Operator,
    /// A role that the bearer does not have.
    #[error("the role `{0}` is not among those that there are to give")]
    Role(String),
    /// A connection that the bearer does not reach.
    #[error("the connection `{0}` is not within reach")]
    Connection(String),
    /// Somebody who acts for somebody already.
    #[error("a token that acts for somebody already is not combined with another")]
    Chain,
    /// The subject's token names somebody else who may act for it.
    #[error("the subject's token does not let this actor act for it")]
    MayAct,
    /// Too many exchanges.
    #[error("the token was exchanged too many times")]
    TooMany,
    /// There is no time left.
    #[error("the token is about to expire")]
    Over,
    /// It cannot be issued.
    #[error(transparent)]
    Issue(#[from] IssueRefused),
}

/// Gives a token of the gateway's for the subject's, or, with an actor's token besides, one by which the actor acts for the
/// subject: with the roles that both have, on the connections that both reach, until either's time is over.
///
/// The names of the roles that either had besides are kept in it: they give nothing, but policies that act by them go on to.
///
/// `reaches` says whether somebody's roles reach a connection.
///
/// # Errors
/// When more is asked for than there is, or less than a second is left.
pub fn exchange(
    key: &SigningKey,
    reaches: impl Fn(&Identity, &str) -> bool,
    (subject, actor): (&Identity, Option<&Identity>),
    wish: &Wish,
    now: u64,
) -> Result<Exchanged, ExchangeRefused> {
    let both = || std::iter::once(subject).chain(actor);
    if both().any(|one| one.operator) {
        return Err(ExchangeRefused::Operator);
    }
    if let Some(actor) = actor {
        check_actor(subject, actor)?;
    }
    let bearer = actor.unwrap_or(subject);
    let parents: Vec<_> = both().flat_map(lineage).collect();
    if parents.len() > MOST_PARENTS {
        return Err(ExchangeRefused::TooMany);
    }
    let expires_at = both().map(|one| one.expires_at).min().unwrap_or(0);
    let left = Duration::from_secs(expires_at.saturating_sub(now).min(Ttl::MAX.as_secs()));
    let roles = granted_roles(subject, actor, wish)?;
    let grant = Grant {
        subject: bearer.principal.subject.clone(),
        dropped: dropped_roles(both(), &roles),
        roles,
        ttl: left.try_into().map_err(|_| ExchangeRefused::Over)?,
        acting_for: match actor {
            Some(_) => Some(subject.principal.subject.clone()),
            None => subject.principal.acting_for.clone(),
        },
        acting_for_issuer: match actor {
            Some(_) => Some(subject.principal.issuer.clone()),
            None => subject.principal.acting_for_issuer.clone(),
        },
        connections: granted_connections(reaches, subject, actor, wish)?,
        parents,
        vouched: Some(bearer.principal.issuer.clone()).filter(|_| !bearer.is_own()),
        may_act: kept_may_act(subject),
    };
    let issued = issue(key, &grant, now)?;
    Ok(Exchanged { issued, grant })
}

fn lineage(identity: &Identity) -> impl Iterator<Item = String> {
    std::iter::once(&identity.token_id).chain(&identity.parents).cloned()
}

fn check_actor(subject: &Identity, actor: &Identity) -> Result<(), ExchangeRefused> {
    if subject.principal.acting_for.is_some() || actor.principal.acting_for.is_some() {
        return Err(ExchangeRefused::Chain);
    }
    let Some(named) = may_act(subject) else { return Ok(()) };
    let is = |claim: &str, what: &str| {
        named.get(claim).is_none_or(|wanted| wanted.as_str() == Some(what))
    };
    let names_actor = named.get("sub").is_some()
        && is("sub", &actor.principal.subject)
        && is("iss", &actor.principal.issuer);
    if names_actor { Ok(()) } else { Err(ExchangeRefused::MayAct) }
}

/// Who alone may act for a subject, as its token says.
fn may_act(subject: &Identity) -> Option<&Value> {
    let presented =
        subject.presented.as_ref().and_then(|presented| presented.claims.get("may_act"));
    presented.or(subject.may_act.as_ref())
}

/// The same for the token that is given, which lets nobody act for the subject that its own token did not. What is there and
/// names nobody must not be taken for what is not there when it is read again.
fn kept_may_act(subject: &Identity) -> Option<Value> {
    may_act(subject).map(|named| if named.is_null() { json!({}) } else { named.clone() })
}

fn granted_roles(
    subject: &Identity,
    actor: Option<&Identity>,
    wish: &Wish,
) -> Result<Vec<String>, ExchangeRefused> {
    let has = |role: &&String| actor.is_none_or(|actor| actor.principal.roles.contains(*role));
    let there_are: Vec<_> = subject.principal.roles.iter().filter(has).cloned().collect();
    let Some(wanted) = &wish.roles else { return Ok(there_are) };
    match wanted.iter().find(|role| !there_are.contains(role)) {
        Some(role) => Err(ExchangeRefused::Role(role.clone())),
        None => Ok(wanted.clone()),
    }
}

/// All the other roles that there are, by name and each once, those among them that were dropped before.
fn dropped_roles<'a>(
    bearers: impl Iterator<Item = &'a Identity>,
    granted: &[String],
) -> Vec<String> {
    let mut dropped: Vec<String> = vec![];
    for role in bearers.flat_map(|one| one.principal.roles.iter().chain(&one.principal.dropped)) {
        if !granted.contains(role) && !dropped.contains(role) {
            dropped.push(role.clone());
        }
    }
    dropped
}

fn granted_connections(
    reaches: impl Fn(&Identity, &str) -> bool,
    subject: &Identity,
    actor: Option<&Identity>,
    wish: &Wish,
) -> Result<Option<Vec<String>>, ExchangeRefused> {
    let is_common =
        |name: &String| reaches(subject, name) && actor.is_none_or(|actor| reaches(actor, name));
    if let Some(wanted) = &wish.connections {
        return match wanted.iter().find(|name| !is_common(name)) {
            Some(name) => Err(ExchangeRefused::Connection(name.clone())),
            None => Ok(Some(wanted.clone())),
        };
    }
    let actors = actor.and_then(|actor| actor.connections.as_ref());
    Ok(match (&subject.connections, actors) {
        (Some(one), Some(other)) => {
            Some(one.iter().filter(|name| other.contains(name)).cloned().collect())
        }
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    })
}

#[cfg(test)]
mod tests;
