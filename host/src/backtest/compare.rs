//! What candidates say of one session, against what was recorded.

use std::sync::Arc;

use palisade_policy::{
    Chain, Command, Context, Field, Masking, Operation, PolicySet, Ruling, Shape,
};
use serde_json::Value;

use super::report::{Report, Said};
use crate::record::{Column, Record, RecordedOperation};

/// Rules of the gateway itself that stand for a policy's answer; commands that any other rule of its own refused were never
/// put to a policy.
const FOR_POLICIES: [&str; 3] =
    ["gateway.policy-failed", "gateway.rewrite-loop", "gateway.policy-changed"];

/// Tries a set on the events of a session, or of a part of it.
pub(super) fn try_session(
    set: &Arc<PolicySet>,
    context: &Context,
    events: Vec<Value>,
    report: &mut Report,
) {
    if events.is_empty() {
        return;
    }
    report.sessions += 1;
    let chain = Chain::new(Arc::clone(set), context);
    for event in events {
        match serde_json::from_value::<Record<'_>>(event) {
            Ok(record) => try_record(&chain, context, record, report),
            Err(_) => report.damaged += 1,
        }
    }
}

fn try_record(chain: &Chain, context: &Context, record: Record<'_>, report: &mut Report) {
    match record {
        Record::Command { number, text, operations, complete, verdict, rule, .. } => {
            if rule.starts_with("gateway.") && !FOR_POLICIES.contains(&&*rule) {
                report.refused_by_gateway += 1;
                return;
            }
            report.commands += 1;
            let operations = operations.into_iter().map(operation).collect();
            let command = Arc::new(Command { text: text.into_owned(), operations, complete });
            let would = said_by(&chain.judge(&command).ruling);
            let said = said(&verdict, &rule);
            if would != said {
                let place = format!("{} #{number}", context.session);
                report.differ(said, would, &place, &command.text);
            }
        }
        Record::Result { number, fields, .. } if !fields.is_empty() => {
            let place = format!("{} #{number}", context.session);
            try_result(chain, fields, &place, report);
        }
        _ => {}
    }
}

fn try_result(chain: &Chain, columns: Vec<Column<'_>>, place: &str, report: &mut Report) {
    let masked: Vec<bool> = columns.iter().map(|column| column.masked).collect();
    let fields: Option<Vec<Field>> = columns.into_iter().map(field).collect();
    let Some(fields) = fields else {
        report.results_unknown += 1;
        return;
    };
    report.results += 1;
    let shape = Shape::Table(fields);
    let Shape::Table(fields) = &shape else { return };
    let Ok(masking) = chain.plan(&shape) else {
        report.differ("a result".into(), "withhold gateway.policy-failed".into(), place, "");
        return;
    };
    for (index, (field, was)) in fields.iter().zip(masked).enumerate() {
        if let Some(now) = becomes(&masking, index, was) {
            let sources = match field.sources.as_slice() {
                [] => format!("(no source) {}", field.name),
                sources => sources.join(", "),
            };
            report.differ_in_field(sources, now, place);
        }
    }
}

/// Whether a field would be masked; none where that is nothing new, or cannot be told since only its rows would say.
fn becomes(masking: &Masking, index: usize, was: bool) -> Option<bool> {
    let treatment = masking.fields.get(index)?;
    let covers = treatment.cover.is_some() || !treatment.inspect.is_empty();
    let may_cover = covers || !treatment.scan.is_empty();
    match was {
        true if !may_cover => Some(false),
        false if covers => Some(true),
        _ => None,
    }
}

fn said_by(ruling: &Ruling) -> Said {
    let rule = match ruling {
        Ruling::Deny(denial) => denial.rule.as_str(),
        Ruling::Hold(holds) => holds.first().map_or("", |hold| hold.rule.as_str()),
        Ruling::Allow | Ruling::Rewrite(_) => "",
    };
    said(ruling.word(), rule)
}

fn said(verdict: &str, rule: &str) -> Said {
    format!("{verdict} {rule}").trim_end().to_owned()
}

fn operation(operation: RecordedOperation<'_>) -> Operation {
    let RecordedOperation { action, object, fields, facts } = operation;
    Operation {
        action: action.into_owned(),
        object: object.into_owned(),
        fields: fields.into_iter().map(Into::into).collect(),
        facts: facts.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
    }
}

fn field(column: Column<'_>) -> Option<Field> {
    let Column { name, type_name, masked: _, sources } = column;
    let sources = sources?.into_iter().map(Into::into).collect();
    Some(Field { name: name.into_owned(), type_name: type_name.into_owned(), sources })
}
