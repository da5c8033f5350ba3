//! What the file says of secrets: where they are, never what they are.

use std::path::{Path, PathBuf};

use palisade_identity::Credential;
use palisade_vault::{Place, Reference, VaultServer};
use toml::Spanned;

use super::Check;
use crate::config::Vault;
use crate::config::raw::RawVault;

impl Check<'_> {
    /// A reference with every path made whole.
    pub(super) fn secret(
        &mut self,
        raw: Spanned<Reference>,
        vault: Option<&VaultServer>,
    ) -> Reference {
        let at = raw.span().start;
        let mut reference = raw.into_inner();
        match whole(&mut reference.place, &self.dir, vault) {
            Ok(None) => self.vault_authority(&reference.place, vault),
            Ok(Some(problem)) => {
                let fix = "it must be there where and when the gateway runs".into();
                self.warnings.push(self.at(at, problem, fix));
            }
            Err(problem) => {
                let fix = "say where it is, and one way to log in there".into();
                self.mistakes.push(self.at(at, problem, fix));
            }
        }
        reference
    }

    /// Whoever vouches for a vault is read once, with what reads the secret there.
    fn vault_authority(&mut self, place: &Place, shared: Option<&VaultServer>) {
        let Place::Vault(place) = place else { return };
        let ca = match &place.address {
            Some(_) => place.ca.as_ref(),
            None => shared.and_then(|server| server.ca.as_ref()),
        };
        if let Some(ca) = ca {
            // Whoever needs it says what is wrong with it.
            let _ = self.files.add(ca);
        }
    }

    /// What administrators by token may have the gateway read.
    pub(super) fn kept_paths(&mut self, raw: &RawVault) -> Vec<String> {
        let globs = &raw.kept_paths;
        if let Some(glob) = globs.first().filter(|_| raw.server.is_none()) {
            let problem =
                "`kept_paths` are of the vault of [vault.server], and there is none".into();
            self.mistake(Some(glob), problem, "say where it is, or remove them");
        }
        if let Some(empty) = globs.iter().find(|glob| glob.get_ref().is_empty()) {
            let fix = "write a glob of paths: \"palisade/*\"";
            self.mistake(Some(empty), "no path is empty".into(), fix);
        }
        globs.iter().map(|glob| glob.get_ref().clone()).collect()
    }

    pub(super) fn vault(&mut self, raw: RawVault) -> Vault {
        let server = raw.server.map(|raw| {
            let at = raw.span().start;
            let mut server = raw.into_inner();
            server.each_path(|path| *path = self.dir.join(&path));
            if let Err(error) = server.check() {
                let fix = "name its `address`, and one of `token`, `approle` and `jwt`".into();
                self.mistakes.push(self.at(at, error.to_string(), fix));
            }
            server
        });
        let master_key = raw.master_key.map(|raw| {
            if matches!(raw.get_ref().place, Place::Vault(_)) {
                let problem = "the master key cannot be in a vault".to_owned();
                self.mistake(Some(&raw), problem, "name a file, env or exec");
            }
            self.secret(raw, server.as_ref())
        });
        Vault { master_key, server }
    }
}

/// Makes every path whole, and says what may be amiss with the place, or what surely is.
fn whole(
    place: &mut Place,
    dir: &Path,
    vault: Option<&VaultServer>,
) -> Result<Option<String>, String> {
    let join = |path: &mut PathBuf| *path = dir.join(&path);
    match place {
        Place::Local(credential) => {
            if let Credential::File(path) = credential {
                join(path);
            }
            // It may be there when the gateway runs; it is read anew for each login.
            Ok(credential.read().err().map(|error| error.to_string()))
        }
        Place::Exec(command) => {
            // A name alone is looked for where the system looks for programs.
            if let Some(program) = command.first_mut().filter(|program| program.contains('/')) {
                *program = dir.join(&program).display().to_string();
            }
            Ok(None)
        }
        Place::Vault(place) => {
            place.each_path(join);
            place.check(vault).map(|()| None).map_err(|error| error.to_string())
        }
    }
}
