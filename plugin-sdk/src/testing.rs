//! Contexts, commands and results to try a plugin on, natively: `cargo test` needs no gateway and no Wasm.
//!
//! ```
//! # use plugin_sdk::prelude::*;
//! # #[config] struct NoDrop {}
//! # impl Plugin for NoDrop {}
//! # impl Guard for NoDrop {
//! #     fn judge(&self, _: &Context, command: &Command) -> Verdict { Verdict::deny("no-drop", "no") }
//! # }
//! use plugin_sdk::testing::{command, configure, context, operation};
//!
//! let plugin: NoDrop = configure("{}")?;
//! let drop = command("DROP TABLE users", [operation("drop", "public.users")]);
//! assert_ne!(plugin.judge(&context(), &drop), Verdict::Allow);
//! # Ok::<(), String>(())
//! ```

use crate::{Command, Context, Field, Operation, Plugin, Principal, Target};

/// The plugin, configured as the gateway would: JSON, read and validated.
///
/// # Errors
/// What the operator would read.
pub fn configure<T: Plugin>(json: &str) -> Result<T, String> {
    crate::configure(json)
}

/// The configuration's JSON Schema, as the gateway reads it.
#[must_use]
pub fn schema<T: Plugin>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}

/// An agent on a connection to PostgreSQL.
#[must_use]
pub fn context() -> Context {
    Context {
        session: "session-1".to_owned(),
        principal: Principal {
            subject: "agent".to_owned(),
            issuer: "palisade".to_owned(),
            roles: vec!["agent".to_owned()],
            acting_for: None,
        },
        target: Target {
            connection: "orders".to_owned(),
            protocol: "postgres".to_owned(),
            labels: Vec::new(),
        },
        client_address: "127.0.0.1:50000".to_owned(),
    }
}

/// A command that the gateway fully accounts for.
#[must_use]
pub fn command(text: &str, operations: impl IntoIterator<Item = Operation>) -> Command {
    Command { text: text.to_owned(), operations: operations.into_iter().collect(), complete: true }
}

/// A command that the gateway could not account for, for this reason.
#[must_use]
pub fn incomplete(text: &str, reason: &str) -> Command {
    Command {
        text: text.to_owned(),
        operations: vec![operation("unaccounted", reason)],
        complete: false,
    }
}

/// An operation without fields and facts.
#[must_use]
pub fn operation(action: &str, object: &str) -> Operation {
    Operation {
        action: action.to_owned(),
        object: object.to_owned(),
        fields: Vec::new(),
        facts: Vec::new(),
    }
}

/// A text field of a result that comes from these sources.
#[must_use]
pub fn field<'a>(name: &str, sources: impl IntoIterator<Item = &'a str>) -> Field {
    Field {
        name: name.to_owned(),
        sources: sources.into_iter().map(str::to_owned).collect(),
        type_name: "text".to_owned(),
    }
}

impl Operation {
    /// The operation with one more fact.
    #[must_use]
    pub fn with_fact(mut self, name: &str, value: &str) -> Self {
        self.facts.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The operation with these fields.
    #[must_use]
    pub fn with_fields<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.fields = fields.into_iter().map(str::to_owned).collect();
        self
    }
}
