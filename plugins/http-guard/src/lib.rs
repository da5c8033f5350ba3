//! Blocks and holds HTTP requests: by method, path, fields, values, content type and size.
//!
//! Rules are tried in order for each operation of a request; the first that matches decides, and of several operations
//! (a batch, the fields of a GraphQL document) the strictest decision counts.
//!
//! ```text
//!   operation ─▶ rule 1? ─▶ rule 2? ─▶ … ─▶ unlisted ─┐
//!   operation ─▶ …                                    ├─▶ deny over hold over allow
//!   request not read in full? ────────▶ incomplete ───┘
//! ```
//!
//! What cannot be told counts against the request: a rule that denies or holds matches it, one that allows does not.

mod path;
mod rule;
mod untold;

use plugin_sdk::prelude::*;
use rule::Rule;

/// What a client can do about a body that was not read.
const HOW_TO_BE_READ: &str = "Send JSON, a form or a multipart body within the gateway's limit.";

/// What may be requested.
#[config]
struct HttpGuard {
    /// The rules, in order.
    #[serde(default)]
    rules: Vec<Rule>,
    /// What happens to what no rule is about. Left out: "allow".
    #[serde(default)]
    unlisted: Unlisted,
    /// What happens to a request whose body was not read in full, unless a rule with `unread` allows it. Left out: "deny".
    #[serde(default)]
    incomplete: Incomplete,
}

/// What happens to what no rule is about.
#[config]
#[derive(Default)]
#[serde(rename_all = "kebab-case")]
enum Unlisted {
    /// It is requested.
    #[default]
    Allow,
    /// It is refused.
    Deny,
    /// It waits for a person.
    Hold(Approval),
}

/// What happens to a request that was not read in full.
#[config]
#[derive(Default)]
#[serde(rename_all = "kebab-case")]
enum Incomplete {
    /// It is refused.
    #[default]
    Deny,
    /// It is requested, if what is known of it breaks no rule.
    Allow,
    /// It waits for a person.
    Hold(Approval),
}

impl Plugin for HttpGuard {
    // What is judged is what is requested, whoever requests it.
    const LOOKS_AT: ContextParts = ContextParts::empty();

    fn validate(&self) -> Result<(), String> {
        for (index, rule) in self.rules.iter().enumerate() {
            let checked = rule.check().map_err(str::to_owned).and_then(|()| rule.check_told());
            checked.map_err(|mistake| format!("rules, rule {}: {mistake}", index + 1))?;
        }
        if let Unlisted::Hold(approval) = &self.unlisted {
            approval.check().map_err(|mistake| format!("unlisted: {mistake}"))?;
        }
        if let Incomplete::Hold(approval) = &self.incomplete {
            approval.check().map_err(|mistake| format!("incomplete: {mistake}"))?;
        }
        Ok(())
    }
}

impl Guard for HttpGuard {
    // What is judged is what is done, however it is written.
    const JUDGES_BY: CommandParts = CommandParts::OPERATIONS;

    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        let mut unread_allowed = !command.operations.is_empty();
        let mut strictest = Verdict::Allow;
        for operation in &command.operations {
            let rule =
                self.rules.iter().enumerate().find(|(_, rule)| rule.matches(operation, command));
            unread_allowed &= rule.is_some_and(|(_, rule)| rule.takes_unread())
                && is_told_but_for_its_body(operation);
            let verdict = match rule {
                Some((index, rule)) => rule.decide(index, operation, command),
                None => self.unlisted.decide(operation),
            };
            strictest = stricter(strictest, verdict);
        }
        if !command.complete && !unread_allowed {
            strictest = stricter(strictest, self.incomplete.decide());
        }
        strictest
    }
}

/// Whether nothing else of an operation is in the dark than a body: what a header names besides the path, a document, or a query.
fn is_told_but_for_its_body(operation: &Operation) -> bool {
    let is_dark = |name| operation.fact(name).is_some_and(|fact| fact.starts_with("unaccounted"));
    !["batch", "elsewhere", "graphql", "query"].into_iter().any(is_dark)
}

impl Unlisted {
    fn decide(&self, operation: &Operation) -> Verdict {
        let what = || format!("{} {}", operation.action, operation.object);
        let rule = "http-guard.unlisted";
        match self {
            Self::Allow => Verdict::Allow,
            Self::Deny => {
                Verdict::deny(rule, format!("{} is not among what may be requested", what()))
                    .hint("Request only what the policy lists, or ask for a rule.")
            }
            Self::Hold(approval) => approval.hold(rule, what()),
        }
    }
}

impl Incomplete {
    fn decide(&self) -> Verdict {
        let (rule, reason) = ("http-guard.incomplete", "the request's body was not read in full");
        match self {
            Self::Allow => Verdict::Allow,
            Self::Deny => Verdict::deny(rule, reason).hint(HOW_TO_BE_READ),
            Self::Hold(approval) => approval.hold(rule, reason),
        }
    }
}

/// The stricter of two verdicts; two holds become one that only those grant who may grant both.
fn stricter(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Deny(denial), _) | (_, Verdict::Deny(denial)) => Verdict::Deny(denial),
        (Verdict::Hold(first), Verdict::Hold(second)) => {
            first.and(second).or_denied("Send the requests one at a time.")
        }
        (Verdict::Hold(hold), _) | (_, Verdict::Hold(hold)) => Verdict::Hold(hold),
        (one, _) => one,
    }
}

plugin_sdk::plugin!(HttpGuard: guard);

#[cfg(test)]
mod tests;
