//! `palisade sessions`.

use anyhow::Context;
use palisade_admin::SessionFilter;
use serde_json::Value;

use super::Failure;
use super::archive::Archive;
use super::args::{Args, SessionsCommand};
use crate::config::Config;
use crate::sessions::SessionDocument;
use crate::show::{self, Replay, Screen, ShownEvent};

pub(super) fn sessions(
    config: &Config,
    command: &SessionsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let archive = Archive::open(config, args.token.as_deref())?;
    match command {
        SessionsCommand::List { limit, before, connection, subject } => {
            let (before, connection) = (before.clone(), connection.clone());
            let filter = SessionFilter { before, connection, subject: subject.clone() };
            let list = archive.list(*limit, &filter)?;
            if args.json {
                return Ok(screen.json(&list)?);
            }
            let list: Vec<SessionDocument> =
                list.into_iter().map(document).collect::<Result<_, _>>()?;
            Ok(show::sessions(&mut screen, &list)?)
        }
        SessionsCommand::Show { id } => show_one(&archive, id, args.json, screen),
        SessionsCommand::Replay { id, speed } => replay(&archive, id, *speed, args.json, screen),
    }
}

fn show_one(
    archive: &Archive<'_>,
    id: &str,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    let mut session = archive.session(id)?;
    let events = all_events(archive, id)?;
    if json {
        if let Some(session) = session.as_object_mut() {
            session.insert("events".into(), events.into());
        }
        return Ok(screen.json(&[session])?);
    }
    let events: Vec<ShownEvent> = events.into_iter().map(event).collect::<Result<_, _>>()?;
    Ok(show::session(&mut screen, &document(session)?, &events)?)
}

fn replay(
    archive: &Archive<'_>,
    id: &str,
    speed: f64,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    let session = archive.session(id)?;
    if json {
        return Ok(screen.json(&all_events(archive, id)?)?);
    }
    let session = document(session)?;
    show::headline(&mut screen, &session)?;
    let mut replay = Replay::new(if screen.is_terminal() { speed } else { 0.0 });
    let mut from = 0;
    loop {
        let page = archive.events(id, from)?;
        let Some(next) = next(&page) else { break };
        for value in page {
            let event = event(value)?;
            replay.pause(&event);
            replay.show(&mut screen, &event)?;
            screen.flush()?;
        }
        from = next;
    }
    if let Some(ended) = &session.ended {
        screen.line("")?;
        let at = session.ended_at.as_deref().map(show::short).unwrap_or_default();
        screen.text(0, &format!("{at}  {ended}"))?;
    }
    Ok(())
}

fn all_events(archive: &Archive<'_>, id: &str) -> Result<Vec<Value>, Failure> {
    let (mut all, mut from) = (vec![], 0);
    loop {
        let page = archive.events(id, from)?;
        let Some(next) = next(&page) else { return Ok(all) };
        all.extend(page);
        from = next;
    }
}

/// The number after a page's last event; `None` after the last page.
fn next(page: &[Value]) -> Option<u64> {
    let last = page.last()?["id"].as_str()?;
    last.parse::<u64>().ok()?.checked_add(1)
}

fn document(value: Value) -> Result<SessionDocument, Failure> {
    Ok(serde_json::from_value(value).context("the gateway's answer is no session")?)
}

fn event(value: Value) -> Result<ShownEvent, Failure> {
    Ok(serde_json::from_value(value).context("the gateway's answer is no event")?)
}
