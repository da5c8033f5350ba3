//! Our types as the contract's, on the way into a guest.
//!
//! The contract's forms borrow every text and list. Where a list of ours has another form in memory, the list that is
//! borrowed lives in the function here, around the call that uses it.

use palisade_policy as policy;

use crate::bindings::palisade::policy::types as wit;

pub(crate) fn context<R>(context: &policy::Context, call: impl FnOnce(wit::Context<'_>) -> R) -> R {
    let policy::Context { session, principal, target, client_address } = context;
    let roles: Vec<&str> = texts(&principal.roles).collect();
    let labels: Vec<(&str, &str)> = pairs(&target.labels).collect();
    call(wit::Context {
        session,
        principal: wit::Principal {
            subject: &principal.subject,
            issuer: &principal.issuer,
            roles: &roles,
            acting_for: principal.acting_for.as_deref(),
        },
        target: wit::Target {
            connection: &target.connection,
            protocol: &target.protocol,
            labels: &labels,
        },
        client_address,
    })
}

pub(crate) fn command<R>(command: &policy::Command, call: impl FnOnce(wit::Command<'_>) -> R) -> R {
    let policy::Command { text, operations, complete } = command;
    // The lists of all operations in two pieces, from which each operation takes its part in order.
    let fields: Vec<&str> = operations.iter().flat_map(|each| texts(&each.fields)).collect();
    let facts: Vec<(&str, &str)> = operations.iter().flat_map(|each| pairs(&each.facts)).collect();
    let (mut fields, mut facts) = (fields.as_slice(), facts.as_slice());
    let operations: Vec<wit::Operation<'_>> = operations
        .iter()
        .map(|each| wit::Operation {
            action: &each.action,
            object: &each.object,
            fields: take(&mut fields, each.fields.len()),
            facts: take(&mut facts, each.facts.len()),
        })
        .collect();
    call(wit::Command { text, operations: &operations, complete: *complete })
}

pub(crate) fn shape<R>(shape: &policy::Shape, call: impl FnOnce(wit::Shape<'_>) -> R) -> R {
    match shape {
        policy::Shape::Table(fields) => {
            let sources: Vec<&str> = fields.iter().flat_map(|each| texts(&each.sources)).collect();
            let mut sources = sources.as_slice();
            let fields: Vec<wit::Field<'_>> = fields
                .iter()
                .map(|each| wit::Field {
                    name: &each.name,
                    sources: take(&mut sources, each.sources.len()),
                    type_name: &each.type_name,
                })
                .collect();
            call(wit::Shape::Table(&fields))
        }
        policy::Shape::Document(media_type) => call(wit::Shape::Document(media_type)),
        policy::Shape::ByteStream => call(wit::Shape::ByteStream),
    }
}

pub(crate) fn hold<R>(hold: &policy::Hold, call: impl FnOnce(wit::HoldParam<'_>) -> R) -> R {
    let policy::Hold { reason, rule, approvers, quorum, expires_in, for_approvers: _ } = hold;
    let approvers: Vec<&str> = texts(approvers).collect();
    call(wit::HoldParam {
        reason,
        rule,
        approvers: &approvers,
        quorum: *quorum,
        expires_in: *expires_in,
    })
}

pub(crate) fn batch(batch: &policy::Batch) -> wit::BatchParam<'_> {
    wit::BatchParam { bytes: &batch.bytes, ends: &batch.ends }
}

fn texts(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

fn pairs(list: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    list.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// The next `count` elements. The list was made of exactly these counts, so it does not run out.
fn take<'a, T>(list: &mut &'a [T], count: usize) -> &'a [T] {
    list.split_off(..count).unwrap_or_default()
}

#[cfg(test)]
mod tests;
