//! `palisade plugins new`, `build`, `test` and `inspect`: for whoever writes a plugin. No gateway need run.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use palisade_author::{AuthorError, Built, CaseReport, Language, Lock, Project, Shop};
use serde_json::{Value, json};

use super::Failure;
use crate::data_dir;
use crate::plugins::bundled;
use crate::show::text::{cut, visible};
use crate::show::{self, Screen};

impl From<AuthorError> for Failure {
    fn from(error: AuthorError) -> Self {
        match error {
            AuthorError::Mistakes(mistakes) => Self::Mistakes(mistakes),
            other => Self::Lines(other.to_string()),
        }
    }
}

/// Makes a folder with a plugin to begin with.
pub(super) fn new(
    name: &str,
    language: Language,
    parent: &Path,
    json: bool,
) -> Result<(), Failure> {
    let folder = palisade_author::begin(parent, name, language)?;
    let shown = folder.strip_prefix(".").unwrap_or(&folder).display().to_string();
    let shown = visible(&shown);
    let mut screen = Screen::new();
    if json {
        return Ok(
            screen.json(&[json!({ "id": name, "folder": folder, "language": language.name() })])?
        );
    }
    screen.line(&format!("{shown} holds a guard with one rule; build and try it with:"))?;
    Ok(screen
        .line(&format!("    palisade plugins build {shown} && palisade plugins test {shown}"))?)
}

/// Builds the plugin in a folder.
pub(super) fn build(folder: &Path, out: Option<&Path>, json: bool) -> Result<(), Failure> {
    let project = Project::read(folder)?;
    let Built { file, plugin } = with_shop(|shop| palisade_author::build(shop, &project, out))?;
    let mut screen = Screen::new();
    if json {
        let built = json!({
            "id": project.name, "file": file, "size": plugin.size(), "hash": plugin.hash(),
        });
        return Ok(screen.json(&[built])?);
    }
    let (size, hash) = (plugin.size(), cut(plugin.hash(), 13));
    Ok(screen.line(&format!("{}  {size} bytes  {hash}", visible(&file.display().to_string())))?)
}

/// Asks the plugin of a folder what the folder's cases ask. The exit status is 1 if any answer is not the expected one.
pub(super) fn test(folder: &Path, plugin: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    let cases = palisade_author::read_cases(folder)?;
    let (name, bytes) = source(folder, plugin)?;
    let reports: Vec<CaseReport> = with_shop(|shop| {
        let plugin = shop.load(&name, &bytes)?;
        Ok(cases.iter().flat_map(|file| file.run(&plugin)).collect())
    })?;
    let mut screen = Screen::new();
    if json {
        let shown: Vec<Value> =
            reports.iter().map(|report| show::case_json(report, folder)).collect();
        screen.json(&shown)?;
    } else {
        show::cases(&mut screen, &reports, folder)?;
    }
    let passed = reports.iter().all(|report| report.differences.is_empty());
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows what a plugin's file is.
pub(super) fn inspect(file: &Path, json: bool) -> Result<(), Failure> {
    let (name, bytes) = named(file)?;
    let plugin = with_shop(|shop| shop.load(&name, &bytes))?;
    let mut screen = Screen::new();
    let facts = show::inspected(&name, &plugin, &bytes);
    if json {
        return Ok(screen.json(&[facts])?);
    }
    Ok(show::inspection(&mut screen, &facts)?)
}

/// Lends the user's tools, and a host that keeps compiled plugins beside them.
fn with_shop<T>(act: impl FnOnce(&Shop<'_>) -> Result<T, AuthorError>) -> Result<T, Failure> {
    let folder = palisade_author::tools_folder()?;
    let alone = Lock::take(&folder, "cache.key")?;
    let key = data_dir::cache_key(&folder)?;
    drop(alone);
    // If nobody reads what is told, it is done all the same.
    let tell = |what: &str| drop(writeln!(io::stderr(), "{}", visible(what)));
    let shop = Shop::open(folder, key, &tell)?;
    Ok(act(&shop)?)
}

type Source = (PathBuf, Cow<'static, [u8]>);

/// The plugin that a folder's cases are for.
fn source(folder: &Path, plugin: Option<&Path>) -> Result<Source, Failure> {
    if let Some(plugin) = plugin {
        return named(plugin);
    }
    if Project::is_in(folder) {
        let built = Project::read(folder)?.built();
        let bytes = std::fs::read(&built).with_context(|| {
            let fix = format!("make it with: palisade plugins build {}", folder.display());
            format!("cannot read {}; {fix}", built.display())
        })?;
        return Ok((built, bytes.into()));
    }
    let whole = std::path::absolute(folder)?;
    let name = whole.components().next_back().map(|name| name.as_os_str().to_string_lossy());
    let name = name.unwrap_or_default();
    match bundled::find(&name) {
        Some(bytes) => Ok((PathBuf::from(&*name), bytes.into())),
        None => Err(anyhow!(
            "{} has no plugin.toml, and no bundled plugin is called `{name}`; name the plugin with --plugin FILE",
            folder.display()
        )
        .into()),
    }
}

/// A plugin by its file, or a bundled one by its name.
fn named(plugin: &Path) -> Result<Source, Failure> {
    if let Some(bytes) = plugin.to_str().and_then(bundled::find) {
        return Ok((plugin.to_owned(), bytes.into()));
    }
    let bytes = std::fs::read(plugin).with_context(|| {
        let known: Vec<&str> = bundled::names().collect();
        format!("cannot read {} (bundled are {})", plugin.display(), known.join(", "))
    })?;
    Ok((plugin.to_owned(), bytes.into()))
}
