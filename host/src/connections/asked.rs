//! What may be kept, and by whom.

use std::path::Path;

use palisade_admin::Problem;
use palisade_vault::Place;

use super::{Author, NewConnection};

/// The protocol whose connections can be kept; the others are in the configuration file.
const KEPT: &str = "postgres";

/// What is wrong with a connection that is to be kept, whoever asks for it.
pub(super) fn check(new: &NewConnection) -> Result<(), Problem> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if new.name.is_empty() || new.name.len() > 64 || !new.name.bytes().all(fits) {
        let what = "a connection's name in the store is 1 to 64 letters, digits, -, _ and .";
        return Err(Problem::refused(what));
    }
    if new.protocol != KEPT {
        let spoken = format!("this version keeps connections of the protocol {KEPT} alone");
        return Err(Problem::refused(spoken));
    }
    if [&new.database, &new.username].iter().any(|text| text.is_empty() || text.contains('\0')) {
        return Err(Problem::refused("database and username must not be empty"));
    }
    if new.password.as_ref().is_some_and(|password| {
        let text = password.0.expose();
        text.is_empty() || text.contains('\0')
    }) {
        return Err(Problem::refused("the password is empty, or holds a zero byte"));
    }
    if new.tls_ca.as_deref().is_some_and(Path::is_relative) {
        return Err(Problem::refused("the path of `tls_ca` must be absolute"));
    }
    Ok(())
}

/// What reads the gateway's own machine is for those who can do that already: an administrator elsewhere could have it sent
/// to a server of their own.
pub(super) fn check_reference(place: &Place, author: Author<'_>) -> Result<(), Problem> {
    match place {
        Place::Vault(place) if place.address.is_none() => Ok(()),
        _ if author.operator => Ok(()),
        _ => Err(Problem::forbidden(
            "only the operator, who can read the gateway's data folder, may name commands, files, variables and vaults \
             of the gateway's machine; give the password itself, or a path in the vault of [vault.server]",
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
