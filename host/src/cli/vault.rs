//! `palisade vault`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow};
use palisade_vault::MasterKey;
use serde_json::json;

use super::Failure;
use crate::show::Screen;

/// Makes a master key. It is in the file alone, and never shown.
pub(super) fn key(file: &Path, as_json: bool, mut screen: Screen) -> Result<(), Failure> {
    let text = MasterKey::generate().ok_or_else(|| anyhow!("there are no random numbers"))?;
    let id = MasterKey::parse(&text).map_err(anyhow::Error::new)?.id().to_owned();
    let made = || -> std::io::Result<()> {
        let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        made.write_all(text.expose().as_bytes())?;
        made.write_all(b"\n")?;
        made.sync_all()
    };
    made().with_context(|| format!("cannot make {}", file.display()))?;
    if as_json {
        return Ok(screen.json(&[json!({"id": id, "file": file.display().to_string()})])?);
    }
    let shown = crate::show::text::visible(&file.display().to_string());
    screen.line(&format!("made the master key {id} in {shown}; keep a copy elsewhere"))?;
    screen.line("to use it:")?;
    screen.line("  [vault]")?;
    Ok(screen.line(&format!("  master_key = {{ file = \"{shown}\" }}"))?)
}
