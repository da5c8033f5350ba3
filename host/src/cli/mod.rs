//! The command line: what can be typed, and what becomes of it.

mod approvals;
mod archive;
mod args;
mod asked;
mod author;
mod backtest;
mod ca;
mod check;
mod client;
mod connections;
mod login;
mod pins;
mod plugins;
mod sessions;
mod signing;
mod token;
mod tokens;
mod vault;
mod who_can;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use palisade_identity::SigningKey;
use palisade_policy::Mistake;
use palisade_store::StoreError;
use serde_json::Value;

use self::args::{Args, Command, VaultCommand};
use crate::config::Config;
use crate::serve::{NotServing, serve};
use crate::show::text::{visible, visible_lines};
use crate::show::{Screen, counted, pairs};

/// Why a command failed.
#[derive(Debug)]
enum Failure {
    /// The files are wrong.
    Mistakes(Vec<Mistake>),
    /// Something else is.
    Other(anyhow::Error),
    /// Something else is that takes several lines to say.
    Lines(String),
    /// Whoever read the output reads no more.
    Unread,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unread,
            _ => Self::Other(error.into()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

impl From<Vec<Mistake>> for Failure {
    fn from(mistakes: Vec<Mistake>) -> Self {
        Self::Mistakes(mistakes)
    }
}

/// Does what the command line asks for. The exit status is 0 where it was done, 1 where it failed, 2 where it was
/// not understood.
pub fn run() -> ExitCode {
    let args = Args::parse();
    let serves = matches!(args.command, Command::Serve { .. });
    crate::logging::start(args.log.as_deref(), if serves { "info" } else { "error" });
    match dispatch(args) {
        Ok(code) => code,
        Err(failure) => report(&failure),
    }
}

fn dispatch(args: Args) -> Result<ExitCode, Failure> {
    if let Command::Check = args.command {
        return check::check(&args.config, args.json);
    }
    let screen = Screen::new();
    if let Command::Logout = args.command {
        return login::logout(screen).map(|()| ExitCode::SUCCESS);
    }
    if let Command::Plugins(asked) = &args.command
        && let Some(done) = plugins::without_gateway(asked, args.json)
    {
        return done;
    }
    if let Command::Vault(VaultCommand::Key { file }) = &args.command {
        vault::key(file, args.json, screen)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::read(&args.config)?;
    // Who cannot act as the operator acts as who logged in.
    let args = match &args.token {
        None if SigningKey::load(&config.data_dir).is_err() => {
            Args { token: login::kept(), ..args }
        }
        _ => args,
    };
    match &args.command {
        Command::Check | Command::Logout => {}
        Command::Backtest(asked) => return backtest::backtest(config, asked, &args, screen),
        Command::Serve { watch } => serve(config, *watch).map_err(|not| match not {
            NotServing::Mistakes(mistakes) => Failure::Mistakes(mistakes),
            NotServing::Failed(error) => Failure::Other(error),
        })?,
        Command::Ca { fingerprint } => ca::ca(&config, *fingerprint, args.json, screen)?,
        Command::Token(asked) => token::token(&config, asked, args.json, screen)?,
        Command::Tokens(asked) => tokens::tokens(&config, asked, &args, screen)?,
        Command::WhoCan { connection } => {
            let token = args.token.as_deref();
            who_can::who_can(&config, token, connection, args.json, screen)?;
        }
        Command::Explain { connection } => {
            let token = args.token.as_deref();
            who_can::explain(config, token, connection, args.json, screen)?;
        }
        Command::Login { issuer } => login::login(&config, issuer.as_deref(), screen)?,
        Command::Reload => reload(&config, &args, screen)?,
        Command::Status => status(&config, &args, screen)?,
        Command::Approvals(asked) => approvals::approvals(&config, asked, &args, screen)?,
        Command::Sessions(asked) => sessions::sessions(&config, asked, &args, screen)?,
        Command::Connections(asked) => {
            return connections::connections(&config, asked, &args, screen);
        }
        Command::Pins(asked) => pins::pins(&config, asked, &args, screen)?,
        Command::Vault(VaultCommand::Key { .. }) => {}
        Command::Vault(VaultCommand::Rotate { old }) => {
            connections::rotate(&config, old, &args, screen)?;
        }
        Command::Plugins(asked) => plugins::plugins(&config, asked, &args, screen)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn status(config: &Config, args: &Args, mut screen: Screen) -> Result<(), Failure> {
    let status = client::Client::new(config, args.token.as_deref())?.get("/v1/status")?;
    if args.json {
        return Ok(screen.json(&[status])?);
    }
    let values: Vec<(String, String)> = status
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "id")
        .map(|(name, value)| (name.replace('_', " "), plain(value)))
        .collect();
    let shown: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    screen.line("the gateway is running")?;
    Ok(pairs(&mut screen, &shown)?)
}

fn reload(config: &Config, args: &Args, mut screen: Screen) -> Result<(), Failure> {
    let client = client::Client::new(config, args.token.as_deref())?;
    let reloaded = archive::list(client.post("/v1/reload")?)?;
    if args.json {
        return Ok(screen.json(&reloaded)?);
    }
    let Some(now) = reloaded.first() else {
        return Ok(screen.line("nothing changed")?);
    };
    let number = |key: &str| now[key].as_u64().unwrap_or_default();
    screen.line(&format!(
        "in force from the next command of every session on: {}, {}, {}, policies {}",
        counted(number("connections"), "connection"),
        counted(number("roles"), "role"),
        counted(number("issuers"), "issuer"),
        number("policies_version"),
    ))?;
    match number("sessions_ended") {
        0 => {}
        1 => screen.line("1 open session may no longer go on, and ends")?,
        ended => screen.line(&format!("{ended} open sessions may no longer go on, and end"))?,
    }
    let mut err = io::stderr();
    for warning in now["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        writeln!(err, "warning: {}", visible_lines(warning).join(";"))?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn report(failure: &Failure) -> ExitCode {
    let mut err = io::stderr();
    // If nobody reads this either, the exit status remains.
    let _ = match failure {
        Failure::Unread => return ExitCode::SUCCESS,
        Failure::Mistakes(mistakes) => {
            let texts =
                mistakes.iter().map(|mistake| visible_lines(&mistake.to_string()).join("\n"));
            texts.into_iter().try_for_each(|text| writeln!(err, "{text}"))
        }
        Failure::Lines(text) => writeln!(err, "error: {}", visible_lines(text).join("\n")),
        Failure::Other(error) => {
            let text = visible(&format!("{error:#}"));
            writeln!(err, "error: {text}")
        }
    };
    ExitCode::FAILURE
}
