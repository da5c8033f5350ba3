//! `palisade who-can` and `palisade explain`: who reaches a connection, and why; by the configuration, without a gateway.

use anyhow::{Context, anyhow};
use palisade_identity::{Access, Rule, SigningKey, Standing, Verifier};
use serde_json::{Value, json};

use super::Failure;
use crate::config::{Config, nearest};
use crate::show::{Screen, Table, pairs};
use crate::{clock, issuers};

/// Every role that reaches a connection, and who has it.
pub(super) fn who_can(
    config: &Config,
    connection: &str,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    check_connection(config, connection)?;
    let all = config.roles.who_can(connection);
    if json {
        let shown = all.iter().map(|reaching| {
            json!({
                "id": reaching.role,
                "role": reaching.role,
                "read_only": reaching.access.read_only,
                "session_seconds": reaching.access.session_seconds,
                "max_sessions": reaching.access.max_sessions,
                "given": reaching.rules.iter().map(rule_json).collect::<Vec<_>>(),
            })
        });
        return Ok(screen.json(&shown.collect::<Vec<_>>())?);
    }
    if all.is_empty() {
        return Ok(screen.line("nobody: no role reaches this connection")?);
    }
    let mut table = Table::new(&["ROLE", "MAY", "WHO HAS IT"]);
    for reaching in &all {
        table.row([
            reaching.role.as_str(),
            &may(&reaching.access),
            "tokens of the gateway with this role",
        ]);
        for (rule, number) in reaching.rules.iter().zip(1..) {
            table.row(["", "", &format!("by rule {number}: {}", rule_text(rule))]);
        }
    }
    Ok(table.show(&mut screen)?)
}

/// What a token may do on a connection, and which role and rule give it that.
pub(super) fn explain(
    config: &Config,
    token: Option<&str>,
    connection: &str,
    json: bool,
    screen: Screen,
) -> Result<(), Failure> {
    check_connection(config, connection)?;
    let token = token.ok_or_else(|| anyhow!("whose? give a token by --token or PALISADE_TOKEN"))?;
    let key = SigningKey::load(&config.data_dir).context("cannot verify the gateway's tokens")?;
    let verified =
        issuers::verifiers(config, &key, None)?.verify(token.trim(), clock::now_seconds());
    let identity = verified.map_err(|cause| anyhow!("the token is worth nothing: {cause}"))?;
    let access = config.roles.access(&identity, connection, None);
    let standings = config.roles.explain(&identity, connection);
    let within = identity
        .connections
        .as_ref()
        .is_none_or(|names| names.iter().any(|name| name == connection));
    let answer = json!({
        "id": connection,
        "connection": connection,
        "subject": identity.principal.subject,
        "issuer": identity.principal.issuer,
        "acting_for": identity.principal.acting_for,
        "reaches": access.is_some(),
        "read_only": access.as_ref().map(|access| access.read_only),
        "session_seconds": access.as_ref().and_then(|access| access.session_seconds),
        "max_sessions": access.as_ref().and_then(|access| access.max_sessions),
        "narrowed_away": !within,
        "roles": standings.iter().map(standing_json).collect::<Vec<_>>(),
    });
    show(&answer, access.as_ref(), &standings, json, screen)
}

fn show(
    answer: &Value,
    access: Option<&Access>,
    standings: &[Standing],
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    if json {
        return Ok(screen.json(std::slice::from_ref(answer))?);
    }
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let verdict = match access {
        Some(access) => may(access),
        None if answer.get("narrowed_away") == Some(&Value::Bool(true)) => {
            "nothing: the token is for other connections".to_owned()
        }
        None => "nothing: no role of the token reaches it".to_owned(),
    };
    let mut shown = vec![("subject", text("subject")), ("issuer", text("issuer"))];
    if !text("acting_for").is_empty() {
        shown.push(("acting for", text("acting_for")));
    }
    shown.extend([("connection", text("connection")), ("may", verdict.as_str())]);
    pairs(&mut screen, &shown)?;
    if standings.is_empty() {
        return Ok(());
    }
    screen.line("")?;
    let mut table = Table::new(&["ROLE", "HELD", "REACHES IT", "WHY"]);
    for standing in standings {
        let yes = |truth: bool| if truth { "yes" } else { "no" };
        let reaches = match (standing.reaches, standing.read_only) {
            (true, true) => "to read",
            (reaches, _) => yes(reaches),
        };
        table.row([standing.role.as_str(), yes(standing.held), reaches, &why(standing)]);
    }
    Ok(table.show(&mut screen)?)
}

fn why(standing: &Standing) -> String {
    match (standing.held, standing.rules.as_slice()) {
        (true, []) => "the token carries it".to_owned(),
        (true, rules) => {
            let rules: Vec<_> = rules.iter().map(usize::to_string).collect();
            format!("given by rule {}", rules.join(", "))
        }
        (false, _) => standing.missing.join(" | "),
    }
}

fn may(access: &Access) -> String {
    let mut may = if access.read_only { "only read" } else { "read and write" }.to_owned();
    if let Some(seconds) = access.session_seconds {
        may.push_str(&format!(", for {seconds} s at a time"));
    }
    if let Some(sessions) = access.max_sessions {
        may.push_str(&format!(", in {sessions} sessions at once"));
    }
    may
}

fn rule_text(rule: &Rule) -> String {
    let mut parts = vec![format!("of {}", rule.issuer)];
    for (what, globs) in [("subject", &rule.subjects), ("group", &rule.groups)] {
        if !globs.is_empty() {
            parts.push(format!("{what} {}", globs.join(" or ")));
        }
    }
    parts.extend(rule.claims.iter().map(|(path, glob)| format!("{path} = {glob}")));
    parts.join(", ")
}

fn rule_json(rule: &Rule) -> Value {
    json!({
        "issuer": rule.issuer,
        "subjects": rule.subjects,
        "groups": rule.groups,
        "claims": rule.claims,
    })
}

fn standing_json(standing: &Standing) -> Value {
    json!({
        "role": standing.role,
        "held": standing.held,
        "rules": standing.rules,
        "reaches": standing.reaches,
        "read_only": standing.read_only,
        "missing": standing.missing,
    })
}

fn check_connection(config: &Config, name: &str) -> anyhow::Result<()> {
    if config.connection(name).is_some() {
        return Ok(());
    }
    let names = config.connections.iter().map(|connection| connection.name.as_str());
    Err(match nearest(name, names) {
        Some(near) => anyhow!("no connection is called `{name}`, did you mean `{near}`?"),
        None => anyhow!("the configuration has no connection that is called `{name}`"),
    })
}
