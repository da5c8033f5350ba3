//! Policy files: which plugin acts where, in order, with its configuration.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::{Grants, Mode, Scope};

/// Something wrong in a file that a person wrote: where, what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What to do; empty where the problem says it.
    pub fix: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.problem)?;
        if self.fix.is_empty() { Ok(()) } else { write!(f, "\n  fix: {}", self.fix) }
    }
}

impl Mistake {
    /// A mistake that the TOML parser found, told without the value: that may be a secret in the wrong place, and mistakes are
    /// logged, recorded and sent to whoever asked.
    #[must_use]
    pub fn from_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        Self {
            file: file.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            problem: unquoted(text, error),
            fix: String::new(),
        }
    }
}

/// How the parser's words begin where they quote a value.
const QUOTING: [&str; 4] =
    ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];

/// What the parser says; of a value the key, where its line has one, and what was expected.
fn unquoted(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().trim();
    if !QUOTING.iter().any(|words| message.starts_with(words)) {
        return message.replace('\n', "; ");
    }
    let key = error.span().and_then(|span| key_before(text, span.start));
    let key = key.map_or_else(|| "a key here".to_owned(), |key| format!("`{key}`"));
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => {
            format!("{key} has a value that it cannot have, expected {expected}")
        }
        None => format!("{key} has a value that it cannot have"),
    }
}

/// The key that the line of a value begins with. What is quoted is none: it may be another value.
fn key_before(text: &str, offset: usize) -> Option<&str> {
    let before = text.get(..offset)?;
    let key = before.rsplit('\n').next()?.split_once('=')?.0.trim();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (!key.is_empty() && key.bytes().all(fits)).then_some(key)
}

/// The line that holds the byte at `offset`, from 1.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// What one call of a policy may use, where its policy file says so; the gateway's own limits elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallLimits {
    /// Milliseconds of processor time.
    pub time_ms: Option<NonZeroU32>,
    /// Mebibytes of memory.
    pub memory_mib: Option<NonZeroU32>,
    /// Tables.
    pub tables: Option<NonZeroU32>,
    /// Core instances.
    pub instances: Option<NonZeroU32>,
}

/// One plugin in use.
#[derive(Clone, Debug)]
pub struct Use {
    /// A bundled plugin's name, or a path relative to the file.
    pub plugin: String,
    /// The name under which the record and the operator know it; the plugin's own where left out.
    pub name: Option<String>,
    /// Whether it binds.
    pub mode: Mode,
    /// Where it acts.
    pub scope: Scope,
    /// What it may ask of the gateway.
    pub grants: Grants,
    /// What one call of it may use.
    pub limits: CallLimits,
    /// Its configuration, as JSON.
    pub config: serde_json::Value,
    /// The file that says so.
    pub file: PathBuf,
    /// The line of its `plugin`.
    pub line: usize,
    /// The line of its configuration, or of its `plugin` where it has none.
    pub config_line: usize,
}

/// A policy file.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// What it puts in use, in order.
    pub uses: Vec<Use>,
    /// Functions of the operator's own that only compute from their arguments, as `schema.name`.
    pub harmless_functions: Vec<String>,
}

impl PolicyFile {
    /// Reads the text of a policy file; `file` is only named, never opened.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Mistake> {
        let raw: Raw =
            toml::from_str(text).map_err(|error| Mistake::from_toml(file, text, &error))?;
        let uses = raw
            .uses
            .into_iter()
            .map(|used| {
                let line = line_of(text, used.plugin.span().start);
                let grants = granted(file, text, &used.grants)?;
                let config_line =
                    used.config.as_ref().map_or(line, |c| line_of(text, c.span().start));
                Ok(Use {
                    plugin: used.plugin.into_inner(),
                    name: used.name,
                    mode: used.mode,
                    scope: used.on,
                    grants,
                    limits: used.limits,
                    config: used.config.map_or_else(
                        || serde_json::Value::Object(serde_json::Map::new()),
                        Spanned::into_inner,
                    ),
                    file: file.to_owned(),
                    line,
                    config_line,
                })
            })
            .collect::<Result<_, Mistake>>()?;
        let harmless_functions = raw.harmless_functions.into_iter();
        let harmless_functions = harmless_functions.map(|name| {
            let line = line_of(text, name.span().start);
            let name = name.into_inner();
            let (schema, function) = name.split_once('.').unwrap_or_default();
            if schema.is_empty() || function.is_empty() {
                return Err(Mistake {
                    file: file.to_owned(),
                    line: Some(line),
                    problem: format!(
                        "`{}` in harmless_functions has no schema",
                        name.escape_debug()
                    ),
                    fix: "write it as `schema.function`".into(),
                });
            }
            Ok(name)
        });
        Ok(Self { uses, harmless_functions: harmless_functions.collect::<Result<_, _>>()? })
    }
}

fn granted(
    file: &Path,
    text: &str,
    items: &[Spanned<serde_json::Value>],
) -> Result<Grants, Mistake> {
    let mut grants = Grants::default();
    for item in items {
        grants.add(item.get_ref()).map_err(|problem| Mistake {
            file: file.to_owned(),
            line: Some(line_of(text, item.span().start)),
            problem: format!("grants: {problem}"),
            fix: String::new(),
        })?;
    }
    Ok(grants)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default, rename = "use")]
    uses: Vec<RawUse>,
    #[serde(default)]
    harmless_functions: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUse {
    plugin: Spanned<String>,
    name: Option<String>,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    on: Scope,
    #[serde(default)]
    grants: Vec<Spanned<serde_json::Value>>,
    #[serde(default)]
    limits: CallLimits,
    config: Option<Spanned<serde_json::Value>>,
}

#[cfg(test)]
mod tests;
