//! Pinned tools: a table of them, and what changed of one, as a person compares texts.

use std::io;

use palisade_mcp::compared;
use serde_json::Value;

use super::text::visible;
use super::{Screen, Table, Tone, pairs, short};

/// What stands for the tool that is none.
const INSTRUCTIONS: &str = "(instructions)";
/// Texts that are longer in lines, each with the whole path of its value, are not compared, in bytes.
const MOST_COMPARED: usize = 4 << 20;

/// A table of what is known.
///
/// # Errors
/// When nobody reads any more.
pub fn pins(screen: &mut Screen, pins: &[Value]) -> io::Result<()> {
    if pins.is_empty() {
        return screen.line("no tool was seen yet");
    }
    // No digests: what is approved by one is looked at first, and `show` gives it with that.
    let mut table = Table::new(&["CONNECTION", "TOOL", "STATE", "WHEN", "BY"]);
    for pin in pins {
        let text = |key: &str| pin[key].as_str().unwrap_or_default();
        let at = [text("offered_at"), text("approved_at")];
        let at = short(at.into_iter().find(|at| !at.is_empty()).unwrap_or_default());
        let by = if text("state") == "approved" { text("approved_by") } else { "" };
        table.row([text("connection"), name(pin), text("state"), &at, by]);
    }
    table.show(screen)
}

/// Who changed what.
///
/// # Errors
/// When nobody reads any more.
pub fn pin_changes(screen: &mut Screen, changes: &[Value]) -> io::Result<()> {
    let mut table = Table::new(&["WHEN", "CHANGE", "CONNECTION", "TOOL", "BY"]);
    for change in changes {
        let text = |key: &str| change[key].as_str().unwrap_or_default();
        let at = short(text("at"));
        table.row([&at, text("change"), text("connection"), name(change), text("by")]);
    }
    table.show(screen)
}

/// One of them, with what is new in it marked by `+`, and what is gone by `-`.
///
/// # Errors
/// When nobody reads any more.
pub fn pin(screen: &mut Screen, pin: &Value) -> io::Result<()> {
    let text = |key: &str| pin[key].as_str().unwrap_or_default();
    let (approved_at, offered_at) = (short(text("approved_at")), short(text("offered_at")));
    let shown = [
        ("connection", text("connection")),
        ("tool", name(pin)),
        ("state", text("state")),
        ("approved at", approved_at.as_str()),
        ("approved by", text("approved_by")),
        ("offered at", &offered_at),
        ("digest", text("digest")),
    ];
    pairs(screen, &shown)?;
    screen.line("")?;
    let lines = changes(text("approved_text"), text("offered_text"));
    marked(screen, lines.iter().map(|(mark, line)| (*mark, line.as_str())))
}

/// What differs, line by line; of texts that are too long for that both, as they are kept.
fn changes(before: &str, after: &str) -> Vec<(char, String)> {
    if let Some(lines) = compared(before, after, MOST_COMPARED) {
        return lines;
    }
    let how = "its names are too long to be told with each value: this is its JSON, not compared";
    let mut lines = vec![('!', how.to_owned())];
    // What is approved is nothing gone where nothing else is offered.
    let old = if after.is_empty() { ' ' } else { '-' };
    let texts = [(old, before), ('+', after)].into_iter().filter(|(_, text)| !text.is_empty());
    lines.extend(texts.map(|(mark, text)| (mark, text.to_owned())));
    lines
}

/// Lines with a mark before each: `+` what is new, `-` what is gone. None is folded, so that no part of one looks like another.
///
/// # Errors
/// When nobody reads any more.
pub(super) fn marked<'a>(
    screen: &mut Screen,
    lines: impl Iterator<Item = (char, &'a str)>,
) -> io::Result<()> {
    for (mark, line) in lines {
        let tone = match mark {
            '+' => Tone::Good,
            '-' => Tone::Bad,
            _ => Tone::Dim,
        };
        let line = screen.tone(tone, &format!("{mark} {}", visible(line)));
        screen.line(&line)?;
    }
    Ok(())
}

fn name(pin: &Value) -> &str {
    pin["tool"].as_str().filter(|tool| !tool.is_empty()).unwrap_or(INSTRUCTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_to_be_compared_is_shown_whole_and_said_to_be_so() {
        let within: Vec<_> = (0..5_000).map(|at| format!("\"{at}\":0")).collect();
        let long = format!("{{\"{}\":{{{}}}}}", "x".repeat(60_000), within.join(","));
        let short = r#"{"name":"add"}"#;
        let marks = |before: &str, after: &str| {
            let lines = changes(before, after);
            assert!(lines[0].1.contains("not compared"), "{}", lines[0].1);
            assert!(lines.iter().any(|(_, line)| *line == long));
            lines.iter().map(|(mark, _)| *mark).collect::<String>()
        };
        assert_eq!(marks(short, &long), "!-+");
        assert_eq!(marks("", &long), "!+");
        assert_eq!(marks(&long, ""), "! ");
    }
}
