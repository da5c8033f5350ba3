//! `palisade connections`: by the running gateway, or by its store where none runs.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use palisade_identity::{Credential, OPERATOR, SecretString};
use palisade_postgres::Trusted;
use palisade_store::Store;
use palisade_vault::{Place, Reference};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::Failure;
use super::archive::{list, open_store};
use super::args::{AddArgs, Args, ConnectionsCommand};
use super::client::{Client, NoAnswer};
use crate::config::Config;
use crate::connections::{Author, Connections, NewConnection, Rotation};
use crate::show::text::visible;
use crate::show::{Screen, Table, Tone, pairs, short};

/// The largest password, in bytes.
const LARGEST: u64 = 32 * 1024;

/// Who answers.
enum Way {
    Running(Client),
    Stored(Box<Connections>),
}

pub(super) fn connections(
    config: &Config,
    command: &ConnectionsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<ExitCode, Failure> {
    let way = Way::open(config, args.token.as_deref())?;
    let values = match command {
        ConnectionsCommand::List => way.list()?,
        ConnectionsCommand::Show { name } => vec![find(way.list()?, name)?],
        ConnectionsCommand::Add(asked) => vec![way.add(&body(asked)?)?],
        ConnectionsCommand::Remove { name } => vec![way.remove(name)?],
        ConnectionsCommand::Test { name } => vec![way.test(name, config)?],
        ConnectionsCommand::History { limit } => way.history(*limit)?,
    };
    let fails = values.iter().any(|value| value["ok"] == false);
    let code = if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if args.json {
        screen.json(&values)?;
        return Ok(code);
    }
    show(command, &values, &mut screen)?;
    Ok(code)
}

/// Exchanges the master key. What is sent says where the keys are, and holds none.
pub(super) fn rotate(
    config: &Config,
    old: &str,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let missing = || anyhow!("name the new key in the configuration: [vault] master_key = {{ … }}");
    let new = config.vault.master_key.clone().ok_or_else(missing)?;
    let old = match old.strip_prefix("env:") {
        Some(name) => Credential::Env(name.to_owned()),
        None => Credential::File(std::path::absolute(old)?),
    };
    let rotation = Rotation { new, old: Reference::to(Place::Local(old)) };
    let done = match Way::open(config, args.token.as_deref())? {
        Way::Running(client) => {
            let body = json!({ "new": rotation.new, "old": rotation.old }).to_string();
            client.send("/v1/vault/rotate", body.as_bytes())?
        }
        Way::Stored(connections) => connections.rotate(&rotation, operator()).map_err(told)?,
    };
    if args.json {
        return Ok(screen.json(&[done])?);
    }
    let part = |key: &str| done.get(key).map_or_else(String::new, |it| visible(&super::plain(it)));
    let (secrets, from, to) = (part("secrets"), part("from"), part("id"));
    Ok(screen.line(&format!("{secrets} kept passwords went from the master key {from} to {to}"))?)
}

impl Way {
    fn open(config: &Config, token: Option<&str>) -> Result<Self, Failure> {
        let client = Client::new(config, token);
        match client.and_then(|client| client.get("/v1/status").map(|_| client)) {
            Ok(client) => Ok(Self::Running(client)),
            Err(NoAnswer::NotRunning { .. }) if token.is_none() => {
                let store: Store = open_store(config)?;
                let trusted = Trusted::new(std::iter::empty::<String>());
                Ok(Self::Stored(Box::new(Connections::open(config, &store, trusted)?)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn list(&self) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => list(client.get("/v1/connections")?),
            Self::Stored(connections) => Ok(connections.list()),
        }
    }

    fn history(&self, limit: u64) -> Result<Vec<Value>, Failure> {
        match self {
            Self::Running(client) => {
                list(client.get(&format!("/v1/changes/connections?limit={limit}"))?)
            }
            Self::Stored(connections) => {
                Ok(connections.history(usize::try_from(limit).unwrap_or(usize::MAX))?)
            }
        }
    }

    fn add(&self, body: &[u8]) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => Ok(client.send("/v1/connections", body)?),
            Self::Stored(connections) => {
                // The error's own text may quote the body.
                let new: NewConnection =
                    serde_json::from_slice(body).map_err(|_| anyhow!("this is no connection"))?;
                Ok(connections.add(new, operator()).map_err(told)?)
            }
        }
    }

    fn remove(&self, name: &str) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => {
                Ok(client.post(&format!("/v1/connections/{}/remove", part(name)?))?)
            }
            Self::Stored(connections) => Ok(connections.remove(name, operator()).map_err(told)?),
        }
    }

    fn test(&self, name: &str, config: &Config) -> Result<Value, Failure> {
        match self {
            Self::Running(client) => {
                Ok(client.post(&format!("/v1/connections/{}/test", part(name)?))?)
            }
            Self::Stored(connections) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                let tried = runtime.block_on(connections.test(name, config.limits.dial));
                Ok(tried.map_err(told)?)
            }
        }
    }
}

fn operator() -> Author<'static> {
    Author { name: OPERATOR, operator: true }
}

fn told(problem: palisade_admin::Problem) -> anyhow::Error {
    anyhow!(problem.detail)
}

/// A name as a part of a path.
fn part(name: &str) -> anyhow::Result<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || !name.bytes().all(fits) {
        bail!(
            "there is no connection `{name}` that can be named here: letters, digits, -, _ and ."
        );
    }
    Ok(name)
}

fn find(values: Vec<Value>, name: &str) -> anyhow::Result<Value> {
    let found = values.into_iter().find(|value| value["name"] == name);
    found.ok_or_else(|| anyhow!("there is no connection `{name}`"))
}

/// The request, in one buffer that is wiped.
fn body(asked: &AddArgs) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let secret = given(asked)?;
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("name", json!(asked.name));
    put("protocol", json!(asked.protocol));
    put("address", json!(asked.address));
    put("database", json!(asked.database));
    put("username", json!(asked.username));
    put("tls", json!(asked.tls));
    put("replace", json!(asked.replace));
    if let Some(file) = &asked.tls_ca {
        put("tls_ca", json!(std::path::absolute(file)?));
    }
    let mut labels = Map::new();
    for label in &asked.labels {
        let (key, value) = label
            .split_once('=')
            .ok_or_else(|| anyhow!("`{label}` is no label: write --label key=value"))?;
        labels.insert(key.to_owned(), json!(value));
    }
    put("labels", labels.into());
    if let Some(mut reference) = reference(asked)? {
        if let Some(seconds) = asked.cache_seconds {
            reference.insert("cache_seconds".to_owned(), json!(seconds));
        }
        put("password_from", reference.into());
    }
    let open = serde_json::to_string(&body).map_err(anyhow::Error::new)?;
    let room = open.len() + secret.as_ref().map_or(0, |secret| secret.expose().len() * 6) + 32;
    let mut whole = Zeroizing::new(Vec::with_capacity(room));
    whole.extend_from_slice(open.strip_suffix('}').unwrap_or(&open).as_bytes());
    if let Some(secret) = secret {
        whole.extend_from_slice(b",\"password\":");
        serde_json::to_writer(&mut *whole, secret.expose()).map_err(anyhow::Error::new)?;
    }
    whole.push(b'}');
    Ok(whole)
}

/// The password, where it is given.
fn given(asked: &AddArgs) -> anyhow::Result<Option<SecretString>> {
    if asked.password_stdin {
        let mut text = Zeroizing::new(String::with_capacity(LARGEST as usize + 2));
        let read = std::io::stdin().take(LARGEST + 1).read_to_string(&mut text);
        let size = read.map_err(|_| anyhow!("the password on the standard input is no text"))?;
        if size as u64 > LARGEST {
            bail!("the password on the standard input is larger than 32 KiB");
        }
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        return Ok(Some(SecretString::new(std::mem::take(&mut *text))));
    }
    let place = match (&asked.password_env, &asked.password_file) {
        (Some(name), _) => Credential::Env(name.clone()),
        (_, Some(file)) => Credential::File(file.clone()),
        _ => return Ok(None),
    };
    Ok(Some(place.read().context("cannot read the password")?))
}

/// Where the password is, where that is given.
fn reference(asked: &AddArgs) -> anyhow::Result<Option<Map<String, Value>>> {
    let (key, value) = match (&asked.password_exec, &asked.password_vault) {
        (Some(command), _) => ("exec", json!(words(command)?)),
        (_, Some(place)) => {
            let (path, field) = place.split_once('#').unwrap_or((place, "password"));
            ("vault", json!({ "path": path, "field": field }))
        }
        _ => return Ok(None),
    };
    Ok(Some(Map::from_iter([(key.to_owned(), value)])))
}

/// A command's words: split at blanks; quotes keep them, and a backslash keeps the character that follows.
fn words(command: &str) -> anyhow::Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (vec![], None::<String>, None);
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(letters.next()),
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    if quote.is_some() || words.is_empty() {
        bail!("the command of --password-exec is empty, or a quote in it has no end");
    }
    Ok(words)
}

fn show(
    command: &ConnectionsCommand,
    values: &[Value],
    screen: &mut Screen,
) -> std::io::Result<()> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    match (command, values) {
        (ConnectionsCommand::List, _) => {
            let keys = ["name", "protocol", "address", "database", "username", "tls", "origin"];
            let mut table = Table::new(&[
                "NAME", "PROTOCOL", "ADDRESS", "DATABASE", "USERNAME", "TLS", "ORIGIN", "PASSWORD",
            ]);
            for value in values {
                let cells: Vec<_> =
                    keys.iter().chain([&"password"]).map(|key| text(value, key)).collect();
                table.row(cells.iter().map(String::as_str));
            }
            table.show(screen)
        }
        (ConnectionsCommand::Test { name }, [value]) => {
            let line = match value["problem"].as_str() {
                None => {
                    screen.tone(Tone::Good, &format!("{}: the gateway is let in", visible(name)))
                }
                Some(why) => {
                    screen.tone(Tone::Bad, &format!("{}: {}", visible(name), visible(why)))
                }
            };
            screen.line(&line)
        }
        (ConnectionsCommand::History { .. }, _) => {
            let mut table = Table::new(&["WHEN", "CHANGE", "CONNECTION", "BY"]);
            for value in values {
                let at = short(&text(value, "at"));
                let cells = ["change", "connection", "by"].map(|key| text(value, key));
                table.row([at.as_str()].into_iter().chain(cells.iter().map(String::as_str)));
            }
            table.show(screen)
        }
        (ConnectionsCommand::Remove { name }, _) => {
            screen.line(&format!("removed {}; its open sessions end", visible(name)))
        }
        (_, values) => {
            for value in values {
                details(value, screen)?;
            }
            Ok(())
        }
    }
}

fn details(value: &Value, screen: &mut Screen) -> std::io::Result<()> {
    let labels = value["labels"].as_object().into_iter().flatten();
    let labels: Vec<_> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let labels = labels.join(", ");
    let text = |key: &'static str| (key, value[key].as_str().unwrap_or_default());
    let keys = ["name", "protocol", "address", "database", "username", "password", "tls", "tls_ca"];
    let mut shown: Vec<_> = keys.into_iter().map(text).collect();
    shown.push(("labels", &labels));
    shown.extend(["origin", "added_at", "added_by"].into_iter().map(text));
    pairs(screen, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_would_without_one() {
        let split = |text: &str| words(text).unwrap();
        assert_eq!(split("pass show  db/orders"), ["pass", "show", "db/orders"]);
        assert_eq!(
            split(r#"sh -c 'echo "$PW"' a\ b """#),
            ["sh", "-c", r#"echo "$PW""#, "a b", ""]
        );
        assert!(words("echo 'x").is_err());
        assert!(words("  ").is_err());
    }
}
