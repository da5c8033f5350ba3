//! A session, played again as a person would want to see it.

use std::io;
use std::time::Duration;

use super::session::short;
use super::text::{cut, visible, width};
use super::{Screen, ShownEvent, Tone, tone_of};
use crate::clock;
use crate::record::{Column, Record};

/// The widest cell of a result on a terminal.
const WIDEST: usize = 60;

/// The state of a replay between two events.
#[derive(Debug)]
pub struct Replay {
    /// By how much the pauses are divided; `None` leaves them out.
    speed: Option<f64>,
    last: Option<u64>,
    /// The command that the last lines were about.
    about: u64,
}

impl Replay {
    /// A replay whose pauses are divided by `speed`; zero leaves them out.
    pub fn new(speed: f64) -> Self {
        Self { speed: (speed > 0.0).then_some(speed), last: None, about: 0 }
    }

    /// Waits as long as the session did before this event.
    pub fn pause(&mut self, event: &ShownEvent) {
        let Some(at) = clock::micros(&event.at) else { return };
        if let (Some(speed), Some(last)) = (self.speed, self.last) {
            let pause = Duration::from_micros(at.saturating_sub(last)).as_secs_f64() / speed;
            if let Ok(pause) = Duration::try_from_secs_f64(pause) {
                std::thread::sleep(pause);
            }
        }
        self.last = Some(at);
    }

    /// Shows one event.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn show(&mut self, screen: &mut Screen, event: &ShownEvent) -> io::Result<()> {
        let Some(record) = &event.record else {
            let problem = visible(event.problem.as_deref().unwrap_or("an event cannot be read"));
            let line =
                screen.tone(Tone::Bad, &format!("    the record is damaged here: {problem}"));
            return screen.line(&line);
        };
        if let Some(number) = self.turn(record) {
            screen.line("")?;
            let head = screen.tone(Tone::Dim, &format!("[{number}] goes on"));
            screen.line(&head)?;
        }
        match record {
            Record::Command { .. } => command(screen, event, record),
            Record::Held { hold, approvers, quorum, expires_in, for_approvers, .. } => {
                let who = match approvers.is_empty() {
                    true => "anyone who approves here".to_owned(),
                    false => approvers.join(", "),
                };
                let text = format!(
                    "waits as {hold}: {quorum} of {who} must approve within {expires_in} s"
                );
                let line = screen.tone(Tone::Odd, &visible(&text));
                screen.line(&format!("    {line}"))?;
                super::pin::marked(screen, super::hold::lines(for_approvers))
            }
            Record::Decided { outcome, by, reason, .. } => {
                decided(screen, event, outcome, &by.join(", "), reason)
            }
            Record::Result { .. } => result(screen, record),
            Record::Error { code, message, .. } => {
                let head = screen.tone(Tone::Bad, &format!("ERROR {}", visible(code)));
                screen.line(&format!("    {head}"))?;
                screen.text(4, message)
            }
        }
    }

    /// The number of the command that goes on with this, where several are under way and another was shown last.
    fn turn(&mut self, record: &Record<'_>) -> Option<u64> {
        let number = record.number();
        if number == 0 {
            return None;
        }
        let before = std::mem::replace(&mut self.about, number);
        let begins = matches!(record, Record::Command { .. });
        (!begins && number != before).then_some(number)
    }
}

fn command(screen: &mut Screen, event: &ShownEvent, record: &Record<'_>) -> io::Result<()> {
    let Record::Command { number, moment, text, verdict, rule, reason, observed, complete, .. } =
        record
    else {
        return Ok(());
    };
    screen.line("")?;
    let mut head = format!("[{number}] {}  ", short(&event.at));
    head.push_str(&screen.tone(tone_of(verdict), &visible(verdict)));
    if !rule.is_empty() {
        head.push_str("  ");
        head.push_str(&visible(rule));
    }
    if moment == "prepare" {
        head.push_str(&screen.tone(Tone::Dim, "  (prepared, not run)"));
    }
    if !complete {
        head.push_str(&screen.tone(Tone::Odd, "  (not fully understood)"));
    }
    screen.line(&head)?;
    screen.text(4, text)?;
    if !reason.is_empty() {
        let reason = screen.tone(tone_of(verdict), &visible(reason));
        screen.line(&format!("    {reason}"))?;
    }
    for seen in observed {
        let text =
            format!("{} would say {} {} {}", seen.policy, seen.verdict, seen.rule, seen.reason);
        let line = screen.tone(Tone::Dim, &visible(text.trim_end()));
        screen.line(&format!("    {line}"))?;
    }
    Ok(())
}

fn decided(
    screen: &mut Screen,
    event: &ShownEvent,
    outcome: &str,
    by: &str,
    reason: &str,
) -> io::Result<()> {
    let by = if by.is_empty() { String::new() } else { format!(" by {}", visible(by)) };
    let word = screen.tone(tone_of(outcome), &visible(outcome));
    let reason = if reason.is_empty() { String::new() } else { format!(": {}", visible(reason)) };
    screen.line(&format!("    {}  {word}{by}{reason}", short(&event.at)))
}

fn result(screen: &mut Screen, record: &Record<'_>) -> io::Result<()> {
    let Record::Result { fields, rows, row_count, truncated, tag, .. } = record else {
        return Ok(());
    };
    if !fields.is_empty() {
        let widest = if screen.is_terminal() { WIDEST } else { usize::MAX };
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| shown(cell.as_deref(), widest)).collect())
            .collect();
        for line in grid(fields, &cells) {
            screen.line(&format!("    {line}"))?;
        }
        let mut foot = format!("({row_count} row{})", if *row_count == 1 { "" } else { "s" });
        if *truncated {
            foot.push_str(&format!(", {} of them recorded", rows.len()));
        }
        let foot = screen.tone(Tone::Dim, &foot);
        screen.line(&format!("    {foot}"))?;
    }
    let tag = screen.tone(Tone::Dim, &visible(tag));
    screen.line(format!("    {tag}").trim_end())
}

fn shown(cell: Option<&str>, widest: usize) -> String {
    cell.map_or_else(|| "NULL".to_owned(), |text| cut(&visible(text), widest))
}

/// Columns as psql draws them: names in the middle, numbers to the right.
fn grid(fields: &[Column<'_>], rows: &[Vec<String>]) -> Vec<String> {
    let names: Vec<String> = fields.iter().map(|field| visible(&field.name)).collect();
    let widths: Vec<usize> = (0..fields.len())
        .map(|column| {
            let cells = rows.iter().chain([&names]).filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: Vec<String>, between: &str| cells.join(between).trim_end().to_owned();
    let middle = |(name, most): (&String, &usize)| {
        let free = most.saturating_sub(width(name));
        format!(" {}{name}{} ", " ".repeat(free / 2), " ".repeat(free - free / 2))
    };
    let mut lines = vec![line(names.iter().zip(&widths).map(middle).collect(), "|")];
    lines.push(line(widths.iter().map(|width| "-".repeat(width + 2)).collect(), "+"));
    for row in rows {
        let cells = row.iter().zip(&widths).zip(fields).map(|((cell, most), field)| {
            let free = " ".repeat(most.saturating_sub(width(cell)));
            if is_number(&field.type_name) {
                format!(" {free}{cell} ")
            } else {
                format!(" {cell}{free} ")
            }
        });
        lines.push(line(cells.collect(), "|"));
    }
    lines
}

fn is_number(type_name: &str) -> bool {
    matches!(type_name, "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "oid")
}

#[cfg(test)]
mod tests;
