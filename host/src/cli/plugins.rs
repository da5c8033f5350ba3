//! `palisade plugins`.

use std::path::Path;

use anyhow::Context;

use super::Failure;
use super::archive::{list, path};
use super::args::{Args, PluginsCommand};
use super::client::Client;
use crate::config::Config;
use crate::show::{self, Screen, text::visible};

pub(super) fn plugins(
    config: &Config,
    command: &PluginsCommand,
    args: &Args,
    mut screen: Screen,
) -> Result<(), Failure> {
    let client = Client::new(config, args.token.as_deref())?;
    match command {
        PluginsCommand::List => {
            let plugins = list(client.get("/v1/plugins")?)?;
            if args.json {
                return Ok(screen.json(&plugins)?);
            }
            Ok(show::plugins(&mut screen, &plugins)?)
        }
        PluginsCommand::Load { file, name } => {
            load(&client, file, name.as_deref(), args.json, screen)
        }
    }
}

fn load(
    client: &Client,
    file: &Path,
    name: Option<&str>,
    json: bool,
    mut screen: Screen,
) -> Result<(), Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let target = match name {
        Some(name) => format!("/v1/plugins?name={}", path(&name.replace('_', "-")).map(|_| name)?),
        None => "/v1/plugins".to_owned(),
    };
    let loaded = list(client.load(&target, &bytes)?)?;
    if json {
        return Ok(screen.json(&loaded)?);
    }
    for plugin in &loaded {
        let text = |key: &str| visible(plugin[key].as_str().unwrap_or_default());
        screen.line(&format!(
            "{} now runs {} {} ({}), from the next command of every session on",
            text("name"),
            text("plugin"),
            text("version"),
            file.display(),
        ))?;
    }
    Ok(())
}
