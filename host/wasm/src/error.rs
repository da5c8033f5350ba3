//! Why a plugin, or the host itself, could not be loaded. A call's failures are `palisade_policy::PolicyFailure`.

use palisade_policy::{Grant, PolicyFailure};

use crate::contract::VERSIONS;

/// Why the plugin host could not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The engine refused its settings, or could not reserve its address space.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// The folder for compiled code cannot be used.
    #[error("cannot use the folder for compiled plugins: {0}")]
    Cache(std::io::Error),
    /// The thread that measures the plugins' time could not be started.
    #[error("cannot start the thread that keeps the plugins' time: {0}")]
    Ticker(std::io::Error),
}

/// Why a plugin was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is larger than a plugin may be.
    #[error("the file has {size} bytes, a plugin may have {limit}")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The largest allowed size in bytes.
        limit: usize,
    },
    /// The file is no WebAssembly binary.
    #[error("the file is no WebAssembly component and no core module")]
    NotWasm,
    /// It is a core module from which no component can be made.
    #[error("the file is a core module from which no component can be made: {0}")]
    NotComponent(String),
    /// It is not valid, or uses what the engine does not allow.
    #[error("the component does not compile: {0}")]
    Compile(String),
    /// It imports what nobody can grant.
    #[error(
        "the plugin imports what no policy file can grant: {}; what can be granted are {}, and of WASI 0.2 io, cli, clocks, \
         random, filesystem and sockets are met, with nothing in them",
        .0.join(", "),
        Grant::ALL.map(Grant::name).join(", ")
    )]
    Imports(Vec<String>),
    /// It is made for a version of the contract that this gateway does not know.
    #[error(
        "the plugin is made for palisade:policy@{version}, this gateway knows {known}; build it with the gateway's own wit/policy.wit",
        known = VERSIONS.join(", ")
    )]
    Version {
        /// The version that it is made for.
        version: String,
    },
    /// It asks for what the policy file does not grant it.
    #[error(
        "the plugin asks for what it is not granted ({}); if it shall have it, add the line `grants = [{}]`",
        .0.iter().map(|grant| grant.name()).collect::<Vec<_>>().join(", "),
        .0.iter().map(|grant| grant.line()).collect::<Vec<_>>().join(", ")
    )]
    Grants(Vec<Grant>),
    /// It does not say what it is.
    #[error("the component does not export `{0}`, which every plugin must")]
    NoPlugin(&'static str),
    /// There is nothing to call.
    #[error("the component exports no hook: none of {0}")]
    NoHook(String),
    /// An export has the name of the contract, but not its types.
    #[error("an export does not have the types of the contract: {0}")]
    Contract(String),
    /// It failed while it was tried out.
    #[error("the plugin could not be started: {0}")]
    Start(PolicyFailure),
    /// Its limit is above what the host has room for.
    #[error("the memory limit of {asked} bytes is above the host's own, {most} bytes")]
    Limit {
        /// The wanted limit in bytes.
        asked: usize,
        /// The host's in bytes.
        most: usize,
    },
    /// It refused its configuration, for this reason.
    #[error("the plugin refuses its configuration: {0}")]
    Configuration(String),
}
