//! `palisade connections`: by the running gateway, or by its store where none runs.

use std::process::ExitCode;

use anyhow::{anyhow, bail};
use palisade_identity::{Credential, OPERATOR};
use palisade_postgres::Trusted;
use palisade_store::Store;
use palisade_vault::{Place, Reference};
use serde_json::{Value, json};

use super::Failure;
use super::archive::{list, open_store};
use super::args::{Args, ConnectionsCommand};
use super::asked;
use super::client::{Client, NoAnswer};
use crate::config::Config;
use crate::connections::{Author, Connections, NewConnection, Rotation};
use crate::show::text::visible;
use crate::show::{Screen, Table, Tone, pairs, short};

/// Who answers.
enum Way {
    Running(Client),
    Stored(Box<Connections>),
}

pub(super) fn connections(
    config: &Config,
    command: &ConnectionsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<ExitCode, Failure> {
    let way = Way::open(config, args.token.as_deref())?;
    let values = match command {
        ConnectionsCommand::List => way.list()?,
        ConnectionsCommand::Show { name } => vec![find(way.list()?, name)?],
        ConnectionsCommand::Add(asked) => vec![way.add(&asked::body(asked)?)?],
        ConnectionsCommand::Remove { name } => vec![way.remove(name)?],
        ConnectionsCommand::Test { name } => vec![way.test(name, config)?],
        ConnectionsCommand::History { limit } => way.history(*limit)?,
    };
    let fails = values.iter().any(|value| value["ok"] == false);
    let code = if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if args.json {
        screen.json(&values)?;
        return Ok(code);
    }
    show(command, &values, &mut screen)?;
    Ok(code)
}

/// Exchanges the master key. What is sent says where the keys are, and holds none.
pub(super) fn rotate(
    config: &Config,
    old: &str,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let missing = || anyhow!("name the new key in the configuration: [vault] master_key = {{ … }}");
    let new = config.vault.master_key.clone().ok_or_else(missing)?;
    let old = match old.strip_prefix("env:") {
        Some(name) => Credential::Env(name.to_owned()),
        None => Credential::File(std::path::absolute(old)?),
    };
    let rotation = Rotation { new, old: Reference::to(Place::Local(old)) };
    let done = match Way::open(config, args.token.as_deref())? {
        Way::Running(client) => {
            let body = json!({ "new": rotation.new, "old": rotation.old }).to_string();
            client.send("/v1/vault/rotate", body.as_bytes())?
        }
        Way::Stored(connections) => connections.rotate(&rotation, operator()).map_err(told)?,
    };
    if args.json {
        return Ok(screen.json(&[done])?);
    }
    let part = |key: &str| done.get(key).map_or_else(String::new, |it| visible(&super::plain(it)));
    let (secrets, from, to) = (part("secrets"), part("from"), part("id"));
    Ok(screen.line(&format!("{secrets} kept passwords went from the master key {from} to {to}"))?)
}

impl Way {
    fn open(config: &Config, token: Option<&str>) -> Result<Self, Failure> {
        let client = Client::new(config, token);
        match client.and_then(|client| client.get("/v1/status").map(|_| client)) {
            Ok(client) => Ok(Self::Running(client)),
            Err(NoAnswer::NotRunning { .. }) if token.is_none() => {
                let store: Store = open_store(config)?;
                let trusted = Trusted::new(std::iter::empty::<String>());
                Ok(Self::Stored(Box::new(Connections::open(config, &store, trusted)?)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn list(&self) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => list(client.get("/v1/connections")?),
            Self::Stored(connections) => Ok(connections.list()),
        }
    }

    fn history(&self, limit: u64) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => {
                list(client.get(&format!("/v1/changes/connections?limit={limit}"))?)
            }
            Self::Stored(connections) => {
                Ok(connections.history(usize::try_from(limit).unwrap_or(usize::MAX))?)
            }
        }
    }

    fn add(&self, body: &[u8]) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => Ok(client.send("/v1/connections", body)?),
            Self::Stored(connections) => {
                // The error's own text may quote the body.
                let new: NewConnection =
                    serde_json::from_slice(body).map_err(|_| anyhow!("this is no connection"))?;
                Ok(connections.add(new, operator()).map_err(told)?)
            }
        }
    }

    fn remove(&self, name: &str) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => {
                Ok(client.post(&format!("/v1/connections/{}/remove", part(name)?))?)
            }
            Self::Stored(connections) => Ok(connections.remove(name, operator()).map_err(told)?),
        }
    }

    fn test(&self, name: &str, config: &Config) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => {
                Ok(client.post(&format!("/v1/connections/{}/test", part(name)?))?)
            }
            Self::Stored(connections) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let tried = runtime.block_on(connections.test(name, config.limits.dial));
                Ok(tried.map_err(told)?)
            }
        }
    }
}

fn operator() -> Author<'static> {
    Author { name: OPERATOR, operator: true }
}

fn told(problem: palisade_admin::Problem) -> anyhow::Error {
    anyhow!(problem.detail)
}

/// A name as a part of a path.
fn part(name: &str) -> anyhow::Result<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(fits) {
        bail!(
            "there is no connection `{name}` that can be named here: letters, digits, -, _ and ."
        );
    }
    Ok(name)
}

fn find(values: Vec<Value>, name: &str) -> anyhow::Result<Value> {
    let found = values.into_iter().find(|value| value["name"] == name);
    found.ok_or_else(|| anyhow!("there is no connection `{name}`"))
}

fn show(
    command: &ConnectionsCommand,
    values: &[Value],
    screen: &mut Screen,
) -> std::io::Result<()> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    match (command, values) {
        (ConnectionsCommand::List, _) => {
            let keys = ["name", "protocol", "address", "database", "username", "tls", "origin"];
            let mut table = Table::new(&[
                "NAME", "PROTOCOL", "ADDRESS", "DATABASE", "USERNAME", "TLS", "ORIGIN", "PASSWORD",
            ]);
            let refused = values.iter().filter_map(|value| value["refused"].as_str());
            let refused: Vec<_> = refused.collect();
            for value in values {
                let cells: Vec<_> =
                    keys.iter().chain([&"password"]).map(|key| text(value, key)).collect();
                table.row(cells.iter().map(String::as_str));
            }
            table.show(screen)?;
            refused
                .into_iter()
                .try_for_each(|why| screen.line(&screen.tone(Tone::Bad, &visible(why))))
        }
        (ConnectionsCommand::Test { name }, [value]) => {
            let line = match value["problem"].as_str() {
                None => {
                    let said = visible(&text(value, "said"));
                    screen.tone(Tone::Good, &format!("{}: {said}", visible(name)))
                }
                Some(why) => {
                    screen.tone(Tone::Bad, &format!("{}: {}", visible(name), visible(why)))
                }
            };
            screen.line(&line)
        }
        (ConnectionsCommand::History { .. }, _) => {
            let mut table = Table::new(&["WHEN", "CHANGE", "CONNECTION", "BY"]);
            for value in values {
                let at = short(&text(value, "at"));
                let cells = ["change", "connection", "by"].map(|key| text(value, key));
                table.row([at.as_str()].into_iter().chain(cells.iter().map(String::as_str)));
            }
            table.show(screen)
        }
        (ConnectionsCommand::Remove { name }, _) => {
            screen.line(&format!("removed {}; its open sessions end", visible(name)))
        }
        (_, values) => {
            for value in values {
                details(value, screen)?;
            }
            Ok(())
        }
    }
}

fn details(value: &Value, screen: &mut Screen) -> std::io::Result<()> {
    let labels = value["labels"].as_object().into_iter().flatten();
    let labels: Vec<_> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let labels = labels.join(", ");
    let text = |key: &'static str| (key, value[key].as_str().unwrap_or_default());
    let environment = value["environment"].as_object().into_iter().flatten();
    let environment: Vec<_> = environment
        .map(|(name, from)| format!("{name} ({})", from.as_str().unwrap_or_default()))
        .collect();
    let environment = environment.join(", ");
    let keys = ["name", "protocol", "address", "database", "username", "login", "password"];
    let mut shown: Vec<_> = keys.into_iter().map(text).collect();
    shown.extend(["certificate", "tls", "tls_ca", "services", "new_tools"].into_iter().map(text));
    shown.extend([("environment", environment.as_str()), ("labels", &labels)]);
    shown.extend(["origin", "added_at", "added_by", "refused"].into_iter().map(text));
    // What a connection of its protocol does not have is left out.
    shown.retain(|(_, value)| !value.is_empty());
    pairs(screen, &shown)
}
