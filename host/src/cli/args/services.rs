//! What is said of services and of servers of tools that are to be kept.

use std::path::PathBuf;

use clap::Args;

/// What an HTTP service has besides.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "HTTP services")]
pub struct ServiceArgs {
    /// How the gateway lets itself in: bearer, basic, header=NAME, query=NAME, cookie=NAME, aws=REGION/SERVICE,
    /// oauth=TOKEN_URL.
    #[arg(long, value_name = "HOW")]
    pub login: Option<String>,
    /// What stands before the secret in the header of --login header=NAME.
    #[arg(long, value_name = "TEXT", requires = "login")]
    pub login_prefix: Option<String>,
    /// The scopes to ask for, of --login oauth=TOKEN_URL.
    #[arg(long, requires = "login")]
    pub scope: Option<String>,
    /// The audience to ask for, of --login oauth=TOKEN_URL.
    #[arg(long, requires = "login")]
    pub audience: Option<String>,
    /// The certificate that the gateway shows, as PEM; it is kept, and its key encrypted.
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    pub certificate: Option<PathBuf>,
    /// That certificate's private key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub certificate_key: Option<PathBuf>,
    /// A template of the service's paths, such as /users/{id}; may be given several times.
    #[arg(long = "path", value_name = "TEMPLATE")]
    pub paths: Vec<String>,
    /// Lets clients open WebSockets.
    #[arg(long)]
    pub websocket: bool,
    /// What a gRPC service's messages are, as `protoc --include_imports --descriptor_set_out=FILE` writes it; it is kept.
    #[arg(long, value_name = "FILE")]
    pub descriptors: Option<PathBuf>,
}

/// What servers of tools have besides.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "MCP servers")]
pub struct ToolArgs {
    /// The program that the gateway starts, with its arguments; split at blanks, quotes as in a shell.
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// A variable of its environment that is not secret; may be given several times.
    #[arg(long = "env", value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// A variable that is secret: taken from this variable or file and kept encrypted, or read for each session anew
    /// (exec:COMMAND, vault:PATH#FIELD).
    #[arg(long = "secret", value_name = "NAME=env:VAR | file:FILE | exec:… | vault:…")]
    pub secrets: Vec<String>,
    /// Where it runs.
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
    /// A connection that is offered as a part of this one; may be given several times.
    #[arg(long = "server", value_name = "NAME")]
    pub servers: Vec<String>,
    /// What servers may ask of clients: sampling, elicitation, roots; may be given several times.
    #[arg(long = "allow", value_name = "WHAT")]
    pub allow: Vec<String>,
    /// What is believed of tools that were not seen before: trust, hold.
    #[arg(long, value_name = "WHAT")]
    pub new_tools: Option<String>,
    /// A glob of the tools that are known to read only; may be given several times.
    #[arg(long = "reads", value_name = "GLOB")]
    pub reads: Vec<String>,
}
