//! What can be typed.

mod pins;
mod plugins;
mod services;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use palisade_identity::Ttl;
use palisade_store::SessionId;

use crate::recorded::Place;

pub use self::pins::{PinName, PinsCommand};
pub use self::plugins::PluginsCommand;
pub use self::services::{ServiceArgs, ToolArgs};

/// A policy gateway: judges every command of every session, masks results, holds what needs a person, records it all.
#[derive(Debug, Parser)]
#[command(name = "palisade", version, about, disable_help_subcommand = true)]
pub struct Args {
    /// The gateway's configuration.
    #[arg(long, global = true, value_name = "FILE", default_value = "palisade.toml")]
    pub config: PathBuf,

    /// Who asks; without it, whoever can read the gateway's data folder acts as the operator.
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        env = "PALISADE_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,

    /// Prints a list of objects, each with an `id`, as JSON.
    #[arg(long, global = true)]
    pub json: bool,

    /// How much is logged: error, warn, info, debug, trace, or a filter as in RUST_LOG.
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log: Option<String>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the gateway.
    Serve {
        /// Takes up the configuration, the files that it names and plugins' files when they change.
        #[arg(long)]
        watch: bool,
    },
    /// Checks the configuration, the policy files and the plugins, and names every mistake.
    Check,
    /// Prints the certificate of the authority in whose name tunnels of the forward proxy are ended, for clients to trust.
    Ca {
        /// Prints its SHA-256 instead.
        #[arg(long)]
        fingerprint: bool,
    },
    /// Prints a short-lived token, which a client gives as its password.
    Token(TokenArgs),
    /// Makes tokens worthless before their time is over, and lists those that are.
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Lists the roles that reach a connection, and who has them.
    WhoCan {
        /// The connection's name.
        connection: String,
    },
    /// Says what a token may do on a connection, which role and rule give it that, and what is missing.
    Explain {
        /// The connection's name.
        #[arg(long)]
        connection: String,
    },
    /// Gets a token from an issuer, by a browser, and acts by it from then on.
    Login {
        /// The issuer's name; left out where there is but one with a `client_id`.
        #[arg(long)]
        issuer: Option<String>,
    },
    /// Forgets the token that `login` got.
    Logout,
    /// Lists and decides held commands.
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Lists, shows and replays sessions.
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Keeps, shows, tries and removes the systems behind the gateway.
    #[command(subcommand)]
    Connections(ConnectionsCommand),
    /// Lists, shows and approves what MCP servers say of their tools.
    #[command(subcommand)]
    Pins(PinsCommand),
    /// Makes and exchanges the master key that seals kept passwords.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Lists the plugins in use, and swaps them.
    #[command(subcommand)]
    Plugins(PluginsCommand),
    /// Tries policies on what was recorded. The exit status is 2 where they would have done something else.
    Backtest(BacktestArgs),
    /// Has the running gateway read its configuration anew, and the files that it names.
    Reload,
    /// Says whether the gateway runs.
    Status,
}

/// What is tried, and on what.
#[derive(Debug, clap::Args)]
pub struct BacktestArgs {
    /// A plugin's file, which takes the place of the policy of its name; where there is none, it comes after all others.
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
    /// The policy whose plugin is replaced; the name in the file where left out.
    #[arg(long, requires = "plugin")]
    pub name: Option<String>,
    /// A policy file instead of those in force; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub policy: Vec<PathBuf>,
    /// Only sessions that opened so long ago at most: 12h, 7d.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub since: Option<std::time::Duration>,
    /// Only sessions of the connections that this glob names.
    #[arg(long, value_name = "GLOB")]
    pub connection: Option<String>,
}

/// What a token says.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// Who the bearer is.
    #[arg(long, required_unless_present = "exchange")]
    pub subject: Option<String>,
    /// A role of the bearer; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// How long the token is good.
    #[arg(long, default_value = "15m")]
    pub ttl: Ttl,
    /// The human or service that the bearer acts for.
    #[arg(long, value_name = "WHO")]
    pub acting_for: Option<String>,
    /// A connection that the token is good for, and no other; may be given several times.
    #[arg(long = "connection", value_name = "NAME")]
    pub connections: Vec<String>,
    /// Gives the token in this file (- for the standard input) for one of the running gateway's, with no more rights and no
    /// longer life.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["subject", "acting_for", "ttl"])]
    pub exchange: Option<PathBuf>,
    /// The agent's own token, in a file: it then acts for the subject of the exchanged one.
    #[arg(long, value_name = "FILE", requires = "exchange")]
    pub actor: Option<PathBuf>,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Makes a token worthless, and those that were exchanged for it; their sessions end.
    Revoke {
        /// Its id.
        #[arg(required_unless_present = "subject", conflicts_with = "subject")]
        id: Option<String>,
        /// All tokens that somebody has now, and those by which others act for them.
        #[arg(long)]
        subject: Option<String>,
        /// Only the subject that this issuer vouches for; `palisade` is the gateway itself.
        #[arg(long, value_name = "URL", requires = "subject")]
        issuer: Option<String>,
    },
    /// Lists which tokens were given for which, to whom, with which roles and for which connections.
    Exchanges {
        /// How many of the newest.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
    /// Lists what is revoked, when, by whom, and until when it matters.
    #[command(visible_alias = "list")]
    Revocations {
        /// How many of the newest.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
}

/// What to do with held commands.
#[derive(Debug, Subcommand)]
pub enum ApprovalsCommand {
    /// Lists those that wait.
    List {
        /// Those that were decided, too.
        #[arg(long)]
        all: bool,
    },
    /// Shows one, with everything that a decision needs.
    Show {
        /// Its id.
        id: String,
    },
    /// Lets it run, once.
    Approve {
        /// Its id.
        id: String,
        /// Why, for the record.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Refuses it.
    Deny {
        /// Its id.
        id: String,
        /// Why, for the record and for whoever asked.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Lists the newest: those among 10,000, from the newest or `--before`.
    List {
        /// How many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
        /// Only those that opened before this one, or so long ago: 12h, 7d.
        #[arg(long, value_name = "ID | TIME", value_parser = opened_before)]
        before: Option<String>,
        /// Only sessions of the connections that this glob names.
        #[arg(long, value_name = "GLOB")]
        connection: Option<String>,
        /// Only sessions of this subject, and those in which another acts for it.
        #[arg(long, value_name = "NAME")]
        subject: Option<String>,
    },
    /// Shows one.
    Show {
        /// Its id.
        id: String,
    },
    /// Plays one again.
    Replay {
        /// Its id.
        id: String,
        /// By how much the pauses are divided; 0 leaves them out.
        #[arg(long, default_value_t = 1.0, value_parser = speed)]
        speed: f64,
    },
}

/// What to do with connections.
#[derive(Debug, Subcommand)]
pub enum ConnectionsCommand {
    /// Lists them, of the configuration file and of the store.
    List,
    /// Shows one.
    Show {
        /// Its name.
        name: String,
    },
    /// Keeps one in the store; it works at once for new sessions.
    Add(Box<AddArgs>),
    /// Dials it and logs in as the gateway does, and says what is wrong.
    Test {
        /// Its name.
        name: String,
    },
    /// Removes one from the store; its open sessions end.
    Remove {
        /// Its name.
        name: String,
    },
    /// Lists who added, replaced and removed which, and when.
    History {
        /// How many changes.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
}

/// A connection to be kept.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("secret").multiple(false)))]
pub struct AddArgs {
    /// The name by which a client picks it.
    pub name: String,
    /// How the system speaks.
    #[arg(long, default_value = "postgres")]
    pub protocol: String,
    /// Its host and port; of a service, its URL.
    #[arg(long, value_name = "HOST:PORT | URL")]
    pub address: Option<String>,
    /// The database to open there.
    #[arg(long)]
    pub database: Option<String>,
    /// The user to be there.
    #[arg(long)]
    pub username: Option<String>,
    /// Takes the password from the standard input, to be kept encrypted.
    #[arg(long, group = "secret")]
    pub password_stdin: bool,
    /// Takes the password from this variable, to be kept encrypted.
    #[arg(long, value_name = "VAR", group = "secret")]
    pub password_env: Option<String>,
    /// Takes the password from this file, to be kept encrypted.
    #[arg(long, value_name = "FILE", group = "secret")]
    pub password_file: Option<PathBuf>,
    /// The password is what this command prints, each time that a session opens; split at blanks, quotes as in a shell.
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub password_exec: Option<String>,
    /// The password is this field of a secret in the vault of [vault.server].
    #[arg(long, value_name = "PATH#FIELD", group = "secret")]
    pub password_vault: Option<String>,
    /// How long a password that is read from its place is kept in memory.
    #[arg(long, value_name = "SECONDS")]
    pub cache_seconds: Option<u64>,
    /// How the way to a database is protected: disable, prefer (the default), require, verify-full.
    #[arg(long)]
    pub tls: Option<String>,
    /// Who vouches for the server's certificate.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// A label, for roles and policies; may be given several times.
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// Puts it in the place of the one of its name in the store.
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub service: ServiceArgs,
    #[command(flatten)]
    pub tools: ToolArgs,
}

/// What to do with the vault.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Makes a new master key in a new file that its owner alone can read.
    Key {
        /// The new file.
        file: PathBuf,
    },
    /// Wraps the keys of all kept passwords by the master key that the configuration names now.
    Rotate {
        /// Where the old master key is: a file, or env:VAR.
        #[arg(long, value_name = "FILE")]
        old: String,
    },
}

/// The id of a session, or the first that one of that moment could have.
fn opened_before(text: &str) -> Result<String, String> {
    if text.parse::<SessionId>().is_ok() {
        return Ok(text.to_owned());
    }
    let ago = humantime::parse_duration(text)
        .map_err(|_| "neither a session's id nor a time such as 12h or 7d".to_owned())?;
    Ok(Place::ago(ago).session)
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if speed.is_finite() && speed >= 0.0 { Ok(speed) } else { Err("must be 0 or more".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn options_that_are_for_every_command_may_follow_it() {
        let line = ["palisade", "approvals", "list", "--json", "--config", "x.toml"];
        let args = Args::try_parse_from(line).unwrap();
        assert!(args.json);
        assert_eq!(args.config, PathBuf::from("x.toml"));
    }

    #[test]
    fn a_speed_is_zero_or_more() {
        assert_eq!(speed("0"), Ok(0.0));
        assert!(speed("-1").is_err());
        assert!(speed("NaN").is_err());
    }
}
