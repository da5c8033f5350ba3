//! What can be done with what is known of servers' tools.

use clap::{Args, Subcommand};

/// What to do with what is known of servers' tools and instructions.
#[derive(Debug, Subcommand)]
pub enum PinsCommand {
    /// Lists the tools that servers were seen to have, and whether they are approved, new or changed.
    List {
        /// Only those of this connection.
        #[arg(long)]
        connection: Option<String>,
    },
    /// Shows one: what was approved, and what differs from that in what is offered.
    Show(PinName),
    /// Approves what is offered, as it was looked at.
    Approve {
        #[command(flatten)]
        name: PinName,
        /// The digest that `show` gives, all 64 letters of it.
        #[arg(long)]
        digest: String,
    },
    /// Forgets one, so that it is new when its server offers it next.
    Forget(PinName),
    /// Lists who approved and forgot what, and when.
    History {
        /// How many changes.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
}

/// A tool, or a server's instructions.
#[derive(Debug, Args)]
pub struct PinName {
    /// The connection of its server.
    pub connection: String,
    /// The tool; the server's instructions where left out.
    pub tool: Option<String>,
}
