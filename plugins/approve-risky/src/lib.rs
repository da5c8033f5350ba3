//! Holds commands that match a rule until a person has approved them.
//!
//! Each operation is held by the first rule that matches it.
//! Where the operations of one command fall under different rules, the hold is as strict as all of them together.
//!
//! ```text
//!   UPDATE public.secrets ─▶ rule 1 ─┐
//!   DELETE public.orders  ─▶ rule 2 ─┴─▶ one hold: who may approve both, the larger quorum, the shorter time
//! ```

use plugin_sdk::prelude::*;

/// What must wait for a person.
#[config]
struct ApproveRisky {
    /// The rules, in order.
    #[schemars(length(min = 1))]
    hold: Vec<Rule>,
    /// What happens to a command that the gateway could not fully account for. Left out: "hold".
    #[serde(default)]
    incomplete: Incomplete,
}

/// One kind of command that waits.
#[config]
struct Rule {
    /// The rule's name in the record, `approve-risky.<name>`. Left out: its number, from 1.
    #[schemars(length(min = 1))]
    name: Option<String>,
    /// Globs of actions: "update", "copy-*", "*".
    #[schemars(length(min = 1))]
    actions: Vec<Pattern>,
    /// Globs of what they act on, in SQL schema.table. Left out: everything.
    objects: Option<Vec<Pattern>>,
    /// Roles that may decide; any one of them will do.
    #[schemars(length(min = 1))]
    approvers: Vec<String>,
    /// How many distinct people must approve.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    quorum: u32,
    /// Seconds until an undecided command is denied.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 1))]
    expires_in: u32,
    /// Why, for the client and for whoever decides. Left out: the operation that is held.
    reason: Option<String>,
}

/// What happens to a command that could not be accounted for. "hold": it may be anything, so it is held as though it
/// fell under every rule. "ignore": what is known of it is judged, the rest is left to other plugins.
#[config]
#[derive(Default)]
#[serde(rename_all = "kebab-case")]
enum Incomplete {
    #[default]
    Hold,
    Ignore,
}

fn one() -> u32 {
    1
}

fn five_minutes() -> u32 {
    Hold::DEFAULT_EXPIRES_IN
}

impl Plugin for ApproveRisky {
    // What is judged is what is done, whoever does it.
    const LOOKS_AT: ContextParts = ContextParts::empty();

    fn validate(&self) -> Result<(), String> {
        if self.hold.is_empty() {
            return Err("hold must have at least one rule".to_owned());
        }
        self.hold.iter().enumerate().try_for_each(|(index, rule)| {
            let mistake = rule.mistake();
            mistake.map_or(Ok(()), |mistake| Err(format!("hold, rule {}: {mistake}", index + 1)))
        })
    }
}

impl Guard for ApproveRisky {
    // What is judged is what is done, however it is written.
    const JUDGES_BY: CommandParts = CommandParts::OPERATIONS;

    fn judge(&self, _context: &Context, command: &Command) -> Verdict {
        let rules = || self.hold.iter().enumerate();
        let mut holds: Vec<Hold> = command
            .operations
            .iter()
            .filter_map(|operation| {
                let (index, rule) = rules().find(|(_, rule)| rule.matches(operation))?;
                Some(rule.hold(index, || format!("{} {}", operation.action, operation.object)))
            })
            .collect();
        if !command.complete && matches!(self.incomplete, Incomplete::Hold) {
            let reason = || "what this command would do cannot be told in full".to_owned();
            holds.extend(rules().map(|(index, rule)| rule.hold(index, reason)));
        }
        let all = holds.into_iter().reduce(Hold::and);
        all.map_or(Verdict::Allow, |hold| hold.or_denied("Send the statements one at a time."))
    }
}

impl Rule {
    fn mistake(&self) -> Option<&'static str> {
        if self.actions.is_empty() {
            Some("actions must not be empty")
        } else if self.objects.as_ref().is_some_and(Vec::is_empty) {
            Some("objects must not be empty; leave it out for everything")
        } else if self.approvers.is_empty() {
            Some("approvers must name at least one role")
        } else if self.quorum == 0 || self.expires_in == 0 {
            Some("quorum and expires_in must be at least 1")
        } else {
            None
        }
    }

    fn matches(&self, operation: &Operation) -> bool {
        let objects = self.objects.as_ref();
        self.actions.iter().any(|it| it.matches(&operation.action))
            && objects.is_none_or(|objects| objects.iter().any(|it| operation.may_be_on(it)))
    }

    fn hold(&self, index: usize, reason: impl FnOnce() -> String) -> Hold {
        let name = self.name.clone().unwrap_or_else(|| (index + 1).to_string());
        let reason = self.reason.clone().unwrap_or_else(reason);
        Hold::new(format!("approve-risky.{name}"), reason, &self.approvers)
            .quorum(self.quorum)
            .expires_in(self.expires_in)
    }
}

plugin_sdk::plugin!(ApproveRisky: guard);

#[cfg(test)]
mod tests;
