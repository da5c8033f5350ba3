//! Programs that others wrote: found, run, and heard when they fail.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::AuthorError;

/// How many of the last lines of a failed program are shown.
const LINES: usize = 40;

/// A program that is about to run for a purpose.
#[derive(Debug)]
pub(crate) struct Program {
    what: String,
    command: Command,
}

impl Program {
    /// `what` says in an error what it should have done: "installing ziglang 0.17.1".
    pub(crate) fn new(what: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { what: what.into(), command }
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it to its end and gives what it wrote.
    ///
    /// # Errors
    /// When it does not start or fails, with its last lines. `fix` says what to do, by what it wrote.
    pub(crate) fn run(mut self, fix: impl FnOnce(&str) -> String) -> Result<Output, AuthorError> {
        let failed = |this: &Self, output: String, fix: String| AuthorError::Failed {
            what: this.what.clone(),
            command: this.line(),
            output,
            fix,
        };
        let output = match self.command.output() {
            Ok(output) => output,
            Err(error) => {
                let why = error.to_string();
                let fix = fix(&why);
                return Err(failed(&self, why, fix));
            }
        };
        if output.status.success() {
            return Ok(output);
        }
        let said = said(&output);
        let fix = fix(&said);
        Err(failed(&self, last_lines(&said), fix))
    }

    /// What would be typed to run it.
    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let words = words.map(|word| {
            let word = word.to_string_lossy();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=,:@+".contains(&byte);
            if word.bytes().all(plain) { word.into_owned() } else { format!("'{word}'") }
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Compilers speak on their error output, others on the usual one.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let said = [text(&output.stdout), text(&output.stderr)];
    let said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
    if said.is_empty() { output.status.to_string() } else { said.join("\n") }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines.len().saturating_sub(LINES);
    let shown = lines.get(begin..).unwrap_or_default().join("\n");
    if begin == 0 { shown } else { format!("… {begin} lines before\n{shown}") }
}

/// The program of this name that a shell would find.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    env::split_paths(&path).map(|folder| folder.join(name)).find(is_program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_program_is_told_with_its_command_its_last_lines_and_what_to_do() {
        let shell = Program::new("counting", "/bin/sh").args([
            "-c",
            "i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i >&2; done; exit 3",
        ]);
        let error = shell.run(|said| format!("read all {} lines", said.lines().count()));
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("counting failed\n  command: /bin/sh -c 'i=0;"), "{error}");
        assert!(error.contains("… 10 lines before\n    line 11\n"), "{error}");
        assert!(error.ends_with("line 50\n  fix: read all 50 lines"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_start_is_told_too() {
        let error = Program::new("nothing", "/no/such").run(|_| String::new()).unwrap_err();
        assert!(error.to_string().contains("No such file"), "{error}");
    }

    #[test]
    fn programs_are_found_as_a_shell_would() {
        assert!(on_path("sh").is_some());
        assert!(on_path("no-such-program").is_none());
    }
}
