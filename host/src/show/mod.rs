//! What a person sees: aligned, in colour on a terminal only, and never obeying what an agent wrote.

mod backtest;
mod case;
mod hold;
mod inspected;
mod pin;
mod plugin;
mod replay;
mod session;
mod table;
pub mod text;

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use self::text::{fold, visible_json, visible_lines};

pub use backtest::{backtest, counted};
pub use case::{case_json, cases};
pub use hold::{hold, holds};
pub use inspected::{inspected, inspection};
pub use pin::{pin, pin_changes, pins};
pub use plugin::{changes, plugins};
pub use replay::Replay;
pub use session::{ShownEvent, headline, session, sessions, short};
pub use table::{Table, pairs};

/// How many columns a terminal is taken to have that does not say.
const COLUMNS: usize = 100;

/// Standard output, and what it can show.
#[derive(Debug)]
pub struct Screen {
    out: io::Stdout,
    /// Columns of a terminal; `None` where the output goes elsewhere and is not folded.
    columns: Option<usize>,
    colour: bool,
}

/// How a text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Bold,
    /// Of less weight.
    Dim,
    /// Refused, failed.
    Bad,
    /// Granted, allowed.
    Good,
    /// Waiting, to be looked at.
    Odd,
}

impl Screen {
    /// Standard output.
    pub fn new() -> Self {
        let out = io::stdout();
        let terminal = out.is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        Self {
            columns: terminal.then(|| columns.unwrap_or(COLUMNS).max(40)),
            colour: terminal && !dumb && !set("NO_COLOR"),
            out,
        }
    }

    /// Whether a person looks on.
    pub fn is_terminal(&self) -> bool {
        self.columns.is_some()
    }

    /// How many columns there are; `None` where nobody looks on.
    pub fn columns(&self) -> Option<usize> {
        self.columns
    }

    /// A text in a tone, where there is colour.
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Bold => "1",
            Tone::Dim => "2",
            Tone::Bad => "31",
            Tone::Good => "32",
            Tone::Odd => "33",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A line that is safe to show.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// A text from outside, indented, folded on a terminal.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn text(&mut self, indent: usize, text: &str) -> io::Result<()> {
        for line in visible_lines(text) {
            let pieces = match self.columns {
                Some(columns) => fold(&line, columns.saturating_sub(indent).max(20)),
                None => vec![line],
            };
            for piece in pieces {
                let line = format!("{:indent$}{piece}", "");
                self.line(line.trim_end())?;
            }
        }
        Ok(())
    }

    /// A list of objects as JSON.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn json(&mut self, list: &[Value]) -> io::Result<()> {
        let json = serde_json::to_string_pretty(list)?;
        self.line(&visible_json(&json))
    }

    /// Shows what was written so far.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The tone of a verdict or a state.
pub fn tone_of(word: &str) -> Tone {
    match word {
        "allow" | "granted" | "open" => Tone::Good,
        "deny" | "refused" | "expired" | "failed" | "error" | "interrupted" => Tone::Bad,
        "hold" | "held" | "rewrite" | "withdrawn" => Tone::Odd,
        _ => Tone::Dim,
    }
}
