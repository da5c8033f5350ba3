//! What may be kept, and by whom.

use palisade_admin::Problem;
use palisade_vault::{Place, Reference};
use serde_json::Value;
use wildmatch::WildMatch;

use super::stored::StoredConnection;
use super::{Author, Known, NewConnection};
use crate::config::{Config, Connection, KeptCommand, McpPlace, Variable};

/// What the file lets administrators by token keep connections with, that they could not see or run themselves.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Programs.
    commands: Vec<KeptCommand>,
    /// Paths of secrets in the vault that all share.
    paths: Vec<WildMatch>,
}

impl Allowed {
    /// What a configuration allows.
    pub fn by(config: &Config) -> Self {
        let paths = config.kept_paths.iter().map(|glob| WildMatch::new(glob)).collect();
        Self { commands: config.kept_commands.clone(), paths }
    }
}

/// What is wrong with a connection that is to be kept, as far as it can be told before anything that it names is looked at.
pub(super) fn check(
    new: &NewConnection,
    author: Author<'_>,
    allowed: &Allowed,
) -> Result<(), Problem> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if new.name.is_empty() || new.name.len() > 64 || !new.name.bytes().all(fits) {
        let what = "a connection's name in the store is 1 to 64 letters, digits, -, _ and .";
        return Err(Problem::refused(what));
    }
    let secrets = new.password.iter().chain(new.secrets.values());
    for text in secrets.map(|secret| secret.0.expose()) {
        if text.is_empty() || text.contains('\0') {
            return Err(Problem::refused("a secret is empty, or holds a zero byte"));
        }
    }
    if author.operator { Ok(()) } else { check_names(new, allowed) }
}

/// What of the gateway's machine is named. What is said of it when it is looked at would tell of the machine's files and
/// variables, and some files keep whoever opens them.
fn check_names(new: &NewConnection, allowed: &Allowed) -> Result<(), Problem> {
    let files = ["certificate", "descriptors", "tls_ca"];
    if files.iter().any(|key| new.form.contains_key(*key)) {
        return Err(Problem::forbidden(
            "only the operator, who can read the gateway's data folder, may name certificates, authorities (`tls_ca`) \
             and descriptors of the gateway's machine; give the certificate itself (`client_certificate`), \
             and the descriptors (`descriptor_set`)",
        ));
    }
    let variables = new.form.get("env").and_then(Value::as_object).into_iter().flatten();
    let variables = variables.map(|(_, variable)| variable).filter(|it| !it.is_string());
    for reference in new.form.get("password").into_iter().chain(variables) {
        check_reference(&reference_of(reference)?, allowed)?;
    }
    Ok(())
}

/// A reference to a secret, as it is written. The error's own text may quote what was written.
pub(super) fn reference_of(written: &Value) -> Result<Reference, Problem> {
    serde_json::from_value(written.clone()).map_err(|_| {
        Problem::refused("`password_from`, or a variable, must be one of env, file, exec and vault")
    })
}

/// A certificate is for services that are reached by TLS.
pub(super) fn check_certificate(
    stored: &StoredConnection,
    connection: &Connection,
) -> Result<(), Problem> {
    let by_tls = connection.http.as_ref().is_some_and(|http| http.tls);
    if stored.certificate.is_some() && !by_tls {
        let what = "`client_certificate` is for services whose address begins with https://";
        return Err(Problem::refused(what));
    }
    Ok(())
}

/// What reads the gateway's own machine, or runs there, is for those who can do that already: an administrator elsewhere
/// could have it sent to a server of their own.
pub(super) fn check_place(
    connection: &Connection,
    author: Author<'_>,
    allowed: &Allowed,
) -> Result<(), Problem> {
    if author.operator {
        return Ok(());
    }
    references(connection).try_for_each(|reference| check_reference(reference, allowed))?;
    check_program(connection, allowed)
}

/// The secrets that a connection refers to.
fn references(connection: &Connection) -> impl Iterator<Item = &Reference> {
    let environment = match connection.mcp.as_ref().map(|mcp| &mcp.place) {
        Some(McpPlace::Program { environment, .. }) => environment.as_slice(),
        _ => &[],
    };
    let variables = environment.iter().filter_map(|(_, variable)| match variable {
        Variable::Secret(reference) => Some(reference),
        Variable::Text(_) | Variable::Kept => None,
    });
    connection.password.iter().chain(variables)
}

/// A program that the gateway starts must be exactly one that is allowed.
fn check_program(connection: &Connection, allowed: &Allowed) -> Result<(), Problem> {
    let Some(McpPlace::Program { command, environment, folder }) =
        connection.mcp.as_ref().map(|mcp| &mcp.place)
    else {
        return Ok(());
    };
    // Some variables make a program run whatever one likes.
    let given = |kept: &&KeptCommand| {
        kept.command == *command && environment.iter().all(|(name, _)| kept.env.contains(name))
    };
    if folder.is_none() && allowed.commands.iter().any(|kept| given(&kept)) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "a connection with a `command` runs a program on the gateway's machine, so it is kept by the operator alone; for \
         others the configuration can allow exactly this command, with these variables and no folder: [mcp] kept_commands = \
         [{ command = [\"program\", \"argument\"], env = [\"NAME\"] }]",
    ))
}

/// Why a kept connection's secret is not read, or its program not run, any more, though it was allowed when it was kept.
pub(super) fn withdrawn(known: &Known, allowed: &Allowed) -> Option<String> {
    let stored = known.stored.as_ref().filter(|stored| !stored.by_operator)?;
    let connection = &known.server.connection;
    let in_vault = |it: &&Reference| matches!(it.place, Place::Vault(_));
    let mut places = references(connection).filter(in_vault);
    if places.any(|reference| check_reference(reference, allowed).is_err()) {
        return Some(format!(
            "the secret of `{}` is not read: [vault] kept_paths does not allow its path (any more), and it was kept by {}, \
             not by the operator; allow it there, or have the operator keep the connection once more",
            connection.name, stored.added_by
        ));
    }
    check_program(connection, allowed).is_err().then(|| {
        format!(
            "the program of `{}` is not run: [mcp] kept_commands does not allow it (any more), and it was not kept by the \
             operator; allow it there, or have the operator keep the connection once more",
            connection.name
        )
    })
}

/// The gateway's login there may read more than the connection's author may: what it reads could be sent to a server of
/// theirs.
fn check_reference(reference: &Reference, allowed: &Allowed) -> Result<(), Problem> {
    let Place::Vault(place) = &reference.place else {
        return Err(Problem::forbidden(
            "only the operator, who can read the gateway's data folder, may name commands, files and variables of the \
             gateway's machine; give the secret itself, or a path in the vault that [vault] kept_paths allows",
        ));
    };
    if place.address.is_some() || place.mount.is_some() {
        return Err(Problem::forbidden(
            "only the operator, who can read the gateway's data folder, may name vaults and their mounts; give the secret \
             itself, or a path in the vault of [vault.server] that [vault] kept_paths allows",
        ));
    }
    if allowed.paths.iter().any(|glob| glob.matches(&place.path)) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "the gateway's login at the vault may read more than you may, so paths there are named by the operator; for others the \
         configuration can allow some: [vault] kept_paths = [\"palisade/*\"]; or give the secret itself",
    ))
}

pub(super) fn no_key() -> Problem {
    Problem::refused(
        "there is no master key to keep a password with: make one with `palisade vault key FILE`, name it in the \
         configuration ([vault] master_key = { file = \"…\" }) and start the gateway anew; or refer to the password by \
         --password-exec or --password-vault",
    )
}
