//! `palisade login`: a person's own token from an issuer, by the device flow (RFC 8628), and where it is kept.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use palisade_identity::{Discovery, SecretString, is_meant_for, is_trustworthy};
use serde::Deserialize;
use ureq::Agent;

use super::Failure;
use crate::config::{Config, TrustedIssuer};
use crate::issuers::{self, Fetcher};
use crate::show::Screen;
use crate::show::text::visible;

/// The largest answer of an issuer, in bytes.
const LARGEST: u64 = 256 * 1024;
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What an issuer says to a device that asks for consent.
#[derive(Deserialize)]
struct Asked {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

/// What it says to one that waits for it.
#[derive(Default, Deserialize)]
struct Told {
    access_token: Option<String>,
    id_token: Option<String>,
    error: Option<String>,
}

/// Logs in at an issuer, and keeps the token.
pub(super) fn login(
    config: &Config,
    name: Option<&str>,
    mut screen: Screen,
) -> Result<(), Failure> {
    let (trusted, client) = issuer(config, name)?;
    let fetcher = Fetcher::new(trusted.ca.as_deref())?;
    let found =
        Discovery::ask(&trusted.issuer.url, &fetcher).map_err(|problem| anyhow!(problem))?;
    let places = found.device_authorization_endpoint.zip(found.token_endpoint);
    let (device, tokens) =
        places.ok_or_else(|| anyhow!("the issuer offers no login for devices"))?;
    let agent = issuers::agent(trusted.ca.as_deref())?;
    let resource = trusted.issuer.audience.iter().find(|audience| audience.contains(':'));
    let mut form = vec![("client_id", client), ("scope", issuers::SCOPE)];
    form.extend(resource.map(|resource| ("resource", resource.as_str())));
    let asked = post(&agent, &device, &form)?;
    let asked: Asked = serde_json::from_slice(&asked)
        .map_err(|_| anyhow!("the issuer does not let this client log in by a device"))?;
    let page = asked.verification_uri_complete.as_ref().unwrap_or(&asked.verification_uri);
    screen.line(&format!("Open {} in a browser", visible(page)))?;
    screen.line(&format!("and enter the code {}", visible(&asked.user_code)))?;
    screen.flush()?;
    let mut form = vec![
        ("grant_type", DEVICE),
        ("client_id", client),
        ("device_code", asked.device_code.as_str()),
    ];
    form.extend(resource.map(|resource| ("resource", resource.as_str())));
    let told = wait(&agent, &tokens, &form, &asked)?;
    let token = choose(trusted, told)?;
    keep(&token).context("cannot keep the token")?;
    Ok(screen.line("logged in")?)
}

/// Forgets the token.
pub(super) fn logout(mut screen: Screen) -> Result<(), Failure> {
    match fs::remove_file(place()?) {
        Ok(()) => Ok(screen.line("logged out")?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(screen.line("you were not logged in")?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The token that was kept, if there is one.
pub(super) fn kept() -> Option<String> {
    fs::read_to_string(place().ok()?).ok().map(|token| token.trim().to_owned())
}

fn issuer<'c>(
    config: &'c Config,
    name: Option<&str>,
) -> anyhow::Result<(&'c TrustedIssuer, &'c str)> {
    let named = |trusted: &&TrustedIssuer| name.is_none_or(|name| trusted.issuer.name == name);
    let with_client = |trusted: &'c TrustedIssuer| {
        trusted.issuer.client_id.as_deref().map(|client| (trusted, client))
    };
    let mut fitting = config.issuers.iter().filter(named).filter_map(with_client);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => bail!("there are several issuers, name one by --issuer"),
        (None, _) => bail!("the configuration has no such [[issuer]] with a `client_id`"),
    }
}

/// Asks again and again until the person has decided.
fn wait(agent: &Agent, url: &str, form: &[(&str, &str)], asked: &Asked) -> anyhow::Result<Told> {
    let mut interval = Duration::from_secs(asked.interval.unwrap_or(5).clamp(1, 60));
    let end = Instant::now() + Duration::from_secs(asked.expires_in.min(3600));
    while Instant::now() < end {
        std::thread::sleep(interval);
        // An answer that does not come is asked for again.
        let Ok(answer) = post(agent, url, form) else { continue };
        let told: Told = serde_json::from_slice(&answer).unwrap_or_default();
        match told.error.as_deref() {
            None => return Ok(told),
            Some("authorization_pending") => {}
            Some("slow_down") => interval += Duration::from_secs(5),
            Some("access_denied") => bail!("the login was refused"),
            Some("expired_token") => break,
            Some(other) => bail!("the issuer gives no token: {}", visible(other)),
        }
    }
    bail!("nobody entered the code in time")
}

/// The one that the gateway will take.
fn choose(trusted: &TrustedIssuer, told: Told) -> anyhow::Result<SecretString> {
    let tokens = [told.access_token, told.id_token].into_iter().flatten();
    let mut usable = tokens.filter(|token| is_meant_for(token, &trusted.issuer.audience));
    let token = usable.next().ok_or_else(|| {
        anyhow!(
            "the issuer gave no token for the audience {}",
            trusted.issuer.audience.join(" or ")
        )
    })?;
    Ok(SecretString::new(token))
}

fn post(agent: &Agent, url: &str, form: &[(&str, &str)]) -> anyhow::Result<Vec<u8>> {
    if !is_trustworthy(url) {
        bail!("{} is no address to trust", visible(url));
    }
    let request = agent.post(url).header("accept", "application/json");
    let mut answer =
        request.send_form(form.iter().copied()).context("the issuer does not answer")?;
    Ok(answer.body_mut().with_config().limit(LARGEST).read_to_vec()?)
}

/// Where the token is kept.
fn place() -> anyhow::Result<PathBuf> {
    let absolute =
        |path: std::ffi::OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let state = std::env::var_os("XDG_STATE_HOME").and_then(absolute);
    let home = || Some(std::env::var_os("HOME").and_then(absolute)?.join(".local/state"));
    let folder =
        state.or_else(home).ok_or_else(|| anyhow!("neither XDG_STATE_HOME nor HOME is set"))?;
    Ok(folder.join("palisade/token"))
}

/// Writes it under another name first, so that it is whole and nobody else's to read at any time.
fn keep(token: &SecretString) -> anyhow::Result<()> {
    let place = place()?;
    let folder = place.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = folder.join(format!("token.{}", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(token.expose().as_bytes())?;
    file.write_all(b"\n")?;
    Ok(fs::rename(draft, place)?)
}
