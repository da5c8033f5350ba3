//! Cases: what a plugin is asked, and what it should answer, as data that is the same for every language.
//!
//! ```text
//!   cases/*.toml ─▶ form (as written) ─▶ read (as meant, or mistakes) ─▶ run ─▶ words ─▶ expect: differences
//! ```

mod expect;
mod form;
mod read;
mod run;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use palisade_policy::{Batch, Command, Context, Grants, Hold, Shape};
use palisade_wasm::Limits;
use serde_json::Value;

pub use self::expect::Difference;
pub use self::run::CaseReport;
use crate::AuthorError;

/// A file of cases.
#[derive(Clone, Debug)]
pub struct CaseFile {
    file: PathBuf,
    limits: Limits,
    cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    line: usize,
    config: Value,
    grants: Grants,
    context: Context,
    input: Input,
    expected: expect::Expected,
}

/// What a plugin is asked.
#[derive(Clone, Debug)]
enum Input {
    Command(Command),
    Result(Shape),
    Inspect(Batch),
    Held(Command, Hold),
    /// Nothing but to take its configuration.
    Configuration,
}

/// Reads every file of cases in the folder `cases` of a plugin's folder, in the order of their names.
///
/// # Errors
/// When there is none, one cannot be read, or what is wrong in them.
pub fn read_cases(folder: &Path) -> Result<Vec<CaseFile>, AuthorError> {
    let folder = folder.join("cases");
    let mut paths = vec![];
    for entry in fs::read_dir(&folder).map_err(AuthorError::io("cannot read", &folder))? {
        let path = entry.map_err(AuthorError::io("cannot read", &folder))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(AuthorError::NoCases(folder));
    }
    paths.sort();
    let (mut files, mut mistakes) = (vec![], vec![]);
    for path in paths {
        let text = fs::read_to_string(&path).map_err(AuthorError::io("cannot read", &path))?;
        match CaseFile::parse(&path, &text) {
            Ok(file) => files.push(file),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() { Ok(files) } else { Err(AuthorError::Mistakes(mistakes)) }
}
