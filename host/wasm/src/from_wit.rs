//! The contract's types as ours, on the way out of a guest. Nothing that a guest says is taken on trust.
//!
//! How many fields a plan must have is known to the caller, who knows the result's shape; it is not checked here.

use palisade_policy::{
    Action, Batch, CommandParts, ContextParts, Denial, Hold, Plan, PolicyFailure, Review, Verdict,
};

use crate::Manifest;
use crate::bindings::exports::palisade::policy::reviewer::Decision;
use crate::bindings::exports::palisade::policy::{attention, plugin};
use crate::bindings::palisade::policy::types as wit;

/// Bytes of a text that people read; the rest is cut off.
const TEXT_BYTES: usize = 4 << 10;
/// Bytes of a rewritten command.
const REWRITE_BYTES: usize = 1 << 20;
/// Elements of any one list.
const LIST_LENGTH: usize = 1 << 16;

pub(crate) fn verdict(verdict: wit::Verdict) -> Result<Verdict, PolicyFailure> {
    match verdict {
        wit::Verdict::Allow => Ok(Verdict::Allow),
        wit::Verdict::Deny(denial) => self::denial(denial).map(Verdict::Deny),
        wit::Verdict::Hold(hold) => self::hold(hold).map(Verdict::Hold),
        wit::Verdict::Rewrite(text) if text.len() <= REWRITE_BYTES => Ok(Verdict::Rewrite(text)),
        wit::Verdict::Rewrite(text) => Err(unusable(format!(
            "its rewrite has {} bytes, {REWRITE_BYTES} are allowed",
            text.len()
        ))),
    }
}

fn denial(denial: wit::Denial) -> Result<Denial, PolicyFailure> {
    let wit::Denial { reason, rule, hint } = denial;
    Ok(Denial { reason: shortened(reason), rule: self::rule(rule)?, hint: shortened(hint) })
}

/// The gateway's own rules are known by how they begin.
fn rule(rule: String) -> Result<String, PolicyFailure> {
    if rule.starts_with("gateway.") {
        return Err(unusable("its rule begins with `gateway.`, as the gateway's own do"));
    }
    Ok(shortened(rule))
}

fn hold(hold: wit::HoldResult) -> Result<Hold, PolicyFailure> {
    let wit::HoldResult { reason, rule, approvers, quorum, expires_in } = hold;
    check_length("approvers", approvers.len())?;
    if expires_in == 0 {
        return Err(unusable("its hold expires in 0 seconds"));
    }
    if approvers.is_empty() {
        // Anybody who approves here would be asked.
        return Err(unusable("its hold names no approvers"));
    }
    Ok(Hold {
        reason: shortened(reason),
        rule: self::rule(rule)?,
        approvers,
        quorum: quorum.max(1),
        expires_in,
        for_approvers: String::new(),
    })
}

pub(crate) fn plan(plan: wit::Plan) -> Result<Plan, PolicyFailure> {
    let wit::Plan { fields, keys, rest } = plan;
    check_length("fields", fields.len())?;
    check_length("keys", keys.len())?;
    Ok(Plan {
        fields: fields.into_iter().map(action).collect::<Result<_, _>>()?,
        keys: keys
            .into_iter()
            .map(|(pattern, each)| Ok((pattern, action(each)?)))
            .collect::<Result<_, PolicyFailure>>()?,
        rest: action(rest)?,
    })
}

fn action(action: wit::Action) -> Result<Action, PolicyFailure> {
    Ok(match action {
        wit::Action::Keep => Action::Keep,
        wit::Action::Replace(text) if text.len() > TEXT_BYTES => {
            let size = text.len();
            return Err(unusable(format!(
                "its replacement has {size} bytes, {TEXT_BYTES} are allowed"
            )));
        }
        wit::Action::Replace(text) => Action::Replace(text),
        wit::Action::Partial((first, last)) => Action::Partial(first, last),
        wit::Action::Pseudonym => Action::Pseudonym,
        wit::Action::Nullify => Action::Nullify,
        wit::Action::Scan(detectors) => {
            check_length("detectors", detectors.len())?;
            Action::Scan(detectors)
        }
        wit::Action::Inspect => Action::Inspect,
    })
}

/// `count` values went in: as many must come back, or none, which says that all are unchanged.
pub(crate) fn batch(batch: wit::BatchResult, count: usize) -> Result<Batch, PolicyFailure> {
    let wit::BatchResult { bytes, ends } = batch;
    let batch = Batch { bytes, ends };
    if batch.is_well_formed(0) || batch.is_well_formed(count) {
        Ok(batch)
    } else {
        Err(unusable(format!(
            "its batch of {} values is not the {count} that it was sent",
            batch.ends.len()
        )))
    }
}

pub(crate) fn review(decision: Decision) -> Review {
    match decision {
        Decision::Undecided => Review::Undecided,
        Decision::Approve(reason) => Review::Approve(shortened(reason)),
        Decision::Deny(reason) => Review::Deny(shortened(reason)),
    }
}

pub(crate) fn manifest(manifest: plugin::Manifest) -> Manifest {
    let plugin::Manifest { name, version, description, config_schema, looks_at } = manifest;
    Manifest {
        name: shortened(name),
        version: shortened(version),
        description: shortened(description),
        config_schema,
        looks_at: ContextParts {
            session: looks_at.contains(plugin::ContextParts::SESSION),
            principal: looks_at.contains(plugin::ContextParts::PRINCIPAL),
            target: looks_at.contains(plugin::ContextParts::TARGET),
            client_address: looks_at.contains(plugin::ContextParts::CLIENT_ADDRESS),
        },
        ..Manifest::default()
    }
}

pub(crate) fn command_parts(parts: attention::CommandParts) -> CommandParts {
    CommandParts {
        text: parts.contains(attention::CommandParts::TEXT),
        operations: parts.contains(attention::CommandParts::OPERATIONS),
    }
}

/// At most [`TEXT_BYTES`] of the text, in whole characters.
pub(crate) fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    text
}

fn check_length(what: &str, length: usize) -> Result<(), PolicyFailure> {
    if length <= LIST_LENGTH {
        return Ok(());
    }
    Err(unusable(format!("its list of {what} has {length} elements, {LIST_LENGTH} are allowed")))
}

fn unusable(why: impl Into<String>) -> PolicyFailure {
    PolicyFailure::Answer(why.into())
}

#[cfg(test)]
mod tests;
