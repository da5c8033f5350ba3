//! What one policy says of a command, and how several verdicts become one.

/// Why a command is denied, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Shown to the client.
    pub reason: String,
    /// Stable id of the rule that decided, for the record.
    pub rule: String,
    /// What the client can do about it; empty where nothing helps.
    pub hint: String,
}

/// What must happen before a command may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Shown to the client and to whoever decides.
    pub reason: String,
    /// Stable id of the rule that holds.
    pub rule: String,
    /// Names of the roles that may decide; any of them.
    pub approvers: Vec<String>,
    /// How many distinct people must approve; at least one.
    pub quorum: u32,
    /// Seconds until an undecided hold is denied.
    pub expires_in: u32,
    /// What only people who decide are shown, in lines: words of others that the client must not read. A hold with any is
    /// approved by people alone.
    pub for_approvers: String,
}

impl Hold {
    /// Whether whoever grants this one has granted the other: the same rule's, by the same people and as many of them, who were
    /// shown the same.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.rule == other.rule
            && self.approvers == other.approvers
            && self.quorum >= other.quorum
            && self.for_approvers == other.for_approvers
    }
}

/// What one policy says of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let it through.
    Allow,
    /// Refuse it.
    Deny(Denial),
    /// Wait for a person.
    Hold(Hold),
    /// Run this text instead, once it has been judged from the start.
    Rewrite(String),
}

/// What a whole chain of policies says of a command.
///
/// Deny beats hold beats rewrite beats allow; of a command that is held and rewritten the new text is held, so that what is
/// approved is what runs.
/// Of several denials or rewrites the first in the chain's order speaks; holds add up, since each has its own approvers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Nobody objects.
    Allow,
    /// Somebody refuses.
    Deny(Denial),
    /// Every one of these must be granted.
    Hold(Vec<Hold>),
    /// Judge this text instead.
    Rewrite {
        /// The text.
        text: String,
        /// What must be granted before that may run, whatever is said of it.
        holds: Vec<Hold>,
    },
}

impl Ruling {
    /// Adds the next policy's verdict.
    #[must_use]
    pub fn and(self, verdict: Verdict) -> Self {
        match (self, verdict) {
            (denied @ Self::Deny(_), _) => denied,
            (_, Verdict::Deny(denial)) => Self::Deny(denial),
            (Self::Hold(mut holds), Verdict::Hold(hold)) => {
                holds.push(hold);
                Self::Hold(holds)
            }
            (Self::Hold(holds), Verdict::Rewrite(text)) => Self::Rewrite { text, holds },
            (Self::Rewrite { text, mut holds }, Verdict::Hold(hold)) => {
                holds.push(hold);
                Self::Rewrite { text, holds }
            }
            (Self::Allow, Verdict::Hold(hold)) => Self::Hold(vec![hold]),
            (Self::Allow, Verdict::Rewrite(text)) => Self::Rewrite { text, holds: vec![] },
            (same, Verdict::Allow | Verdict::Rewrite(_)) => same,
        }
    }

    /// The same of a text that a rewrite made, with the holds of what it was made of. One of each rule is enough where it asks
    /// for as many of the same people.
    #[must_use]
    pub fn besides(mut self, before: &[Hold]) -> Self {
        let known = match &self {
            Self::Hold(holds) | Self::Rewrite { holds, .. } => holds.clone(),
            Self::Allow | Self::Deny(_) => vec![],
        };
        for hold in before.iter().filter(|hold| !known.iter().any(|known| known.covers(hold))) {
            self = self.and(Verdict::Hold(hold.clone()));
        }
        self
    }

    /// One word for the record: `allow`, `deny`, `hold` or `rewrite`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny(_) => "deny",
            Self::Hold(_) => "hold",
            Self::Rewrite { .. } => "rewrite",
        }
    }
}

#[cfg(test)]
mod tests;
