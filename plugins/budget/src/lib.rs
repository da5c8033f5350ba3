//! Denies what a principal has done often enough for some time.
//!
//! ```text
//!   operation ─▶ matches a budget? ─▶ counted for who acts, on this connection ─▶ more than the budget? ─▶ deny
//! ```
//!
//! What is denied was counted all the same, so that trying on does not pay.

use std::collections::BTreeMap;

use plugin_sdk::granted;
use plugin_sdk::prelude::*;

/// What may be done so often.
#[config]
struct Budget {
    /// The budgets; every one that matches an operation is spent from.
    #[schemars(length(min = 1))]
    budgets: Vec<Limit>,
}

/// One budget.
#[config]
struct Limit {
    /// Its name in the record, `budget.<name>`.
    #[schemars(length(min = 1))]
    name: String,
    /// Globs of actions.
    #[schemars(length(min = 1))]
    actions: Vec<Pattern>,
    /// Globs of what they act on. Left out: everything.
    objects: Option<Vec<Pattern>>,
    /// Facts that the operation must have, with globs of their values.
    #[serde(default)]
    facts: BTreeMap<String, Pattern>,
    /// A fact that says how much one operation spends: `guesses`. Left out: one.
    weight: Option<String>,
    /// How much may be spent.
    most: u32,
    /// In how many seconds, from the first time on.
    #[schemars(range(min = 1))]
    within: u32,
    /// Whose budget it is. Left out: "principal".
    #[serde(default)]
    per: Per,
}

/// Whose budget it is, on one connection.
#[config]
#[derive(Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
enum Per {
    /// Everybody has their own, in whatever session.
    #[default]
    Principal,
    /// Every session has its own.
    Session,
    /// All together have one.
    Connection,
}

impl Plugin for Budget {
    fn validate(&self) -> Result<(), String> {
        let names = |name: &String| self.budgets.iter().filter(|limit| &limit.name == name).count();
        match self.budgets.iter().find(|limit| limit.name.is_empty() || limit.within == 0) {
            Some(limit) => {
                Err(format!("budget `{}`: it needs a name, and `within` above 0", limit.name))
            }
            None if self.budgets.iter().any(|limit| names(&limit.name) > 1) => {
                Err("two budgets have one name, and would spend from one counter".to_owned())
            }
            None if self.budgets.is_empty() => Err("budgets must have at least one".to_owned()),
            None => Ok(()),
        }
    }
}

impl Guard for Budget {
    // What is judged is what is done, however it is written.
    const JUDGES_BY: CommandParts = CommandParts::OPERATIONS;

    fn judge(&self, context: &Context, command: &Command) -> Verdict {
        let mut verdict = Verdict::Allow;
        for limit in &self.budgets {
            let spends = command.operations.iter().filter_map(|it| limit.spends(it, command));
            let spent = spends.fold(0_i64, i64::saturating_add);
            if spent > 0 && limit.is_over(context, spent) && verdict == Verdict::Allow {
                verdict = limit.denial();
            }
        }
        verdict
    }
}

impl Limit {
    /// How much an operation spends, if it matches. It does where it may have the facts that it must have.
    fn spends(&self, operation: &Operation, command: &Command) -> Option<i64> {
        let objects = self.objects.as_deref();
        let matches = self.actions.iter().any(|it| it.matches(&operation.action))
            && objects.is_none_or(|objects| objects.iter().any(|it| operation.may_be_on(it)))
            && self.facts.iter().all(|(name, value)| operation.may_have(name, value, command));
        matches.then(|| self.weight.as_deref().map_or(1, |fact| weight(operation, fact, command)))
    }

    fn is_over(&self, context: &Context, spent: i64) -> bool {
        let who = match self.per {
            Per::Principal => format!("{} {}", context.principal.issuer, context.principal.subject),
            Per::Session => context.session.clone(),
            Per::Connection => String::new(),
        };
        let key = format!("{} {} {who}", self.name, context.target.connection);
        // A counter's name has its limits; two that begin alike for so long share one.
        let end = key.floor_char_boundary(256);
        let key = key.get(..end).unwrap_or_default();
        granted::count(key, spent, self.within) > i64::from(self.most)
    }

    fn denial(&self) -> Verdict {
        let reason = format!(
            "the budget \"{}\" is used up: {} in {} seconds",
            self.name, self.most, self.within
        );
        Verdict::deny(format!("budget.{}", self.name), reason)
            .hint("Wait until it begins anew, or ask whoever operates the gateway for more.")
    }
}

plugin_sdk::plugin!(Budget: guard);

/// What a fact says that an operation spends: the largest where it is there several times, one where it is not. What is no
/// whole number, or may be among the values that are not told, spends all there is: a client must not write itself a discount.
fn weight(operation: &Operation, fact: &str, command: &Command) -> i64 {
    if operation.may_be_untold(fact, command) {
        return i64::MAX;
    }
    let told = operation.facts_that_may_be_named(fact);
    told.map(|value| value.parse().unwrap_or(i64::MAX)).max().unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use plugin_sdk::testing::{command, configure, context, operation};

    use super::*;

    fn budget(more: &str) -> Budget {
        let config = format!(
            r#"{{"budgets": [{{"name": "guesses", "actions": ["use"], "most": 2, "within": 60 {more}}}]}}"#
        );
        configure(&config).expect("a good configuration")
    }

    fn denied(plugin: &Budget, context: &Context, operation: Operation) -> bool {
        plugin.judge(context, &command("x", [operation])) != Verdict::Allow
    }

    #[test]
    fn what_was_done_often_enough_is_denied() {
        let (plugin, context) = (budget(""), context());
        let used = || operation("use", "public.users");
        assert!(!denied(&plugin, &context, used()));
        assert!(!denied(&plugin, &context, operation("select", "public.users")));
        assert!(!denied(&plugin, &context, used()));
        assert!(denied(&plugin, &context, used()));
    }

    #[test]
    fn a_weight_that_is_no_number_or_is_not_told_spends_all() {
        let weighted = || budget(r#", "weight": "body:amount""#);
        let used = |facts: &[(&str, &str)]| {
            facts.iter().fold(operation("use", "x"), |it, (name, value)| it.with_fact(name, value))
        };
        for (facts, is_denied) in [
            (&[][..], false),
            (&[("body:amount", "2")], false),
            (&[("body:amount", "3")], true),
            (&[("body:amount", "1e6")], true),
            (&[("body:amount", "1"), ("body:amount", "3")], true),
            (&[("values", "cut")], true),
            (&[("body:amount", "1"), ("values", "cut")], true),
        ] {
            let mut context = context();
            context.principal.subject = format!("{facts:?}");
            assert_eq!(denied(&weighted(), &context, used(facts)), is_denied, "{facts:?}");
        }
    }

    #[test]
    fn what_was_not_told_may_be_what_is_counted() {
        let plugin = || budget(r#", "facts": {"body:type": "refund"}"#);
        let used = |facts: &[(&str, &str)]| {
            facts.iter().fold(operation("use", "x"), |it, (name, value)| it.with_fact(name, value))
        };
        let spent = |facts: &[(&str, &str)], complete| {
            let mut context = context();
            context.principal.subject = format!("{facts:?} {complete}");
            let mut asked = command("x", vec![used(facts); 3]);
            asked.complete = complete;
            plugin().judge(&context, &asked) != Verdict::Allow
        };
        assert!(spent(&[("body:type", "refund")], true));
        assert!(spent(&[("values", "cut")], true));
        assert!(spent(&[("body", "unread")], false));
        assert!(!spent(&[("body:type", "sale")], true));
    }

    #[test]
    fn another_case_of_a_facts_name_or_a_slash_at_a_paths_end_spends_as_well() {
        let more =
            r#", "objects": ["/v1/pay"], "facts": {"body:type": "card"}, "weight": "body:amount""#;
        for (object, kind, amount) in [
            ("/v1/pay", "body:type", "body:amount"),
            ("/v1/pay/", "body:Type", "body:Amount"),
            ("/V1/PAY/", "BODY:TYPE", "Body:AMOUNT"),
        ] {
            let used = operation("use", object).with_fact(kind, "card").with_fact(amount, "3");
            let mut context = context();
            context.principal.subject = object.to_owned();
            assert!(denied(&budget(more), &context, used), "{object}");
        }
    }

    #[test]
    fn what_only_some_servers_see_and_what_is_hidden_spends_as_well() {
        for (facts, told, is_denied) in [
            (r#"{"path:id": "7"}"#, ("path:id", "7"), true),
            (r#"{"path:id": "7"}"#, ("path-may-be:id", "7"), true),
            (r#"{"path:id": "7"}"#, ("path-may-be:id", "8"), false),
            (r#"{"path:name": "7"}"#, ("path-may-be:id", "7"), false),
            (r#"{"path": "/v1/*"}"#, ("path-may-be", "/v1/users/{id}"), true),
            (r#"{"header:X-Api-Key": "a*"}"#, ("header:x-api-key", "***"), true),
            (r#"{"body:key": "a*"}"#, ("body:key", "***"), false),
        ] {
            let plugin = budget(&format!(r#", "facts": {facts}"#));
            let used = operation("use", "/V1/users/7").with_fact(told.0, told.1);
            let mut context = context();
            context.principal.subject = format!("{facts} {told:?}");
            let spent = plugin.judge(&context, &command("x", vec![used; 3])) != Verdict::Allow;
            assert_eq!(spent, is_denied, "{facts} {told:?}");
        }
    }

    #[test]
    fn budgets_of_one_name_are_refused() {
        let twice = r#"{"budgets": [
            {"name": "a", "actions": ["use"], "most": 2, "within": 60},
            {"name": "a", "actions": ["use"], "most": 9, "within": 86400}]}"#;
        assert!(configure::<Budget>(twice).is_err());
    }

    #[test]
    fn everybody_has_their_own() {
        let plugin = budget("");
        let (one, mut other) = (context(), context());
        other.principal.subject = "other".to_owned();
        for _ in 0..3 {
            denied(&plugin, &one, operation("use", "t"));
        }
        assert!(denied(&plugin, &one, operation("use", "t")));
        assert!(!denied(&plugin, &other, operation("use", "t")));
    }

    #[test]
    fn a_fact_says_how_much_is_spent_and_others_whether() {
        let plugin = budget(r#", "weight": "guesses", "facts": {"protected": "*"}"#);
        let mut used = operation("use", "public.users");
        used.facts.push(("guesses".to_owned(), "3".to_owned()));
        assert!(!denied(&plugin, &context(), used.clone()));
        used.facts.push(("protected".to_owned(), "ssn".to_owned()));
        assert!(denied(&plugin, &context(), used));
    }

    #[test]
    fn a_budget_without_a_name_is_refused() {
        let nameless =
            r#"{"budgets": [{"name": "", "actions": ["use"], "most": 2, "within": 60}]}"#;
        assert!(configure::<Budget>(nameless).is_err());
    }
}
