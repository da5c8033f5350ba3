//! `palisade tokens`: makes tokens worthless, and lists what is revoked and what was exchanged.

use serde_json::{Value, json};

use super::Failure;
use super::archive::{list, open_store};
use super::args::{Args, TokensCommand};
use super::client::{Client, NoAnswer};
use crate::changes::Changes;
use crate::config::Config;
use crate::revocations::{Revocation, Revocations};
use crate::show::{Screen, Table, counted, short};

pub(super) fn tokens(
    config: &Config,
    asked: &TokensCommand,
    args: &Args,
    screen: Screen,
) -> Result<(), Failure> {
    match asked {
        TokensCommand::Revoke { id, subject, issuer } => {
            let what = match (id, subject) {
                (Some(id), _) => json!({ "token": id }),
                (None, subject) => json!({ "subject": subject, "issuer": issuer }),
            };
            revoke(config, &what, args, screen)
        }
        TokensCommand::Exchanges { limit } => exchanges(config, *limit, args, screen),
        TokensCommand::Revocations { limit } => revocations(config, *limit, args, screen),
    }
}

fn exchanges(config: &Config, limit: u64, args: &Args, mut screen: Screen) -> Result<(), Failure> {
    let client = Client::new(config, args.token.as_deref());
    let path = format!("/v1/tokens/exchanges?limit={limit}");
    let all = match client.and_then(|client| client.get(&path)) {
        Ok(answer) => list(answer)?,
        Err(NoAnswer::NotRunning { .. }) if args.token.is_none() => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Changes::new(open_store(config)?).newest_exchanges(limit)?
        }
        Err(error) => return Err(error.into()),
    };
    if args.json {
        return Ok(screen.json(&all)?);
    }
    if all.is_empty() {
        return Ok(screen.line("no token was exchanged")?);
    }
    let mut table = Table::new(&["WHEN", "WHO", "TOKEN", "GIVEN FOR", "ROLES", "CONNECTIONS"]);
    for one in &all {
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        let texts = |key: &str| {
            let texts = one[key].as_array().into_iter().flatten().filter_map(Value::as_str);
            texts.collect::<Vec<_>>().join(", ")
        };
        let connections =
            if one["connections"].is_null() { "*".into() } else { texts("connections") };
        let who = match text("acting_for") {
            "" => text("subject").to_owned(),
            other => format!("{} (acting for {other})", text("subject")),
        };
        let (at, parents, roles) = (short(text("at")), texts("parents"), texts("roles"));
        table.row([&at, &who, text("token"), &parents, &roles, &connections]);
    }
    Ok(table.show(&mut screen)?)
}

fn revoke(config: &Config, what: &Value, args: &Args, mut screen: Screen) -> Result<(), Failure> {
    let client = Client::new(config, args.token.as_deref())?;
    let answer = client.send("/v1/tokens/revoke", what.to_string().as_bytes())?;
    if args.json {
        return Ok(screen.json(answer.as_array().map_or(&[][..], Vec::as_slice))?);
    }
    let ended = answer.pointer("/0/sessions_ended").and_then(Value::as_u64).unwrap_or(0);
    let end = if ended == 1 { "ends" } else { "end" };
    Ok(screen.line(&format!("revoked; {} {end} by it", counted(ended, "session")))?)
}

fn revocations(
    config: &Config,
    limit: u64,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let all = in_force(config, limit, args.token.as_deref())?;
    if args.json {
        return Ok(screen.json(&all)?);
    }
    if all.is_empty() {
        return Ok(screen.line("nothing is revoked")?);
    }
    let mut table = Table::new(&["WHEN", "UNTIL", "BY", "WHAT"]);
    for one in &all {
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        let (at, until) = (short(text("at")), short(text("until")));
        table.row([&at, &until, text("by"), &what(one)]);
    }
    Ok(table.show(&mut screen)?)
}

/// What the gateway has, or its store where none runs.
fn in_force(config: &Config, limit: u64, token: Option<&str>) -> Result<Vec<Value>, Failure> {
    let client = Client::new(config, token);
    let path = format!("/v1/tokens/revocations?limit={limit}");
    match client.and_then(|client| client.get(&path)) {
        Ok(answer) => list(answer),
        Err(NoAnswer::NotRunning { .. }) if token.is_none() => {
            let stored = Revocations::new(&open_store(config)?)?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(stored.newest(limit).iter().map(Revocation::shown).collect())
        }
        Err(error) => Err(error.into()),
    }
}

/// What is revoked, in words.
fn what(revocation: &Value) -> String {
    let text = |key: &str| revocation[key].as_str().unwrap_or_default();
    match (text("token"), text("issuer")) {
        ("", "") => format!("all tokens of {}", text("subject")),
        ("", issuer) => format!("all tokens of {} (of {issuer})", text("subject")),
        (token, _) => format!("the token {token}, and those that were exchanged for it"),
    }
}
