//! Sessions: the list of them, and one of them with its commands.

use std::io;

use serde::Deserialize;

use super::text::visible;
use super::{Screen, Table, Tone, pairs, tone_of};
use crate::record::Record;
use crate::sessions::{SessionDocument, State};

/// An event as the gateway shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct ShownEvent {
    /// When it was, RFC 3339; empty where that is lost.
    #[serde(default)]
    pub at: String,
    /// What the record says is wrong with itself here.
    pub problem: Option<String>,
    /// What happened; none where that is lost.
    #[serde(flatten)]
    pub record: Option<Record<'static>>,
}

/// The list of sessions.
///
/// # Errors
/// When nobody reads any more.
pub fn sessions(screen: &mut Screen, sessions: &[SessionDocument]) -> io::Result<()> {
    if sessions.is_empty() {
        return screen.line("no sessions");
    }
    let mut table = Table::new(&[
        "ID",
        "OPENED",
        "STATE",
        "CONNECTION",
        "WHO",
        "COMMANDS",
        "DENIED",
        "HELD",
        "ENDED",
    ]);
    for session in sessions {
        table.row([
            session.id.as_str(),
            &short(&session.opened_at),
            word(session.state),
            &connection(session),
            &who(&session.subject, session.acting_for.as_deref()),
            &session.commands.to_string(),
            &session.denied.to_string(),
            &session.held.to_string(),
            session.ended.as_deref().unwrap_or_default(),
        ]);
    }
    table.show(screen)
}

/// What is known of one session.
///
/// # Errors
/// When nobody reads any more.
pub fn session(
    screen: &mut Screen,
    session: &SessionDocument,
    events: &[ShownEvent],
) -> io::Result<()> {
    let bytes = format!("{} from the client, {} to it", session.bytes_in, session.bytes_out);
    let counts =
        format!("{} run, {} denied, {} held", session.commands, session.denied, session.held);
    pairs(
        screen,
        &[
            ("session", &session.id),
            ("state", word(session.state)),
            ("who", &who(&session.subject, session.acting_for.as_deref())),
            ("roles", &session.roles.join(", ")),
            ("roles dropped", &session.dropped.join(", ")),
            ("token", &session.token),
            ("given for", &session.parents.join(", ")),
            ("connection", &connection(session)),
            ("from", &session.client_address),
            ("opened", &session.opened_at),
            ("ended", session.ended_at.as_deref().unwrap_or_default()),
            ("how", session.ended.as_deref().unwrap_or_default()),
            ("commands", &counts),
            ("bytes", &bytes),
        ],
    )?;
    let mut table = Table::new(&["NUMBER", "AT", "VERDICT", "RULE", "COMMAND"]);
    let mut any = false;
    for event in events {
        if let Some(Record::Command { number, verdict, rule, text, .. }) = &event.record {
            any = true;
            table.row([number.to_string().as_str(), &short(&event.at), verdict, rule, text]);
        }
    }
    if any {
        screen.line("")?;
        table.show(screen)?;
    }
    Ok(())
}

/// Who, and whom they act for.
fn who(subject: &str, acting_for: Option<&str>) -> String {
    match acting_for {
        Some(other) => format!("{subject} (acting for {other})"),
        None => subject.to_owned(),
    }
}

/// The connection, and that what passed there is not known where it was a tunnel that nobody looked into.
fn connection(session: &SessionDocument) -> String {
    match session.blind {
        true => format!("{} (blind tunnel)", session.connection),
        false => session.connection.clone(),
    }
}

/// A time without the parts of a second and with a space in it.
pub fn short(time: &str) -> String {
    let (seconds, _) = time.split_once('.').unwrap_or((time, ""));
    seconds.replace('T', " ")
}

/// A state in one word.
pub fn word(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Ended => "ended",
        State::Interrupted => "interrupted",
        State::Refused => "refused",
    }
}

/// The line above a replay.
///
/// # Errors
/// When nobody reads any more.
pub fn headline(screen: &mut Screen, session: &SessionDocument) -> io::Result<()> {
    let who = visible(&who(&session.subject, session.acting_for.as_deref()));
    let state = word(session.state);
    let line = format!(
        "session {} · {} on {} · from {} · roles {}",
        session.id,
        screen.tone(Tone::Bold, &who),
        visible(&connection(session)),
        visible(&session.client_address),
        visible(&session.roles.join(", ")),
    );
    screen.line(&line)?;
    let line =
        format!("opened {} · {}", short(&session.opened_at), screen.tone(tone_of(state), state));
    screen.line(&line)
}
