//! One rule: what it is about, and what it decides.

use std::collections::BTreeMap;

use plugin_sdk::prelude::*;

use crate::path::PathGlob;
use crate::untold::untold;

/// What a rule is about, and what happens then. All that is given must match; what is left out matches everything.
#[config]
pub(crate) struct Rule {
    /// The rule's name in the record, `http-guard.<name>`. Left out: its number, from 1.
    #[schemars(length(min = 1))]
    name: Option<String>,
    /// Methods: "DELETE", "*". For GraphQL "query", "mutation", "subscription"; for MCP "call", "read", "get".
    methods: Option<Vec<Pattern>>,
    /// Globs of paths: `*` within a segment, `**` over many. For GraphQL the field, for MCP `server.tool`.
    paths: Option<Vec<PathGlob>>,
    /// Globs of query or body fields, of which one is there: "role", "user.*".
    fields: Option<Vec<Pattern>>,
    /// Values, by the fact's name ("body:role", "query:force", "header:x-env", "argument:*path*"): one of these globs.
    values: Option<BTreeMap<String, Vec<Pattern>>>,
    /// Content types of the body: "application/json", "text/*".
    types: Option<Vec<Pattern>>,
    /// Bodies of more bytes.
    larger_than: Option<u64>,
    /// Whether a request may pass by this rule whose body was not read in full.
    #[serde(default)]
    unread: bool,
    /// What happens.
    then: Decision,
    /// Why, for the client and for whoever decides. Left out: the method and the path.
    reason: Option<String>,
    /// What the client can do about it.
    hint: Option<String>,
}

/// What happens to a request.
#[config]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decision {
    /// It is requested.
    Allow,
    /// It is refused.
    Deny,
    /// It waits for a person.
    Hold(Approval),
}

impl Rule {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let empty = |patterns: Option<&Vec<Pattern>>| patterns.is_some_and(Vec::is_empty);
        if [&self.methods, &self.fields, &self.types].into_iter().any(|it| empty(it.as_ref())) {
            return Err("an empty list matches nothing; leave it out for everything");
        }
        if self.paths.as_ref().is_some_and(|it| it.is_empty() || it.iter().any(PathGlob::is_empty))
        {
            return Err("paths must not be empty; leave it out for everything");
        }
        if let Some(values) = &self.values
            && (values.is_empty() || values.values().any(Vec::is_empty))
        {
            return Err("values must name facts, each with at least one glob");
        }
        if self.unread && !matches!(self.then, Decision::Allow) {
            return Err(
                "unread is for rules that allow; all others are about unread bodies anyway",
            );
        }
        match &self.then {
            Decision::Hold(approval) => approval.check(),
            Decision::Allow | Decision::Deny => Ok(()),
        }
    }

    /// A rule on what is never told would match nothing, and seem to be in force.
    pub(crate) fn check_told(&self) -> Result<(), String> {
        let mut names = self.values.iter().flatten().map(|(name, _)| name);
        match names.find_map(|name| untold(name)) {
            Some(header) => Err(format!(
                "the header `{header}` is not told to policies, and a rule on it matches nothing; leave it out of values, and go by \
                 the path, the body or another header"
            )),
            None => Ok(()),
        }
    }

    /// Whether it lets bodies pass that were not read.
    pub(crate) fn takes_unread(&self) -> bool {
        self.unread
    }

    /// Whether the operation is what the rule is about. Where that cannot be told, it is for a rule that denies or holds,
    /// and is not for one that allows.
    pub(crate) fn matches(&self, operation: &Operation, command: &Command) -> bool {
        let doubt = !matches!(self.then, Decision::Allow);
        self.is_about(operation, doubt)
            && self.fields_match(operation, command, doubt)
            && self.values_match(operation, command, doubt)
            && self.body_matches(operation, doubt)
    }

    fn is_about(&self, operation: &Operation, doubt: bool) -> bool {
        // A template stands for many paths: the path itself counts as well. What it may stand for only counts in doubt.
        let known = [Some(operation.object.as_str()), operation.fact("path")].into_iter().flatten();
        let mut names = known.chain(operation.may_stand_for().filter(|_| doubt));
        self.methods.as_ref().is_none_or(|methods| any(methods, &operation.action))
            && self.paths.as_ref().is_none_or(|globs| {
                names.any(|name| {
                    globs
                        .iter()
                        .any(|glob| if doubt { glob.may_match(name) } else { glob.matches(name) })
                })
            })
    }

    fn fields_match(&self, operation: &Operation, command: &Command, doubt: bool) -> bool {
        let Some(patterns) = &self.fields else { return true };
        operation.fields.iter().any(|field| any(patterns, field)) || doubt && !command.complete
    }

    fn values_match(&self, operation: &Operation, command: &Command, doubt: bool) -> bool {
        let Some(values) = &self.values else { return true };
        values.iter().all(|(name, patterns)| {
            let name = name.to_lowercase();
            let known =
                || operation.facts.iter().filter(|(fact, _)| is_whole(&name, &fact.to_lowercase()));
            let untold = operation.may_be_untold(&name, command);
            if doubt {
                let mut doubted = operation.doubted_facts();
                return known().any(|(fact, value)| {
                    any(patterns, value) || Operation::is_hidden(fact, value)
                }) || doubted
                    .any(|(fact, value)| is_whole(&name, &fact) && any(patterns, value))
                    || untold;
            }
            !untold
                && known().next().is_some()
                && known().all(|(_, value)| patterns.iter().any(|it| is_whole(it.as_str(), value)))
        })
    }

    fn body_matches(&self, operation: &Operation, doubt: bool) -> bool {
        let kind = operation.fact("content-type");
        let is_type = |types: &Vec<Pattern>| kind.map_or(doubt, |kind| any(types, kind));
        let size = operation.fact("size").and_then(|size| size.parse::<u64>().ok());
        let unknown = doubt && operation.fact("body").is_some();
        let is_larger = |least: u64| size.map_or(unknown, |size| size > least);
        self.types.as_ref().is_none_or(is_type) && self.larger_than.is_none_or(is_larger)
    }

    /// What happens to an operation that the rule is about.
    pub(crate) fn decide(&self, index: usize, operation: &Operation, command: &Command) -> Verdict {
        let name = self.name.clone().unwrap_or_else(|| (index + 1).to_string());
        let rule = format!("http-guard.{name}");
        let what = format!("{} {}", operation.action, operation.object);
        let unread = || self.is_by_what_was_not_read(operation, command);
        match &self.then {
            Decision::Allow => Verdict::Allow,
            Decision::Deny if unread() => {
                Verdict::deny(rule, self.doubt()).hint(crate::HOW_TO_BE_READ)
            }
            Decision::Deny => {
                let reason = self.reason.clone();
                let reason = reason.unwrap_or_else(|| format!("{what} is not allowed here"));
                Verdict::deny(rule, reason).hint(self.hint.clone().unwrap_or_default())
            }
            Decision::Hold(approval) if unread() => approval.hold(rule, self.doubt()),
            Decision::Hold(approval) => approval.hold(rule, self.reason.clone().unwrap_or(what)),
        }
    }

    /// Whether the rule is about the operation only because its body may have had anything in it.
    fn is_by_what_was_not_read(&self, operation: &Operation, command: &Command) -> bool {
        let read = || Command { complete: true, ..command.clone() };
        !command.complete && !self.matches(operation, &read())
    }

    fn doubt(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("what a rule forbids");
        format!("the request's body was not read in full, and may have in it: {reason}")
    }
}

/// Whether a glob matches a value from its first letter to its last, in this case: a pattern for names is content with their
/// last parts, and takes `?` for a name that is not known.
fn is_whole(glob: &str, value: &str) -> bool {
    // Which places of the value the glob can have reached, letter by letter.
    let value: Vec<char> = value.chars().collect();
    let mut reached = vec![false; value.len()];
    reached.insert(0, true);
    for letter in glob.chars() {
        let mut next = Vec::with_capacity(reached.len());
        let mut before = false;
        for (at, was) in reached.iter().enumerate() {
            let found = at.checked_sub(1).and_then(|before| value.get(before));
            let fits = found.is_some_and(|found| letter == '?' || *found == letter);
            next.push(match letter {
                '*' => *was || next.last() == Some(&true),
                _ => before && fits,
            });
            before = *was;
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}
