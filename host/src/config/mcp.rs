//! What the file says of MCP servers: programs that the gateway starts, services, and several of them as one.

use std::path::PathBuf;

use palisade_mcp::{NewTools, Reverse};
use palisade_vault::Reference;
use serde::Deserialize;

/// What an MCP connection has besides what every connection has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpConnection {
    /// Where its servers are.
    pub place: McpPlace,
    /// What servers may ask of clients.
    pub allow: Reverse,
    /// What is believed of tools that were not seen before.
    pub new_tools: NewTools,
    /// Globs of the tools that are known to read only.
    pub reads: Vec<String>,
}

/// Where MCP servers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpPlace {
    /// A program, started for each session.
    Program {
        /// The program and its arguments.
        command: Vec<String>,
        /// All of its environment, but for `PATH` where it is not in it.
        environment: Vec<(String, Variable)>,
        /// Where it runs.
        folder: Option<PathBuf>,
    },
    /// A service, reached as one of HTTP is; this is the path of its endpoint.
    Service(String),
    /// Other connections of the protocol, by their names.
    Servers(Vec<String>),
}

/// A variable of a program's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// What it is.
    Text(String),
    /// Where it is, since it is secret.
    Secret(Reference),
    /// In the store, since it is secret.
    Kept,
}

/// A program that administrators by token may keep connections of, where it is exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCommand {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The variables that they may give it.
    #[serde(default)]
    pub env: Vec<String>,
}
