//! What became of a plugin's cases.

use std::io;
use std::path::Path;

use palisade_author::{CaseReport, Difference};
use serde_json::{Value, json};

use super::text::{visible, visible_lines};
use super::{Screen, Tone};

/// A line for each case, what differs where one failed, and how many did.
///
/// # Errors
/// When nobody reads any more.
pub fn cases(screen: &mut Screen, reports: &[CaseReport], folder: &Path) -> io::Result<()> {
    for report in reports {
        let name = visible(&report.name);
        if report.differences.is_empty() {
            let ok = screen.tone(Tone::Good, "ok");
            screen.line(&format!("{ok}      {name}"))?;
            continue;
        }
        let failed = screen.tone(Tone::Bad, "FAILED");
        screen.line(&format!("{failed}  {name} ({})", visible(&place(report, folder))))?;
        for (is_got, line) in lines(&report.differences) {
            let tone = if is_got { Tone::Bad } else { Tone::Good };
            let mut pieces = visible_lines(&line).into_iter();
            let first = screen.tone(tone, &pieces.next().unwrap_or_default());
            screen.line(&format!("          {first}"))?;
            for piece in pieces {
                let piece = screen.tone(tone, &piece);
                screen.line(&format!("            {piece}"))?;
            }
        }
    }
    let failed = reports.iter().filter(|report| !report.differences.is_empty()).count();
    let passed = reports.len() - failed;
    screen.line(&format!("{passed} passed, {failed} failed, 0 skipped"))
}

/// A case as JSON.
pub fn case_json(report: &CaseReport, folder: &Path) -> Value {
    let differences = report
        .differences
        .iter()
        .map(|it| json!({ "key": it.key, "expected": it.expected, "got": it.got }));
    json!({
        "id": place(report, folder),
        "name": report.name,
        "file": report.file,
        "line": report.line,
        "outcome": if report.differences.is_empty() { "passed" } else { "failed" },
        "differences": differences.collect::<Vec<_>>(),
    })
}

fn place(report: &CaseReport, folder: &Path) -> String {
    let file = report.file.strip_prefix(folder).unwrap_or(&report.file);
    format!("{}:{}", file.display(), report.line)
}

/// What was expected, marked by `-`, and what came, marked by `+`, one below the other; and whether it is what came.
fn lines(differences: &[Difference]) -> Vec<(bool, String)> {
    let widest = differences.iter().map(|it| it.key.len()).max().unwrap_or(0);
    let line =
        |mark: char, key: &str, value: &Value| format!("{mark} {key:widest$} = {}", written(value));
    let both = differences.iter().flat_map(|it| {
        let expected = it.expected.as_ref().map(|value| (false, line('-', it.key, value)));
        let got = it.got.as_ref().map(|value| (true, line('+', it.key, value)));
        [expected, got]
    });
    both.flatten().collect()
}

/// A value as it would be written into the file of cases.
fn written(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_stands_below_what_was_expected() {
        let differences = [
            Difference { key: "verdict", expected: Some(json!("allow")), got: Some(json!("deny")) },
            Difference { key: "rule", expected: None, got: Some(json!("no-drop")) },
            Difference {
                key: "fields",
                expected: Some(json!(["keep", { "replace": "*" }])),
                got: None,
            },
        ];
        let lines: Vec<String> = lines(&differences).into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            lines,
            [
                "- verdict = \"allow\"",
                "+ verdict = \"deny\"",
                "+ rule    = \"no-drop\"",
                "- fields  = [\"keep\", { replace = \"*\" }]",
            ]
        );
    }
}
