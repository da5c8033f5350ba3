//! What is about to happen, in words that every protocol shares.
//!
//! A protocol turns its frames into a [`Command`]; plugins never see a frame.

use std::sync::Arc;

use crate::Operations;

/// Who acts. Built from a verified token, never from what a client merely claims.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The token's subject.
    pub subject: String,
    /// Who vouches for the subject.
    pub issuer: String,
    /// Names of the roles that the token carries.
    pub roles: Vec<String>,
    /// Names of those that an exchange dropped: they give nothing, and policies that act on roles (`on.roles`) act on them all
    /// the same. Whoever gives rights away must not be freed of what goes with them.
    pub dropped: Vec<String>,
    /// The human or service that an agent acts for (RFC 8693 `act`).
    pub acting_for: Option<String>,
    /// Who vouches for them, where that is known.
    pub acting_for_issuer: Option<String>,
}

impl Principal {
    /// Whether both name the same actor, directly or as the one acted for.
    ///
    /// Nobody may decide on a command of their own, also not through an agent.
    #[must_use]
    pub fn is_same_person(&self, other: &Self) -> bool {
        let mine = [Some(&self.subject), self.acting_for.as_ref()];
        let theirs = [Some(&other.subject), other.acting_for.as_ref()];
        mine.iter().flatten().any(|name| theirs.iter().flatten().any(|them| them == name))
    }

    /// Whether both surely name the same actor, directly or as the one acted for: of the same issuer, and nobody whose issuer
    /// is not known.
    ///
    /// By this somebody is shown what is theirs. A namesake of another issuer is somebody else, who must not see it.
    #[must_use]
    pub fn is_surely_same_person(&self, other: &Self) -> bool {
        self.vouched_for().any(|mine| other.vouched_for().any(|theirs| mine == theirs))
    }

    /// Names with who vouches for them.
    fn vouched_for(&self) -> impl Iterator<Item = (&String, &String)> {
        let acted_for = self.acting_for.as_ref().zip(self.acting_for_issuer.as_ref());
        std::iter::once((&self.subject, &self.issuer)).chain(acted_for)
    }
}

/// Where it acts: one registered backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Target {
    /// The connection's name in the configuration.
    pub connection: String,
    /// `postgres`, `mysql`, `http`, `ssh` and so on.
    pub protocol: String,
    /// The operator's labels, such as (`env`, `prod`).
    pub labels: Vec<(String, String)>,
}

/// Everything about a session that a policy may look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Context {
    /// The session's id.
    pub session: String,
    /// Who acts.
    pub principal: Principal,
    /// Where.
    pub target: Target,
    /// The peer's address, `ip:port`.
    pub client_address: String,
}

/// Which parts of a [`Context`] a policy looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a set, each member by its name")]
pub struct ContextParts {
    /// The session's id.
    pub session: bool,
    /// Who acts.
    pub principal: bool,
    /// Where.
    pub target: bool,
    /// The peer's address.
    pub client_address: bool,
}

impl ContextParts {
    /// Every part.
    pub const ALL: Self =
        Self { session: true, principal: true, target: true, client_address: true };

    /// The names of these parts, as the contract has them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let Self { session, principal, target, client_address } = self;
        let all = [
            ("session", session),
            ("principal", principal),
            ("target", target),
            ("client-address", client_address),
        ];
        all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
    }

    /// The context with these parts alone; the others are empty.
    #[must_use]
    pub fn of(self, context: &Context) -> Context {
        let mut seen = context.clone();
        if !self.session {
            seen.session = String::new();
        }
        if !self.principal {
            seen.principal = Principal::default();
        }
        if !self.target {
            seen.target = Target::default();
        }
        if !self.client_address {
            seen.client_address = String::new();
        }
        seen
    }
}

/// One thing that a command would do, in one shape for every protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The verb: SQL `delete`, HTTP `POST`, MCP `call`.
    pub action: String,
    /// What it acts on: `public.users`, `/v1/keys`, `github.create_issue`.
    pub object: String,
    /// What it reads or writes inside the object: columns, keys, arguments.
    pub fields: Vec<String>,
    /// What the protocol knows besides: (`where`, `absent`).
    pub facts: Vec<(String, String)>,
}

impl Operation {
    /// Whether it has more values than its facts tell, so that any of them may be missing (the fact `values` is `cut`).
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.facts.iter().any(|(name, value)| name == "values" && value == "cut")
    }
}

/// A command, as policies judge it and as the record keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Command {
    /// Exactly what will run, as text where the protocol has text.
    pub text: String,
    /// What it would do.
    pub operations: Operations,
    /// False where the gateway could not account for everything the command may do.
    pub complete: bool,
}

/// Which parts of a [`Command`] a guard looks at. Whether it is complete every guard is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandParts {
    /// The text.
    pub text: bool,
    /// The operations.
    pub operations: bool,
}

impl CommandParts {
    /// Every part.
    pub const ALL: Self = Self { text: true, operations: true };

    /// The names of these parts, as the contract has them.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let Self { text, operations } = self;
        let all = [("text", text), ("operations", operations)];
        all.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
    }

    /// The command with these parts alone; the others are empty.
    #[must_use]
    pub fn of(self, command: &Arc<Command>) -> Arc<Command> {
        if self == Self::ALL {
            return Arc::clone(command);
        }
        let Self { text, operations } = self;
        Arc::new(Command {
            text: if text { command.text.clone() } else { String::new() },
            operations: if operations { command.operations.clone() } else { Operations::default() },
            complete: command.complete,
        })
    }
}
