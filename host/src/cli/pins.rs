//! `palisade pins`: by the running gateway, or by its store where none runs.

use anyhow::anyhow;
use palisade_identity::OPERATOR;
use serde_json::{Value, json};

use super::Failure;
use super::archive::{list, open_store};
use super::args::{Args, PinName, PinsCommand};
use super::client::{Client, NoAnswer};
use crate::config::Config;
use crate::mcp::Tools;
use crate::show::{self, Screen};

/// Who answers.
enum Way {
    Running(Client),
    Stored(Tools),
}

pub(super) fn pins(
    config: &Config,
    asked: &PinsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let way = Way::open(config, args.token.as_deref())?;
    let values = match asked {
        PinsCommand::List { connection } => way.list(connection.as_deref())?,
        PinsCommand::Show(name) => vec![way.show(name)?],
        PinsCommand::Approve { name, digest } => vec![way.approve(name, digest)?],
        PinsCommand::Forget(name) => vec![way.forget(name)?],
        PinsCommand::History { limit } => way.history(*limit)?,
    };
    if args.json {
        return Ok(screen.json(&values)?);
    }
    match (asked, values.as_slice()) {
        (PinsCommand::Show(_), [pin]) => show::pin(&mut screen, pin)?,
        (PinsCommand::Approve { .. }, _) => screen.line("approved; it counts at once")?,
        (PinsCommand::Forget(_), _) => {
            screen.line("forgotten; it is new when its server offers it next")?;
        }
        (PinsCommand::History { .. }, changes) => show::pin_changes(&mut screen, changes)?,
        (_, pins) => show::pins(&mut screen, pins)?,
    }
    Ok(())
}

impl Way {
    fn open(config: &Config, token: Option<&str>) -> Result<Self, Failure> {
        let client = Client::new(config, token);
        match client.and_then(|client| client.get("/v1/status").map(|_| client)) {
            Ok(client) => Ok(Self::Running(client)),
            Err(NoAnswer::NotRunning { .. }) if token.is_none() => {
                Ok(Self::Stored(Tools::new(&open_store(config)?)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn list(&self, connection: Option<&str>) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => {
                let all = list(client.get("/v1/pins")?)?;
                let named = |pin: &Value| connection.is_none_or(|it| pin["connection"] == it);
                Ok(all.into_iter().filter(named).collect())
            }
            Self::Stored(tools) => Ok(tools.list(connection).map_err(told)?),
        }
    }

    fn show(&self, name: &PinName) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => Ok(client.send("/v1/pins/show", &body(name, None))?),
            Self::Stored(tools) => Ok(tools.show(&name.connection, tool(name)).map_err(told)?),
        }
    }

    fn approve(&self, name: &PinName, digest: &str) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => {
                Ok(client.send("/v1/pins/approve", &body(name, Some(digest)))?)
            }
            Self::Stored(tools) => {
                let approved = tools.approve((&name.connection, tool(name)), digest, OPERATOR);
                Ok(approved.map_err(told)?)
            }
        }
    }

    fn forget(&self, name: &PinName) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => Ok(client.send("/v1/pins/forget", &body(name, None))?),
            Self::Stored(tools) => {
                Ok(tools.forget(&name.connection, tool(name), OPERATOR).map_err(told)?)
            }
        }
    }

    fn history(&self, limit: u64) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => list(client.get(&format!("/v1/changes/pins?limit={limit}"))?),
            Self::Stored(tools) => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                Ok(tools.history(limit).map_err(told)?)
            }
        }
    }
}

fn tool(name: &PinName) -> &str {
    name.tool.as_deref().unwrap_or_default()
}

fn body(name: &PinName, digest: Option<&str>) -> Vec<u8> {
    let body = match digest {
        None => json!({ "connection": name.connection, "tool": tool(name) }),
        Some(digest) => {
            json!({ "connection": name.connection, "tool": tool(name), "digest": digest })
        }
    };
    body.to_string().into_bytes()
}

fn told(problem: palisade_admin::Problem) -> anyhow::Error {
    anyhow!(problem.detail)
}
