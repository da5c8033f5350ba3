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

pub(super) fn approvals(
    config: &Config,
    command: &ApprovalsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let client = Client::new(config, args.token.as_deref())?;
    match command {
        ApprovalsCommand::List { all } => {
            let holds = list(client.get(&format!("/v1/holds?all={all}"))?)?;
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
