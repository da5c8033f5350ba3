//! Ways to say a [`Verdict`], and to read an [`Operation`].

use crate::pattern::bare;
use crate::{Command, Denial, Hold, Operation, Pattern, Verdict};

impl Verdict {
    /// Refuses the command. `rule` is the stable id of the rule that decided, `reason` what the client reads.
    #[must_use]
    pub fn deny(rule: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Deny(Denial { reason: reason.into(), rule: rule.into(), hint: String::new() })
    }

    /// Adds to a denial what the client can do about it, in one sentence. Other verdicts stay as they are.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Deny(denial) = &mut self {
            denial.hint = hint.into();
        }
        self
    }
}

impl Hold {
    /// How long an undecided hold waits where the plugin does not say: five minutes.
    pub const DEFAULT_EXPIRES_IN: u32 = 300;

    /// Holds the command until one person who has one of the roles `approvers` decides.
    #[must_use]
    pub fn new(
        rule: impl Into<String>,
        reason: impl Into<String>,
        approvers: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            reason: reason.into(),
            rule: rule.into(),
            approvers: approvers.into_iter().map(Into::into).collect(),
            quorum: 1,
            expires_in: Self::DEFAULT_EXPIRES_IN,
        }
    }

    /// Asks for so many distinct people.
    #[must_use]
    pub fn quorum(mut self, people: u32) -> Self {
        self.quorum = people;
        self
    }

    /// Denies the command where nobody decided within so many seconds.
    #[must_use]
    pub fn expires_in(mut self, seconds: u32) -> Self {
        self.expires_in = seconds;
        self
    }

    /// One hold that is granted only by what would grant both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.approvers.retain(|role| other.approvers.contains(role));
        self.quorum = self.quorum.max(other.quorum);
        self.expires_in = self.expires_in.min(other.expires_in);
        if !self.reason.split("; ").any(|reason| reason == other.reason) {
            self.reason = format!("{}; {}", self.reason, other.reason);
        }
        if !self.rule.split('+').any(|rule| rule == other.rule) {
            self.rule = format!("{}+{}", self.rule, other.rule);
        }
        self
    }

    /// The hold, or a denial with this hint where nobody could grant it.
    #[must_use]
    pub fn or_denied(self, hint: impl Into<String>) -> Verdict {
        if !self.approvers.is_empty() {
            return self.into();
        }
        let reason = format!("no role may approve all of this together: {}", self.reason);
        Verdict::deny(self.rule, reason).hint(hint)
    }
}

impl From<Hold> for Verdict {
    fn from(hold: Hold) -> Self {
        Self::Hold(hold)
    }
}

impl Operation {
    /// What the protocol knows under this name, such as `absent` for `where`.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of all facts of this name, whatever the letters' case: the names of some are a client's own spelling.
    pub fn facts_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let name = name.to_lowercase();
        let facts = self.facts.iter().filter(move |(fact, _)| fact.to_lowercase() == name);
        facts.map(|(_, value)| value.as_str())
    }

    /// The values of all facts that it may have under this name: those of [`Self::facts_named`], and what a path's template tells
    /// where only some servers take the path for it. This is for what denies, holds or counts, and not for what allows.
    pub fn facts_that_may_be_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let is_path = name.eq_ignore_ascii_case("path") && self.may_stand_for().next().is_some();
        let told = self.facts_named(name).chain(is_path.then_some(self.object.as_str()));
        let name = name.to_lowercase();
        let doubted = self.doubted_facts().filter(move |(fact, _)| *fact == name);
        told.chain(doubted.map(|(_, value)| value))
    }

    /// What templates tell of the path that only some servers take it for, by the name that they tell it by otherwise, in small
    /// letters: `path-may-be:id` as `path:id`.
    pub fn doubted_facts(&self) -> impl Iterator<Item = (String, &str)> {
        self.facts.iter().filter_map(|(fact, value)| {
            let fact = fact.to_lowercase();
            Some((format!("path:{}", fact.strip_prefix("path-may-be:")?), value.as_str()))
        })
    }

    /// Whether a fact is a header's with a value that is told to nobody, so that it may be any.
    #[must_use]
    pub fn is_hidden(fact: &str, value: &str) -> bool {
        value == "***" && fact.to_lowercase().starts_with("header:")
    }

    /// Whether it may have a fact of this name with a value that a glob matches: it is told, only some servers see it, its value
    /// is hidden, or it may be among what is not told. This is for what denies, holds or counts, and not for what allows.
    #[must_use]
    pub fn may_have(&self, name: &str, value: &Pattern, command: &Command) -> bool {
        let fits = |told: &str| value.matches(told) || Self::is_hidden(name, told);
        self.facts_that_may_be_named(name).any(fits) || self.may_be_untold(name, command)
    }

    /// Whether it may act on what a glob names. For paths that is so as well where a server tells neither upper from lower case
    /// nor a slash at the end from none: this is for what denies, holds or counts, and not for what allows.
    #[must_use]
    pub fn may_be_on(&self, pattern: &Pattern) -> bool {
        let is_named = |name: &str| {
            pattern.matches(name) || name.starts_with('/') && pattern.bare().matches(bare(name))
        };
        // Where a template stands for the path, the path itself counts as well.
        is_named(&self.object)
            || self.fact("path").is_some_and(is_named)
            || self.may_stand_for().any(|template| pattern.matches(template))
    }

    /// Path templates (`/v1/users/{id}`) that the path stands for where a server tells neither upper from lower case nor a slash
    /// at the end from none (the facts `path-may-be`). What denies or holds counts them; what allows must not.
    pub fn may_stand_for(&self) -> impl Iterator<Item = &str> {
        let facts = self.facts.iter().filter(|(name, _)| name == "path-may-be");
        facts.map(|(_, value)| value.as_str())
    }

    /// Whether there may be a fact of this name, or of one that this glob matches, that is not told: of a body that was not read,
    /// or whose values are not told in full (the fact `values` is `cut`), any value may be there.
    #[must_use]
    pub fn may_be_untold(&self, name: &str, command: &Command) -> bool {
        let name = name.to_lowercase();
        let first = name.split(['*', '?']).next().unwrap_or_default();
        let is_of_body = ["body:", "file:", "argument:"]
            .iter()
            .any(|of| first.starts_with(of) || first != name && of.starts_with(first));
        is_of_body && (!command.complete || self.fact("values") == Some("cut"))
    }
}
