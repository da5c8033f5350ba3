use palisade_policy::{
    Action, Batch, Denial, Hold, Hooks, Placed, Plan, Policy, PolicyFailure, PolicySet, Review,
    Verdict,
};
use serde_json::json;

use super::*;

/// Denies "drop", rewrites "long" to what it is told, covers every field of the source "s".
struct Candidate(&'static str);

impl Policy for Candidate {
    fn name(&self) -> &'static str {
        "candidate"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        Ok(match command.text.as_str() {
            "drop" => Verdict::Deny(Denial {
                reason: String::new(),
                rule: "no-drop".into(),
                hint: String::new(),
            }),
            "long" if !self.0.is_empty() => Verdict::Rewrite(self.0.into()),
            _ => Verdict::Allow,
        })
    }
    fn plan(&self, _: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        let Shape::Table(fields) = shape else { return Err(PolicyFailure::Time) };
        let action = |field: &Field| match field.sources.iter().any(|source| source == "s") {
            true => Action::Nullify,
            false => Action::Keep,
        };
        let fields = fields.iter().map(action).collect();
        Ok(Plan { fields, keys: vec![], rest: Action::Keep })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

fn tried(rewrites_to: &'static str, events: Vec<Value>) -> Report {
    let policies = vec![Placed::everywhere(Arc::new(Candidate(rewrites_to)))];
    let candidates = Candidates {
        set: Arc::new(PolicySet { version: 1, policies }),
        timed: vec![],
        left_out: vec!["budget".into()],
    };
    let mut report = Report::default();
    try_session(&candidates, &Context::default(), events, &mut report);
    report
}

fn command(text: &str, verdict: &str, rule: &str, policy: &str) -> Value {
    json!({"kind": "command", "number": 1, "moment": "run", "text": text, "operations": [],
        "complete": true, "verdict": verdict, "rule": rule, "policy": policy, "policies": 1})
}

fn differences(report: &Report) -> Vec<String> {
    report.verdicts.keys().map(|(said, would)| format!("{said} -> {would}")).collect()
}

#[test]
fn a_verdict_differs_by_its_word_or_its_rule() {
    let report = tried(
        "",
        vec![
            command("drop", "deny", "no-drop", "candidate"),
            command("drop", "deny", "other", "candidate"),
            command("drop", "allow", "", ""),
            command("fine", "allow", "", ""),
        ],
    );
    assert_eq!(report.commands, 4);
    assert_eq!(differences(&report), ["allow -> deny no-drop", "deny other -> deny no-drop"]);
}

#[test]
fn what_no_candidate_could_decide_is_not_compared() {
    let report = tried(
        "",
        vec![
            command("fine", "deny", "budget.guesses", "budget"),
            command("fine", "deny", "gateway.copies-protected", ""),
            command("fine", "deny", "gateway.policy-changed", ""),
        ],
    );
    assert_eq!((report.commands, report.by_gateway, report.by_left_out), (0, 2, 1));
    assert!(!report.differs());
}

#[test]
fn a_rewrite_is_compared_by_what_it_came_to() {
    let recorded =
        || vec![command("long", "rewrite", "", "candidate"), command("short", "allow", "", "")];
    assert!(!tried("short", recorded()).differs());
    assert_eq!(differences(&tried("shorter", recorded())), ["rewrite -> rewrite to another text"]);
    let without = tried("", recorded());
    assert_eq!(differences(&without), ["rewrite -> allow"]);
    assert_eq!(without.commands, 1, "nobody would have run the other text");
}

#[test]
fn a_field_is_newly_masked_or_not_masked_any_more() {
    let field = |source: &str, masked: bool| json!({"name": "f", "type": "text", "masked": masked, "sources": [source]});
    let result = |fields: Value| {
        json!({"kind": "result", "number": 1, "fields": fields, "rows": [], "row_count": 0,
            "bytes": 0, "truncated": false, "tag": ""})
    };
    let fields = json!([field("s", false), field("s", true), field("t", true), field("t", false)]);
    let report = tried("", vec![result(fields)]);
    let found: Vec<_> = report.fields.keys().cloned().collect();
    assert_eq!(found, [("s".to_owned(), true), ("t".to_owned(), false)]);
    let unknown = result(json!([{"name": "f", "type": "text", "masked": false}]));
    assert_eq!(tried("", vec![unknown]).results_unknown, 1);
}

#[test]
fn damage_is_counted() {
    let report = tried("", vec![json!({"kind": "damaged", "problem": "torn"})]);
    assert_eq!(report.damaged, 1);
}
