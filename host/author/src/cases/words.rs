//! How what a plugin says is written in a file of cases.

use palisade_policy::{Action, Batch, Plan, Review, Verdict};
use serde_json::{Value, json};

/// What a hook answered, as keys and values of `[case.expect]`, the deciding one first.
pub(super) type Words = Vec<(&'static str, Value)>;

pub(super) fn verdict(verdict: Verdict) -> Words {
    match verdict {
        Verdict::Allow => vec![("verdict", json!("allow"))],
        Verdict::Deny(denial) => vec![
            ("verdict", json!("deny")),
            ("rule", json!(denial.rule)),
            ("reason", json!(denial.reason)),
            ("hint", json!(denial.hint)),
        ],
        Verdict::Hold(hold) => vec![
            ("verdict", json!("hold")),
            ("rule", json!(hold.rule)),
            ("reason", json!(hold.reason)),
            ("approvers", json!(hold.approvers)),
            ("quorum", json!(hold.quorum)),
            ("expires_in", json!(hold.expires_in)),
        ],
        Verdict::Rewrite(text) => vec![("verdict", json!("rewrite")), ("text", json!(text))],
    }
}

pub(super) fn plan(plan: &Plan) -> Words {
    let keys = plan.keys.iter().map(|(pattern, each)| json!([pattern, action(each)]));
    vec![
        ("fields", plan.fields.iter().map(action).collect()),
        ("keys", keys.collect()),
        ("rest", action(&plan.rest)),
    ]
}

/// An empty batch says that all values are as they were.
pub(super) fn batch(answer: &Batch, asked: &Batch) -> Words {
    let batch = if answer.ends.is_empty() { asked } else { answer };
    let values = batch.values().map(|value| json!(String::from_utf8_lossy(value)));
    vec![("values", values.collect())]
}

pub(super) fn review(review: Review) -> Words {
    match review {
        Review::Undecided => vec![("decision", json!("undecided"))],
        Review::Approve(reason) => vec![("decision", json!("approve")), ("reason", json!(reason))],
        Review::Deny(reason) => vec![("decision", json!("deny")), ("reason", json!(reason))],
    }
}

fn action(action: &Action) -> Value {
    match action {
        Action::Keep => json!("keep"),
        Action::Replace(text) => json!({ "replace": text }),
        Action::Partial(first, last) => json!({ "partial": [first, last] }),
        Action::Pseudonym => json!("pseudonym"),
        Action::Nullify => json!("nullify"),
        Action::Scan(detectors) => json!({ "scan": detectors }),
        Action::Inspect => json!("inspect"),
    }
}

/// Whether a value is an action as a file of cases writes it.
pub(super) fn is_action(value: &Value) -> bool {
    if let Some(word) = value.as_str() {
        return ["keep", "pseudonym", "nullify", "inspect"].contains(&word);
    }
    let Some((name, of)) = value.as_object().filter(|table| table.len() == 1).and_then(first)
    else {
        return false;
    };
    match name {
        "replace" => of.is_string(),
        "partial" => of.as_array().is_some_and(|ends| ends.len() == 2 && all(ends, Value::is_u64)),
        "scan" => of.as_array().is_some_and(|detectors| all(detectors, Value::is_string)),
        _ => false,
    }
}

fn first(table: &serde_json::Map<String, Value>) -> Option<(&str, &Value)> {
    table.iter().next().map(|(name, value)| (name.as_str(), value))
}

pub(super) fn all(values: &[Value], is: impl Fn(&Value) -> bool) -> bool {
    values.iter().all(is)
}
