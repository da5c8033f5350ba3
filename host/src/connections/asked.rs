//! What may be kept, and by whom.

use palisade_admin::Problem;
use palisade_vault::{Place, Reference};

use super::stored::StoredConnection;
use super::{Author, Known, NewConnection};
use crate::config::{Connection, KeptCommand, McpPlace, Variable};

/// What is wrong with a connection that is to be kept, whatever it is and whoever asks for it.
pub(super) fn check(new: &NewConnection, author: Author<'_>) -> Result<(), Problem> {
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
    // Before they are looked at: what is said of them would tell of the machine's files.
    let of_files = ["certificate", "descriptors"].iter().any(|key| new.form.contains_key(*key));
    if of_files && !author.operator {
        return Err(Problem::forbidden(
            "only the operator, who can read the gateway's data folder, may name certificates and descriptors of the \
             gateway's machine; give the certificate itself (`client_certificate`), \
             and the descriptors (`descriptor_set`)",
        ));
    }
    Ok(())
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
    allowed: &[KeptCommand],
) -> Result<(), Problem> {
    if author.operator {
        return Ok(());
    }
    connection.password.as_ref().map_or(Ok(()), check_reference)?;
    let Some(McpPlace::Program { command, environment, folder }) =
        connection.mcp.as_ref().map(|mcp| &mcp.place)
    else {
        return Ok(());
    };
    for (_, variable) in environment {
        if let Variable::Secret(reference) = variable {
            check_reference(reference)?;
        }
    }
    // Some variables make a program run whatever one likes.
    let given = |kept: &&KeptCommand| {
        kept.command == *command && environment.iter().all(|(name, _)| kept.env.contains(name))
    };
    if folder.is_none() && allowed.iter().any(|kept| given(&kept)) {
        return Ok(());
    }
    Err(Problem::forbidden(
        "a connection with a `command` runs a program on the gateway's machine, so it is kept by the operator alone; for \
         others the configuration can allow exactly this command, with these variables and no folder: [mcp] kept_commands = \
         [{ command = [\"program\", \"argument\"], env = [\"NAME\"] }]",
    ))
}

/// Why a kept connection's program is not run any more, though it was allowed when it was kept.
pub(super) fn withdrawn(known: &Known, allowed: &[KeptCommand]) -> Option<String> {
    let stored = known.stored.as_ref()?;
    let connection = &known.server.connection;
    let is_program =
        matches!(connection.mcp.as_ref().map(|mcp| &mcp.place), Some(McpPlace::Program { .. }));
    let author = Author { name: &stored.added_by, operator: stored.by_operator };
    let refused = is_program && check_place(connection, author, allowed).is_err();
    refused.then(|| {
        format!(
            "the program of `{}` is not run: [mcp] kept_commands does not allow it (any more), and it was not kept by the \
             operator; allow it there, or have the operator keep the connection once more",
            connection.name
        )
    })
}

fn check_reference(reference: &Reference) -> Result<(), Problem> {
    match &reference.place {
        Place::Vault(place) if place.address.is_none() => Ok(()),
        _ => Err(Problem::forbidden(
            "only the operator, who can read the gateway's data folder, may name commands, files, variables and vaults \
             of the gateway's machine; give the secret itself, or a path in the vault of [vault.server]",
        )),
    }
}

pub(super) fn no_key() -> Problem {
    Problem::refused(
        "there is no master key to keep a password with: make one with `palisade vault key FILE`, name it in the \
         configuration ([vault] master_key = { file = \"…\" }) and start the gateway anew; or refer to the password by \
         --password-exec or --password-vault",
    )
}
