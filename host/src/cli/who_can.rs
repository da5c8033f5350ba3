//! `palisade who-can` and `palisade explain`: who reaches a connection, and why; by the running gateway, or by its files
//! where none runs.

use std::io::Write;

use anyhow::{Context, anyhow};
use palisade_identity::SigningKey;
use palisade_store::Store;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Failure;
use super::archive::{list, open_store};
use super::client::{Client, NoAnswer};
use crate::config::Config;
use crate::reach::{Labels, Reach};
use crate::revocations::Revocations;
use crate::settings::Settings;
use crate::show::{Screen, Table, counted, pairs, short};
use crate::{connections, data_dir};

/// Every role that reaches a connection, and who has it.
pub(super) fn who_can(
    config: &Config,
    token: Option<&str>,
    connection: &str,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    let all = match Way::open(config, token)? {
        Way::Running(client) => {
            let question = json!({ "connection": connection }).to_string();
            list(client.send("/v1/who-can", question.as_bytes())?)?
        }
        Way::Files(files) => files.reach(config).who_can(connection).map_err(anyhow::Error::msg)?,
    };
    if json {
        return Ok(screen.json(&all)?);
    }
    if all.is_empty() {
        return Ok(screen.line("nobody: no role reaches this connection")?);
    }
    let mut table = Table::new(&["ROLE", "MAY", "WHO HAS IT"]);
    for reaching in &all {
        table.row([text(reaching, "role"), &may(reaching), "tokens of the gateway with this role"]);
        for (rule, number) in items(reaching, "given").zip(1..) {
            table.row(["", "", &format!("by rule {number}: {}", rule_text(rule))]);
        }
    }
    Ok(table.show(&mut screen)?)
}

/// What a token may do on a connection, and which role and rule give it that.
pub(super) fn explain(
    config: Config,
    token: Option<&str>,
    connection: &str,
    json: bool,
    screen: Screen,
) -> Result<(), Failure> {
    let token = token.ok_or_else(|| anyhow!("whose? give a token by --token or PALISADE_TOKEN"))?;
    // The operator asks about it; whoever is none asks with it, and must administer.
    let asks = SigningKey::load(&config.data_dir).is_err().then_some(token);
    let answer = match Way::open(&config, asks)? {
        Way::Running(client) => client.send("/v1/explain", &question(connection, token)?)?,
        Way::Files(files) => {
            let key = SigningKey::load(&config.data_dir);
            let key = key.context("cannot verify the gateway's tokens")?;
            let settings = Settings::new(config, &key, None)?;
            let told = (&*settings, files.revocations.as_ref());
            let answer = files.reach(&settings.config).explain_token(told, token, connection);
            answer.map_err(anyhow::Error::msg)?
        }
    };
    show(&answer, json, screen)
}

/// Who answers.
enum Way {
    Running(Client),
    Files(Box<Files>),
}

/// What is known where no gateway runs.
struct Files {
    labels: Labels,
    /// None where there is no store yet.
    revocations: Option<Revocations>,
}

impl Way {
    /// The gateway where one runs; else its files, which is said beside the answer.
    fn open(config: &Config, token: Option<&str>) -> Result<Self, Failure> {
        let client = Client::new(config, token);
        match client.and_then(|client| client.get("/v1/status").map(|_| client)) {
            Ok(client) => Ok(Self::Running(client)),
            Err(NoAnswer::NotRunning { .. } | NoAnswer::NeverStarted { .. }) => {
                Ok(Self::Files(Box::new(Files::open(config)?)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Files {
    fn open(config: &Config) -> Result<Self, Failure> {
        let there = data_dir::store(&config.data_dir).is_dir();
        let store: Option<Store> = there.then(|| open_store(config)).transpose()?;
        let by = match store {
            Some(_) => "its configuration file and its store",
            None => "its configuration file alone, as it has no store yet",
        };
        // Beside the answer, which is the same either way.
        let _ = writeln!(std::io::stderr(), "the gateway is not running; this goes by {by}");
        let revocations = store.as_ref().map(Revocations::new).transpose()?;
        Ok(Self { labels: connections::labels(config, store.as_ref())?, revocations })
    }

    fn reach<'a>(&'a self, config: &'a Config) -> Reach<'a> {
        Reach { roles: &config.roles, labels: &self.labels }
    }
}

/// The question, in one buffer that is wiped.
fn question(connection: &str, token: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let open = json!({ "connection": connection }).to_string();
    let open = open.strip_suffix('}').unwrap_or(&open);
    let mut whole = Zeroizing::new(Vec::with_capacity(open.len() + token.len() * 6 + 32));
    whole.extend_from_slice(open.as_bytes());
    whole.extend_from_slice(b",\"token\":");
    serde_json::to_writer(&mut *whole, token)?;
    whole.push(b'}');
    Ok(whole)
}

fn show(answer: &Value, json: bool, mut screen: Screen) -> Result<(), Failure> {
    if json {
        return Ok(screen.json(std::slice::from_ref(answer))?);
    }
    let verdict = match answer {
        _ if answer["reaches"] == true => may(answer),
        _ if answer["revoked"].is_object() => "nothing: the token was revoked".to_owned(),
        _ if answer["narrowed_away"] == true => {
            "nothing: the token is for other connections".to_owned()
        }
        _ => "nothing: no role of the token reaches it".to_owned(),
    };
    pairs(
        &mut screen,
        &[
            ("subject", text(answer, "subject")),
            ("issuer", text(answer, "issuer")),
            ("acting for", text(answer, "acting_for")),
            ("token", text(answer, "token")),
            ("connection", text(answer, "connection")),
            ("may", &verdict),
            ("revoked", &revoked(answer)),
        ],
    )?;
    let mut standings = items(answer, "roles").peekable();
    if standings.peek().is_none() {
        return Ok(());
    }
    screen.line("")?;
    let mut table = Table::new(&["ROLE", "HELD", "REACHES IT", "WHY"]);
    for standing in standings {
        let yes = |truth: bool| if truth { "yes" } else { "no" };
        let reaches = match (standing["reaches"] == true, standing["read_only"] == true) {
            (true, true) => "to read",
            (reaches, _) => yes(reaches),
        };
        let held = yes(standing["held"] == true);
        table.row([text(standing, "role"), held, reaches, &why(standing)]);
    }
    Ok(table.show(&mut screen)?)
}

/// When a token was revoked, by whom, and with what; nothing where it was not.
fn revoked(answer: &Value) -> String {
    let revocation = &answer["revoked"];
    if !revocation.is_object() {
        return String::new();
    }
    let what = match (text(revocation, "token"), text(revocation, "issuer")) {
        ("", "") => format!(", with all tokens of {}", text(revocation, "subject")),
        ("", issuer) => {
            format!(", with all tokens of {} (of {issuer})", text(revocation, "subject"))
        }
        (token, _) if token == text(answer, "token") => String::new(),
        (token, _) => format!(", with the token {token}, which it was exchanged for"),
    };
    format!("{} by {}{what}", short(text(revocation, "at")), text(revocation, "by"))
}

fn why(standing: &Value) -> String {
    let listed = |key: &str, between: &str| {
        let parts: Vec<String> = items(standing, key).map(super::plain).collect();
        parts.join(between)
    };
    match (standing["held"] == true, listed("rules", ", ").as_str()) {
        (true, "") => "the token carries it".to_owned(),
        (true, rules) => format!("given by rule {rules}"),
        (false, _) => listed("missing", " | "),
    }
}

fn may(access: &Value) -> String {
    let reads = access["read_only"] == true;
    let mut may = if reads { "only read" } else { "read and write" }.to_owned();
    if let Some(seconds) = access["session_seconds"].as_u64() {
        may.push_str(&format!(", for {seconds} s at a time"));
    }
    if let Some(sessions) = access["max_sessions"].as_u64() {
        may.push_str(&format!(", in {} at once", counted(sessions, "session")));
    }
    may
}

fn rule_text(rule: &Value) -> String {
    let mut parts = vec![format!("of {}", text(rule, "issuer"))];
    for (what, key) in [("subject", "subjects"), ("group", "groups")] {
        let globs: Vec<String> = items(rule, key).map(super::plain).collect();
        if !globs.is_empty() {
            parts.push(format!("{what} {}", globs.join(" or ")));
        }
    }
    let claims = rule["claims"].as_object().into_iter().flatten();
    parts.extend(claims.map(|(path, glob)| format!("{path} = {}", super::plain(glob))));
    parts.join(", ")
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}
