//! What a backtest found.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

/// How many examples are kept of each difference.
const EXAMPLES: usize = 3;
/// The longest text of an example, in characters.
const LONGEST_EXAMPLE: usize = 200;

/// A verdict as it is compared: `deny sql-guard.drop`.
pub type Said = String;

/// What was tried, and what differs.
#[derive(Debug, Default)]
pub struct Report {
    /// Sessions with anything to try; a long one counts once for each of its parts.
    pub sessions: u64,
    /// Commands that were judged.
    pub commands: u64,
    /// Commands that the gateway itself had refused, which are no policy's matter.
    pub by_gateway: u64,
    /// Commands that a policy decided which is not tried.
    pub by_left_out: u64,
    /// Results whose plans were compared.
    pub results: u64,
    /// Results of which it is not on record where their values came from.
    pub results_unknown: u64,
    /// Events that could not be read.
    pub damaged: u64,
    /// Verdicts that differ, by what was said and what would be.
    pub verdicts: BTreeMap<(Said, Said), Verdicts>,
    /// Fields that would be masked or not masked any more, by their sources.
    pub fields: BTreeMap<(String, bool), Field>,
    /// How long the policies' calls took.
    pub policies: Vec<Times>,
    /// Whether only sessions that opened after a time were tried.
    pub since: bool,
    /// Policies that were not tried.
    pub left_out: Vec<String>,
}

/// One kind of difference between verdicts.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// How many commands.
    pub count: u64,
    /// Some of them: where they are in the record, and their texts.
    pub examples: Vec<(String, String)>,
}

/// One field that is treated differently.
#[derive(Debug, Default)]
pub struct Field {
    /// How many results.
    pub count: u64,
    /// Where one of them is in the record.
    pub example: String,
}

/// How long the calls of one policy took. What it remembered cost no call.
#[derive(Debug)]
pub struct Times {
    /// The policy.
    pub policy: String,
    /// How many calls.
    pub calls: usize,
    /// Their mean.
    pub mean: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// The longest.
    pub most: Duration,
}

impl Report {
    /// Whether the candidates would have done anything else than was done.
    pub fn differs(&self) -> bool {
        !self.verdicts.is_empty() || !self.fields.is_empty()
    }

    /// How many verdicts differ.
    pub fn differing(&self) -> u64 {
        self.verdicts.values().map(|kind| kind.count).sum()
    }

    /// Notes a verdict that differs.
    pub fn differ(&mut self, said: Said, would: Said, place: &str, text: &str) {
        let kind = self.verdicts.entry((said, would)).or_default();
        kind.count += 1;
        if kind.examples.len() < EXAMPLES {
            let text = text.chars().take(LONGEST_EXAMPLE).collect();
            kind.examples.push((place.to_owned(), text));
        }
    }

    /// Notes a field that is `masked` now and was not, or the other way about.
    pub fn differ_in_field(&mut self, sources: String, masked: bool, place: &str) {
        let field = self.fields.entry((sources, masked)).or_default();
        field.count += 1;
        if field.example.is_empty() {
            place.clone_into(&mut field.example);
        }
    }

    /// Adds what another worker found.
    pub fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.commands += other.commands;
        self.by_gateway += other.by_gateway;
        self.by_left_out += other.by_left_out;
        self.results += other.results;
        self.results_unknown += other.results_unknown;
        self.damaged += other.damaged;
        for (kind, found) in other.verdicts {
            let mine = self.verdicts.entry(kind).or_default();
            mine.count += found.count;
            mine.examples.extend(found.examples);
            mine.examples.sort();
            mine.examples.truncate(EXAMPLES);
        }
        for (kind, found) in other.fields {
            let mine = self.fields.entry(kind).or_default();
            mine.count += found.count;
            if mine.example.is_empty() || found.example < mine.example {
                mine.example = found.example;
            }
        }
    }

    /// The same as objects, each with an `id`.
    pub fn values(&self) -> Vec<Value> {
        let mut values = vec![json!({
            "id": "summary",
            "sessions": self.sessions,
            "commands": self.commands,
            "commands_differ": self.differing(),
            "refused_by_gateway": self.by_gateway,
            "decided_by_left_out": self.by_left_out,
            "results": self.results,
            "results_unknown": self.results_unknown,
            "damaged": self.damaged,
            "left_out": self.left_out,
        })];
        values.extend(self.verdicts.iter().map(|((said, would), kind)| {
            let example = |(place, text): &(String, String)| json!({"at": place, "text": text});
            json!({
                "id": format!("verdict {said} -> {would}"),
                "recorded": said,
                "candidate": would,
                "count": kind.count,
                "examples": kind.examples.iter().map(example).collect::<Vec<_>>(),
            })
        }));
        values.extend(self.fields.iter().map(|((sources, masked), field)| {
            let now = word(*masked);
            json!({
                "id": format!("field {sources} {now}"),
                "sources": sources,
                "candidate": now,
                "count": field.count,
                "example": field.example,
            })
        }));
        values.extend(self.policies.iter().map(|times| {
            json!({
                "id": format!("policy {}", times.policy),
                "calls": times.calls,
                "mean_us": micros(times.mean),
                "p99_us": micros(times.p99),
                "max_us": micros(times.most),
            })
        }));
        values
    }
}

/// What would become of a field.
pub fn word(masked: bool) -> &'static str {
    if masked { "masked" } else { "unmasked" }
}

/// Microseconds with a tenth.
pub fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e7).round() / 10.0
}
