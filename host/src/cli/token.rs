//! `palisade token`: a token signed with the gateway's own key; the gateway need not run.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use palisade_identity::{Grant, SecretString, SigningKey, issue};
use serde_json::{Value, json};

use super::Failure;
use super::args::TokenArgs;
use super::client::Client;
use crate::clock;
use crate::config::{Config, nearest};
use crate::show::Screen;

pub(super) fn token(
    config: &Config,
    asked: &TokenArgs,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    for role in &asked.roles {
        check_role(config, role)?;
    }
    for connection in &asked.connections {
        check_connection(config, connection)?;
    }
    if let Some(file) = &asked.exchange {
        return exchange(config, asked, file, json, screen);
    }
    let subject = asked.subject.clone().unwrap_or_default();
    let key = SigningKey::load_or_create(&config.data_dir).context("cannot sign a token")?;
    let grant = Grant {
        subject: subject.clone(),
        roles: asked.roles.clone(),
        ttl: asked.ttl,
        acting_for: asked.acting_for.clone(),
        acting_for_issuer: None,
        connections: (!asked.connections.is_empty()).then(|| asked.connections.clone()),
        parents: vec![],
        vouched: None,
        may_act: None,
        dropped: vec![],
    };
    let issued = issue(&key, &grant, clock::now_seconds()).context("cannot issue the token")?;
    if !json {
        return Ok(screen.line(issued.token.expose())?);
    }
    Ok(screen.json(&[json!({
        "id": issued.token_id,
        "token": issued.token.expose(),
        "subject": subject,
        "roles": asked.roles,
        "acting_for": asked.acting_for,
        "expires_at": clock::rfc3339(issued.expires_at.saturating_mul(1_000_000)),
    })])?)
}

/// Gives a token for one of the gateway's.
fn exchange(
    config: &Config,
    asked: &TokenArgs,
    file: &Path,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    let subject = read(file)?;
    let actor = asked.actor.as_deref().map(read).transpose()?;
    let roles = asked.roles.join(" ");
    const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", subject.expose().as_str()),
        ("subject_token_type", JWT),
    ];
    if let Some(actor) = &actor {
        form.extend([("actor_token", actor.expose().as_str()), ("actor_token_type", JWT)]);
    }
    if !roles.is_empty() {
        form.push(("scope", &roles));
    }
    form.extend(asked.connections.iter().map(|name| ("audience", name.as_str())));
    let answer = Client::new(config, Some(""))?.exchange(&form)?;
    let token = answer.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| anyhow!("the gateway's answer has no token"))?;
    if !json {
        return Ok(screen.line(token)?);
    }
    Ok(screen.json(&[json!({
        "id": "token",
        "token": token,
        "expires_in": answer.get("expires_in"),
        "roles": answer.get("scope").and_then(Value::as_str).map(|scope| scope.split(' ').collect::<Vec<_>>()),
    })])?)
}

/// A token from a file, or from the standard input: a command line is anybody's to read.
fn read(file: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    let longest = 64 * 1024;
    if file == Path::new("-") {
        std::io::stdin()
            .take(longest)
            .read_to_string(&mut text)
            .context("cannot read the token")?;
    } else {
        let opened = std::fs::File::open(file);
        let opened = opened.with_context(|| format!("cannot read {}", file.display()))?;
        opened.take(longest).read_to_string(&mut text)?;
    }
    Ok(SecretString::new(text.trim().to_owned()))
}

/// One that the file does not have may be in the store, which only the gateway can read; one that is nearly right is a slip.
fn check_connection(config: &Config, name: &str) -> anyhow::Result<()> {
    let names = config.connections.iter().map(|connection| connection.name.as_str());
    match nearest(name, names) {
        Some(near) if config.connection(name).is_none() => {
            bail!("{} has no connection `{name}`, did you mean `{near}`?", config.file.display())
        }
        _ => Ok(()),
    }
}

/// A role that the configuration does not know gives nothing, which nobody asks for.
fn check_role(config: &Config, role: &str) -> anyhow::Result<()> {
    if config.role_names.iter().any(|name| name == role) {
        return Ok(());
    }
    let file = config.file.display();
    match nearest(role, config.role_names.iter().map(String::as_str)) {
        Some(near) => bail!("{file} has no role `{role}`, did you mean `{near}`?"),
        None => bail!("{file} has no role `{role}`, it has: {}", config.role_names.join(", ")),
    }
}
