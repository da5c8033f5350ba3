//! Held commands: the list of them, and one of them with everything that a decision needs.

use std::io;
use std::time::Duration;

use super::session::short;
use super::{Screen, Table, Tone, pairs, tone_of};
use crate::clock;
use crate::holds::{HoldDocument, HoldState, called};

/// The list of holds.
///
/// # Errors
/// When nobody reads any more.
pub fn holds(screen: &mut Screen, holds: &[HoldDocument]) -> io::Result<()> {
    if holds.is_empty() {
        return screen.line("nothing waits for a decision");
    }
    let mut table = Table::new(&["ID", "STATE", "LEFT", "CONNECTION", "WHO", "RULE", "COMMAND"]);
    for hold in holds {
        table.row([
            hold.id.as_str(),
            hold.state.word(),
            &left(hold),
            &hold.connection,
            &called(&hold.requester()),
            &hold.rule,
            &hold.text,
        ]);
    }
    table.show(screen)
}

/// One hold.
///
/// # Errors
/// When nobody reads any more.
pub fn hold(screen: &mut Screen, hold: &HoldDocument) -> io::Result<()> {
    let needed = match hold.approvers.is_empty() {
        true => format!("{} of anyone who approves for this connection", hold.quorum),
        false => format!("{} of the roles {}", hold.quorum, hold.approvers.join(", ")),
    };
    let state = match hold.state {
        HoldState::Open => format!("open, {} left", left(hold)),
        ended => ended.word().to_owned(),
    };
    let command = format!("number {} of session {}", hold.number, hold.session);
    pairs(
        screen,
        &[
            ("hold", &hold.id),
            ("state", &state),
            ("who", &called(&hold.requester())),
            ("roles", &hold.roles.join(", ")),
            ("connection", &hold.connection),
            ("from", &hold.client_address),
            ("command", &command),
            ("why", &hold.reason),
            ("rule", &hold.rule),
            ("needs", &needed),
            ("opened", &short(&hold.opened_at)),
            ("expires", &short(&hold.expires_at)),
        ],
    )?;
    screen.line("")?;
    screen.text(4, &hold.text)?;
    screen.line("")?;
    for_approvers(screen, hold)?;
    operations(screen, hold)?;
    for decided in &hold.decisions {
        let (word, tone) =
            if decided.granted { ("approved", Tone::Good) } else { ("denied", Tone::Bad) };
        let by = decided.name();
        let line = format!(
            "{} by {} at {}{}",
            screen.tone(tone, word),
            super::text::visible(&by),
            short(&decided.at),
            if decided.void { ", who may not decide any more: it does not count" } else { "" }
        );
        screen.line(&line)?;
        if !decided.reason.is_empty() {
            screen.text(4, &decided.reason)?;
        }
    }
    if hold.state != HoldState::Open {
        let word = hold.state.word();
        let line = screen.tone(tone_of(word), word);
        screen.line(&line)?;
    }
    Ok(())
}

/// What whoever asks is not shown.
fn for_approvers(screen: &mut Screen, hold: &HoldDocument) -> io::Result<()> {
    if hold.for_approvers.is_empty() {
        return Ok(());
    }
    super::pin::marked(screen, lines(&hold.for_approvers))?;
    screen.line("")
}

/// Lines for those who decide, each with its mark.
pub(super) fn lines(for_approvers: &str) -> impl Iterator<Item = (char, &str)> {
    for_approvers.lines().map(|line| {
        let mut rest = line.chars();
        let mark = rest.next().unwrap_or(' ');
        (mark, rest.as_str().strip_prefix(' ').unwrap_or(rest.as_str()))
    })
}

fn operations(screen: &mut Screen, hold: &HoldDocument) -> io::Result<()> {
    let mut table = Table::new(&["ACTION", "OBJECT", "FIELDS", "FACTS"]);
    for operation in &hold.operations {
        let facts: Vec<String> =
            operation.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        table.row([
            &*operation.action,
            &operation.object,
            &operation.fields.join(", "),
            &facts.join(", "),
        ]);
    }
    if !hold.operations.is_empty() {
        table.show(screen)?;
        screen.line("")?;
    }
    if !hold.complete {
        let line = "the gateway could not account for everything that this command may do";
        let line = screen.tone(Tone::Odd, line);
        screen.line(&line)?;
    }
    Ok(())
}

/// How long a hold still waits.
fn left(hold: &HoldDocument) -> String {
    if hold.state != HoldState::Open {
        return "-".into();
    }
    let expires = clock::micros(&hold.expires_at).unwrap_or(0);
    let left = expires.saturating_sub(clock::now_micros()) / 1_000_000;
    humantime::format_duration(Duration::from_secs(left)).to_string()
}
