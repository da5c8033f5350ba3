//! A connection of the store: written as the file has them, and checked by the same rules.

use std::path::{Path, PathBuf};

use palisade_identity::Credential;
use palisade_policy::Mistake;
use palisade_vault::{Place, Reference, VaultServer};
use toml::{Table, Value};

use super::Check;
use crate::config::raw::{RawConfig, RawConnection};
use crate::config::{Connection, FileDigests, McpPlace, Variable, keys};

/// What mistakes are about; nobody is shown it.
const NOWHERE: &str = "connection";

/// The secrets that the store has itself, sealed, where the file would have references.
#[derive(Clone, Debug, Default)]
pub struct SealedParts {
    /// Whether it has the password.
    pub password: bool,
    /// The names of the variables that it has.
    pub variables: Vec<String>,
}

/// Makes a connection of what the file would have as its table.
///
/// # Errors
/// What is wrong with it, and what helps.
pub fn kept(
    table: Table,
    sealed: SealedParts,
    vault: Option<&VaultServer>,
) -> Result<Connection, String> {
    let whole = Table::from_iter([("connection".to_owned(), Value::Array(vec![table.into()]))]);
    let text = toml::to_string(&whole).map_err(|_| "it cannot be written as a table".to_owned())?;
    let mistakes = keys::unknown_config_keys(Path::new(NOWHERE), &text);
    if !mistakes.is_empty() {
        return Err(words(&mistakes));
    }
    let raw: RawConfig = toml::from_str(&text).map_err(|error| {
        // The line is that of a text that nobody has.
        Mistake::from_toml(Path::new(NOWHERE), &text, &error).problem
    })?;
    let Some(mut raw) = raw.connections.into_iter().next() else {
        return Err("there is no connection".to_owned());
    };
    raw.sealed = sealed;
    let mut check = Check {
        file: Path::new(NOWHERE),
        text: &text,
        dir: PathBuf::new(),
        files: FileDigests::default(),
        mistakes: vec![],
        warnings: vec![],
    };
    check.sealed_variables(&raw);
    let connection = check.connection(raw, vault);
    let Some(connection) = connection.filter(|_| check.mistakes.is_empty()) else {
        return Err(words(&check.mistakes));
    };
    match relative(&connection) {
        Some(path) => Err(format!("the path {} must be absolute", path.display())),
        None => Ok(connection),
    }
}

impl Check<'_> {
    fn sealed_variables(&mut self, raw: &RawConnection) {
        let names = &raw.sealed.variables;
        if !names.is_empty() && raw.command.is_none() {
            let problem = "`secrets` are for servers that are started".to_owned();
            self.mistake(Some(&raw.name), problem, "add a `command`, or remove them");
        }
        if let Some(name) = names.iter().find(|name| raw.env.contains_key(*name)) {
            let problem = format!("the variable `{}` is there twice", name.escape_debug());
            self.mistake(Some(&raw.name), problem, "give it in `env` or in `secrets`");
        }
    }
}

/// A path of the gateway's machine that depends on where the gateway was started.
fn relative(connection: &Connection) -> Option<PathBuf> {
    let mut paths: Vec<PathBuf> = connection.tls_ca.iter().cloned().collect();
    let certificate = connection.http.as_ref().and_then(|http| http.certificate.as_ref());
    paths.extend(certificate.into_iter().flat_map(|it| [it.certificate.clone(), it.key.clone()]));
    let mut references: Vec<&Reference> = connection.password.iter().collect();
    if let Some(McpPlace::Program { command, environment, folder }) =
        connection.mcp.as_ref().map(|mcp| &mcp.place)
    {
        paths.extend(folder.clone());
        paths.extend(command.first().filter(|program| program.contains('/')).map(PathBuf::from));
        references.extend(environment.iter().filter_map(|(_, variable)| match variable {
            Variable::Secret(reference) => Some(reference),
            Variable::Text(_) | Variable::Kept => None,
        }));
    }
    references.into_iter().for_each(|reference| paths.extend(paths_of(reference)));
    paths.into_iter().find(|path| path.is_relative())
}

fn paths_of(reference: &Reference) -> Vec<PathBuf> {
    match &reference.place {
        Place::Local(Credential::Env(_)) => vec![],
        Place::Local(Credential::File(path)) => vec![path.clone()],
        Place::Exec(command) => {
            let program = command.first().filter(|program| program.contains('/'));
            program.map(PathBuf::from).into_iter().collect()
        }
        Place::Vault(place) => {
            let found = std::cell::RefCell::new(vec![]);
            place.clone().each_path(|path| found.borrow_mut().push(path.clone()));
            found.into_inner()
        }
    }
}

fn words(mistakes: &[Mistake]) -> String {
    let said = mistakes.iter().map(|mistake| match mistake.fix.is_empty() {
        true => mistake.problem.clone(),
        false => format!("{} ({})", mistake.problem, mistake.fix),
    });
    said.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
