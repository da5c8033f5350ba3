//! What a backtest found, for a person.

use std::io;

use super::text::visible;
use super::{Screen, Table, Tone};
use crate::backtest::{Report, micros, word};

/// The whole report.
///
/// # Errors
/// When nobody reads any more.
pub fn backtest(screen: &mut Screen, report: &Report) -> io::Result<()> {
    screen.line(&format!(
        "tried {} and {} of {}",
        counted(report.commands, "command"),
        counted(report.results, "result"),
        counted(report.sessions, "session")
    ))?;
    let differing = report.differing();
    let verdict = if report.differs() {
        let text = format!(
            "{} would be judged otherwise, {} masked otherwise",
            counted(differing, "command"),
            counted(u64::try_from(report.fields.len()).unwrap_or(u64::MAX), "field")
        );
        screen.tone(Tone::Odd, &text)
    } else {
        screen.tone(Tone::Good, "nothing would differ")
    };
    screen.line(&verdict)?;
    verdicts(screen, report)?;
    fields(screen, report)?;
    times(screen, report)?;
    notes(screen, report)
}

fn verdicts(screen: &mut Screen, report: &Report) -> io::Result<()> {
    for ((said, would), kind) in &report.verdicts {
        screen.line("")?;
        let head = format!("{} {} → {}", grouped(kind.count), visible(said), visible(would));
        let head = screen.tone(Tone::Bold, &head);
        screen.line(&head)?;
        for (place, text) in &kind.examples {
            let place = screen.tone(Tone::Dim, place);
            screen.line(&format!("    {place}  {}", visible(text)))?;
        }
    }
    Ok(())
}

fn fields(screen: &mut Screen, report: &Report) -> io::Result<()> {
    if report.fields.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["RESULTS", "WOULD BE", "FOR EXAMPLE", "FIELD"]);
    for ((sources, masked), field) in &report.fields {
        table.row([grouped(field.count).as_str(), word(*masked), &field.example, sources]);
    }
    screen.line("")?;
    table.show(screen)
}

fn times(screen: &mut Screen, report: &Report) -> io::Result<()> {
    let mut table = Table::new(&["CALLS", "MEAN µs", "P99 µs", "MOST µs", "POLICY"]);
    for times in &report.policies {
        let shown = [times.mean, times.p99, times.most].map(|time| format!("{:.1}", micros(time)));
        let [mean, p99, most] = &shown;
        let calls = grouped(u64::try_from(times.calls).unwrap_or(u64::MAX));
        table.row([calls.as_str(), mean, p99, most, &times.policy]);
    }
    screen.line("")?;
    table.show(screen)
}

fn notes(screen: &mut Screen, report: &Report) -> io::Result<()> {
    let mut notes = vec![];
    if !report.left_out.is_empty() {
        let names = report.left_out.join(", ");
        notes.push(format!(
            "not tried: {names}; what they are granted would answer by today's time and counters"
        ));
    }
    for (count, what) in [
        (report.by_gateway, "commands that the gateway itself refused, before any policy"),
        (report.by_left_out, "commands that a policy decided which is not tried"),
        (report.results_unknown, "results without sources on record, since no mask was in force"),
        (report.damaged, "events that cannot be read"),
    ] {
        if count > 0 {
            notes.push(format!("not tried: {} {what}", grouped(count)));
        }
    }
    if !report.fields.is_empty() {
        let note = "commands were judged by the columns that were protected when they ran; what other masks protect may be \
                    denied or held besides, by policies that go by that";
        notes.push(note.to_owned());
    }
    if report.since {
        notes.push("sessions that opened before that time were not tried".to_owned());
    }
    if !notes.is_empty() {
        screen.line("")?;
    }
    notes.iter().try_for_each(|note| screen.line(&visible(note)))
}

/// So many of something.
pub fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number))
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
