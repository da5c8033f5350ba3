//! The traits that a plugin implements: [`Plugin`] always, and those hooks that it has.

use crate::{
    Batch, Command, CommandParts, Context, ContextParts, Decision, Hold, Plan, Shape, Verdict,
};

/// A plugin's configuration, which is the plugin itself: the hooks are methods of what was configured.
///
/// `#[config]` derives what this asks for.
/// The name, version and description that an operator sees are the crate's own, from its `Cargo.toml`.
pub trait Plugin: serde::de::DeserializeOwned + schemars::JsonSchema + 'static {
    /// What of the context the hooks look at: the rest of it is empty when they are called. A plugin that looks at less is asked
    /// less often, since an answer is remembered for every session of a principal's in which these parts are equal.
    ///
    /// A rule on a part that is not named here never bites. `palisade plugins test` fails a case in which one would have.
    ///
    /// ```
    /// # use plugin_sdk::prelude::*;
    /// /// Looks at commands alone, whoever sends them.
    /// #[config]
    /// struct NoDrop {}
    ///
    /// impl Plugin for NoDrop {
    ///     const LOOKS_AT: ContextParts = ContextParts::empty();
    /// }
    /// # fn main() {}
    /// ```
    const LOOKS_AT: ContextParts = ContextParts::all();

    /// Refuses a configuration that has the right form but makes no sense.
    ///
    /// # Errors
    /// What is wrong, and with which key, for the operator to read.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Decides on commands: lets them through, blocks, holds for approval, or rewrites them.
pub trait Guard: Plugin {
    /// What of a command it looks at: the rest of it is empty. A guard that judges by operations alone is asked once about a
    /// statement, whatever values are written into its text. A rule on the other part never bites; `palisade plugins test`
    /// fails a case in which one would have.
    ///
    /// ```
    /// # use plugin_sdk::prelude::*;
    /// # #[config]
    /// # struct NoDrop {}
    /// # impl Plugin for NoDrop {}
    /// impl Guard for NoDrop {
    ///     const JUDGES_BY: CommandParts = CommandParts::OPERATIONS;
    ///
    ///     fn judge(&self, _context: &Context, command: &Command) -> Verdict {
    ///         match command.operations.iter().any(|operation| operation.action == "drop") {
    ///             true => Verdict::deny("no-drop", "nothing is dropped here"),
    ///             false => Verdict::Allow,
    ///         }
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    const JUDGES_BY: CommandParts = CommandParts::all();

    /// Judges one command before it runs.
    fn judge(&self, context: &Context, command: &Command) -> Verdict;
}

/// Decides what of a result the client may see.
pub trait Mask: Plugin {
    /// Says what to do with a result of this shape; asked once per result, carried out by the gateway on every row.
    fn plan(&self, context: &Context, shape: &Shape) -> Plan;

    /// Looks at one value that the plan marked [`Action::Inspect`](crate::Action::Inspect).
    /// `None` leaves it as it is.
    fn inspect(&self, context: &Context, value: &[u8]) -> Option<Vec<u8>> {
        let _ = (context, value);
        None
    }

    /// Looks at all such values of a piece of the result at once; as many must come back. By default each goes through
    /// [`inspect`](Self::inspect).
    fn inspect_all(&self, context: &Context, values: &Batch) -> Batch {
        values.map(|value| self.inspect(context, value))
    }
}

/// Looks at held commands, and may decide them without a person.
pub trait Reviewer: Plugin {
    /// Reviews one held command.
    fn review(&self, context: &Context, command: &Command, hold: &Hold) -> Decision;
}
