//! Who decides on what is held, as a plugin's configuration says it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Hold, Verdict};

/// Who decides on a held command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
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
}

fn one() -> u32 {
    1
}

fn five_minutes() -> u32 {
    Hold::DEFAULT_EXPIRES_IN
}

impl Approval {
    /// Checks that somebody can decide.
    ///
    /// # Errors
    /// What is wrong, beginning with the key.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.approvers.is_empty() {
            return Err("approvers must name at least one role");
        }
        if self.quorum == 0 || self.expires_in == 0 {
            return Err("quorum and expires_in must be at least 1");
        }
        Ok(())
    }

    /// Holds a command by this rule, for this reason.
    #[must_use]
    pub fn hold(&self, rule: impl Into<String>, reason: impl Into<String>) -> Verdict {
        let hold = Hold::new(rule, reason, &self.approvers);
        hold.quorum(self.quorum).expires_in(self.expires_in).into()
    }
}
