//! `palisade token`: a token signed with the gateway's own key; the gateway need not run.

use anyhow::{Context, bail};
use palisade_identity::{Grant, SigningKey, issue};
use serde_json::json;

use super::Failure;
use super::args::TokenArgs;
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
    let key = SigningKey::load_or_create(&config.data_dir).context("cannot sign a token")?;
    let grant = Grant {
        subject: asked.subject.clone(),
        roles: asked.roles.clone(),
        ttl: asked.ttl,
        acting_for: asked.acting_for.clone(),
    };
    let issued = issue(&key, &grant, clock::now_seconds()).context("cannot issue the token")?;
    if !json {
        return Ok(screen.line(issued.token.expose())?);
    }
    Ok(screen.json(&[json!({
        "id": issued.token_id,
        "token": issued.token.expose(),
        "subject": asked.subject,
        "roles": asked.roles,
        "acting_for": asked.acting_for,
        "expires_at": clock::rfc3339(issued.expires_at.saturating_mul(1_000_000)),
    })])?)
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
