//! What candidates say of one session, against what was recorded.

use std::sync::Arc;

use palisade_policy::{Chain, Command, Context, Field, Hold, Masking, Operation, Ruling, Shape};
use serde_json::Value;

use super::Candidates;
use super::report::{Report, Said};
use crate::record::{Column, Record, RecordedOperation};

/// The one rule of the gateway's own that stands for a policy's answer; what any other refused was never put to a policy.
const FOR_POLICIES: &str = "gateway.policy-failed";

/// Tries a set on the events of a session, or of a part of it.
pub(super) fn try_session(
    candidates: &Candidates,
    context: &Context,
    events: Vec<Value>,
    report: &mut Report,
) {
    if events.is_empty() {
        return;
    }
    report.sessions += 1;
    let chain = Chain::new(Arc::clone(&candidates.set), context);
    let left_out = &candidates.left_out;
    let mut trial = Trial { chain, context, left_out, rewrite: Rewrite::None };
    for event in events {
        match serde_json::from_value::<Record<'_>>(event) {
            Ok(record) => trial.try_record(record, report),
            Err(_) => report.damaged += 1,
        }
    }
}

/// A session on trial.
struct Trial<'a> {
    chain: Chain,
    context: &'a Context,
    left_out: &'a [String],
    rewrite: Rewrite,
}

/// What is to come of a rewrite: the next command on record is what a policy then put in place of the client's.
enum Rewrite {
    /// There was none.
    None,
    /// The candidates rewrite as well, to this text, which is held by these.
    To(String, Vec<Hold>),
    /// The candidates would not have.
    Other,
}

/// A command, as it is on record.
struct Recorded {
    place: String,
    command: Arc<Command>,
    said: Said,
}

impl Trial<'_> {
    fn try_record(&mut self, record: Record<'_>, report: &mut Report) {
        match record {
            Record::Command {
                number, text, operations, complete, verdict, rule, policy, ..
            } => {
                let is_gateways = rule.starts_with("gateway.") && rule != FOR_POLICIES;
                if is_gateways || self.left_out.iter().any(|name| *name == *policy) {
                    *(if is_gateways {
                        &mut report.by_gateway
                    } else {
                        &mut report.by_left_out
                    }) += 1;
                    return;
                }
                let operations = operations.into_iter().map(operation).collect();
                let command = Command { text: text.into_owned(), operations, complete };
                self.try_command(
                    &Recorded {
                        place: format!("{} #{number}", self.context.session),
                        command: Arc::new(command),
                        said: said(&verdict, &rule),
                    },
                    report,
                );
            }
            Record::Result { number, fields, .. } if !fields.is_empty() => {
                let place = format!("{} #{number}", self.context.session);
                try_result(&self.chain, fields, &place, report);
            }
            _ => {}
        }
    }

    fn try_command(&mut self, recorded: &Recorded, report: &mut Report) {
        let Recorded { place, command, said } = recorded;
        let before = match std::mem::replace(&mut self.rewrite, Rewrite::None) {
            // Nobody would have run this text.
            Rewrite::Other => return,
            Rewrite::To(text, _) if text != command.text => {
                report.differ("rewrite".into(), "rewrite to another text".into(), place, &text);
                return;
            }
            Rewrite::To(_, holds) => holds,
            Rewrite::None => vec![],
        };
        report.commands += 1;
        let ruling = self.chain.judge(command).ruling.besides(&before);
        let would = said_by(&ruling);
        if would != *said {
            report.differ(said.clone(), would, place, &command.text);
        }
        if said == "rewrite" {
            self.rewrite = match ruling {
                Ruling::Rewrite { text, holds } => Rewrite::To(text, holds),
                _ => Rewrite::Other,
            };
        }
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
        Ruling::Allow | Ruling::Rewrite { .. } => "",
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

#[cfg(test)]
mod tests;
