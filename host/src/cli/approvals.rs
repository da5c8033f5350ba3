//! `palisade approvals`.

use anyhow::Context;
use serde_json::Value;

use super::Failure;
use super::archive::{list, path};
use super::args::{ApprovalsCommand, Args};
use super::client::Client;
use crate::config::Config;
use crate::holds::{HoldDocument, HoldState};
use crate::show::{self, Screen};

/// Beyond so many holds no further page is read.
const MOST_LISTED: usize = 1000;

pub(super) fn approvals(
    config: &Config,
    command: &ApprovalsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let client = Client::new(config, args.token.as_deref())?;
    match command {
        ApprovalsCommand::List { all } => {
            let holds = pages(&client, *all)?;
            if args.json {
                return Ok(screen.json(&holds)?);
            }
            let holds: Vec<HoldDocument> =
                holds.into_iter().map(document).collect::<Result<_, _>>()?;
            Ok(show::holds(&mut screen, &holds)?)
        }
        ApprovalsCommand::Show { id } => {
            let hold = client.get(&format!("/v1/holds/{}", path(id)?))?;
            if args.json {
                return Ok(screen.json(&[hold])?);
            }
            Ok(show::hold(&mut screen, &document(hold)?)?)
        }
        ApprovalsCommand::Approve { id, reason } => {
            let hold = client.decide(&format!("/v1/holds/{}/approve", path(id)?), reason)?;
            decided(hold, args.json, screen)
        }
        ApprovalsCommand::Deny { id, reason } => {
            let hold = client.decide(&format!("/v1/holds/{}/deny", path(id)?), reason)?;
            decided(hold, args.json, screen)
        }
    }
}

/// The holds of all pages, up to as many as are worth reading.
fn pages(client: &Client, all: bool) -> Result<Vec<Value>, Failure> {
    let mut holds = list(client.get(&format!("/v1/holds?all={all}"))?)?;
    while holds.len() < MOST_LISTED {
        let last = holds.last().and_then(|last| last["id"].as_str());
        let Some(last) = last else { break };
        let more = list(client.get(&format!("/v1/holds?all={all}&before={}", path(last)?))?)?;
        if more.is_empty() {
            break;
        }
        holds.extend(more);
    }
    Ok(holds)
}

fn decided(hold: Value, json: bool, mut screen: Screen) -> Result<(), Failure> {
    if json {
        return Ok(screen.json(&[hold])?);
    }
    let hold = document(hold)?;
    let line = match hold.state {
        HoldState::Open => format!(
            "{}: your approval counts; {} of {} so far",
            hold.id,
            hold.counted().count(),
            hold.quorum
        ),
        HoldState::Granted => format!("{}: granted, the command runs now", hold.id),
        state => format!("{}: {}", hold.id, state.word()),
    };
    screen.line(&line)?;
    Ok(screen.text(4, &hold.text)?)
}

fn document(value: Value) -> Result<HoldDocument, Failure> {
    Ok(serde_json::from_value(value).context("the gateway's answer is no hold")?)
}
