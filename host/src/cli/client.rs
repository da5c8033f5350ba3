//! The way to a running gateway: its admin API, as the token's bearer or as the operator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow};
use palisade_identity::{SecretString, SigningKey, issue_operator};
use serde_json::{Value, json};
use ureq::Agent;

use crate::config::Config;
use crate::{clock, data_dir, http, tls};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take; a large plugin is compiled meanwhile.
const ANSWER: Duration = Duration::from_secs(180);
/// The largest answer, in bytes.
const LARGEST: u64 = 256 << 20;

/// Why the gateway gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// Nobody listens.
    #[error("the gateway is not running; start it with: palisade serve --config {config}")]
    NotRunning {
        /// The configuration's file.
        config: String,
    },
    /// There is no data folder, or no key in it.
    #[error(
        "there is no gateway in {data_dir}: it was never started, or --config names another file"
    )]
    NeverStarted {
        /// The data folder.
        data_dir: String,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Who asks.
enum Bearer {
    Token(SecretString),
    Operator(Box<SigningKey>),
}

/// A client of the admin API.
pub(super) struct Client {
    agent: Agent,
    base: String,
    bearer: Bearer,
    address: SocketAddr,
    config_file: String,
}

impl Client {
    /// A client of this configuration's gateway.
    pub(super) fn new(config: &Config, token: Option<&str>) -> Result<Self, NoAnswer> {
        let bearer = match token {
            Some(token) => Bearer::Token(SecretString::new(token.trim().to_owned())),
            None => Bearer::Operator(Box::new(operator_key(config)?)),
        };
        let config_file = config.file.display().to_string();
        let address = address(config, &bearer)
            .ok_or_else(|| NoAnswer::NotRunning { config: config_file.clone() })?;
        let by_tls = !config.listen.admin.ip().is_loopback();
        let mut builder = Agent::config_builder()
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            .http_status_as_error(false)
            .max_redirects(0)
            // What is on this machine is asked directly.
            .proxy(None);
        if by_tls {
            let own = http::roots(&tls::expected_files(config).certificate)?;
            builder = builder.tls_config(http::trusting(own));
        }
        let scheme = if by_tls { "https" } else { "http" };
        Ok(Self {
            agent: builder.build().into(),
            base: format!("{scheme}://{address}"),
            bearer,
            address,
            config_file,
        })
    }

    /// Asks for something.
    pub(super) fn get(&self, path: &str) -> Result<Value, NoAnswer> {
        self.get_some(path, std::iter::empty())
    }

    /// Asks for something, with more to its query.
    pub(super) fn get_some<'a>(
        &self,
        path: &str,
        query: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Value, NoAnswer> {
        let request = self.agent.get(format!("{}{path}", self.base)).query_pairs(query);
        self.answer(request.header("authorization", self.authorization()?).call())
    }

    /// Asks for something that is read elsewhere.
    pub(super) fn get_text(&self, path: &str) -> Result<Vec<u8>, NoAnswer> {
        let request = self.agent.get(format!("{}{path}", self.base));
        self.body(request.header("authorization", self.authorization()?).call())
    }

    /// Gives a token for another.
    pub(super) fn exchange(&self, form: &[(&str, &str)]) -> Result<Value, NoAnswer> {
        let request = self.agent.post(format!("{}/v1/token", self.base));
        self.answer(request.send_form(form.iter().copied()))
    }

    /// Sends a decision.
    pub(super) fn decide(&self, path: &str, reason: &str) -> Result<Value, NoAnswer> {
        self.send(path, json!({ "reason": reason }).to_string().as_bytes())
    }

    /// Asks for a change that needs no more words.
    pub(super) fn post(&self, path: &str) -> Result<Value, NoAnswer> {
        let request = self.agent.post(format!("{}{path}", self.base));
        self.answer(request.header("authorization", self.authorization()?).send_empty())
    }

    /// Sends a JSON object that may hold a secret.
    pub(super) fn send(&self, path: &str, body: &[u8]) -> Result<Value, NoAnswer> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request
            .header("authorization", self.authorization()?)
            .header("content-type", "application/json");
        self.answer(request.send(body))
    }

    /// Sends a plugin's file.
    pub(super) fn load(&self, path: &str, file: &[u8]) -> Result<Value, NoAnswer> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request
            .header("authorization", self.authorization()?)
            .header("content-type", "application/wasm");
        self.answer(request.send(file))
    }

    fn authorization(&self) -> anyhow::Result<String> {
        Ok(match &self.bearer {
            Bearer::Token(token) => format!("Bearer {}", token.expose()),
            Bearer::Operator(key) => {
                let issued = issue_operator(key, clock::now_seconds())?;
                format!("Bearer {}", issued.token.expose())
            }
        })
    }

    fn answer(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, NoAnswer> {
        let body = self.body(answer)?;
        Ok(serde_json::from_slice(&body).context("the gateway's answer is no JSON")?)
    }

    /// The body of an answer that is what was asked for.
    fn body(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Vec<u8>, NoAnswer> {
        let mut answer = answer.map_err(|error| self.no_answer(error))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(LARGEST).read_to_vec();
        let body = body.context("the gateway's answer broke off")?;
        if status.is_success() {
            return Ok(body);
        }
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = problem
            .get("detail")
            .or_else(|| problem.get("error_description"))
            .and_then(Value::as_str)
            .map_or_else(|| status.to_string(), str::to_owned);
        Err(NoAnswer::Other(match status.as_u16() {
            401 => anyhow!("the token is not valid (any more); the gateway's log says why"),
            _ => anyhow!(detail),
        }))
    }

    fn no_answer(&self, error: ureq::Error) -> NoAnswer {
        match &error {
            ureq::Error::Io(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => {
                NoAnswer::NotRunning { config: self.config_file.clone() }
            }
            _ => NoAnswer::Other(
                anyhow::Error::new(error)
                    .context(format!("no answer from the gateway at {}", self.address)),
            ),
        }
    }
}

/// Where the gateway listens; `None` where it is known not to.
///
/// The operator asks only where a gateway said that it listens: anybody could wait at the address of one that does not
/// run, for the operator's token.
fn address(config: &Config, bearer: &Bearer) -> Option<SocketAddr> {
    let listening = data_dir::read_listening(&config.data_dir);
    let running = listening.filter(|listening| is_alive(listening.pid, &config.data_dir));
    let mut address = match (running, bearer) {
        (Some(listening), _) => listening.admin,
        (None, Bearer::Operator(_)) => return None,
        (None, Bearer::Token(_)) => config.listen.admin,
    };
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    (address.port() != 0).then_some(address)
}

/// Whether there is such a process, where the system says: one of the data folder's owner, or of root. Of a gateway that was
/// killed the number may be another's by now, who would be asked, and told the operator's token.
fn is_alive(pid: u32, data_dir: &Path) -> bool {
    let owner = |path: &Path| std::fs::metadata(path).map(|found| found.uid()).ok();
    if owner(Path::new("/proc/self")).is_none() {
        return true;
    }
    let process = owner(&Path::new("/proc").join(pid.to_string()));
    process.is_some_and(|uid| uid == 0 || Some(uid) == owner(data_dir))
}

/// The key of whoever can read the data folder.
fn operator_key(config: &Config) -> Result<SigningKey, NoAnswer> {
    let key = SigningKey::load(&config.data_dir);
    if let Err(palisade_identity::KeyUnusable::Unreadable { cause, .. }) = &key
        && cause.kind() == io::ErrorKind::NotFound
    {
        let data_dir = config.data_dir.display().to_string();
        return Err(NoAnswer::NeverStarted { data_dir });
    }
    Ok(key.context("cannot act as the operator; give a token by --token or PALISADE_TOKEN")?)
}

impl From<NoAnswer> for super::Failure {
    fn from(no_answer: NoAnswer) -> Self {
        Self::Other(match no_answer {
            NoAnswer::Other(error) => error,
            nobody @ (NoAnswer::NotRunning { .. } | NoAnswer::NeverStarted { .. }) => nobody.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_gateway_runs_while_there_is_a_process_of_its_folders_owner() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_alive(std::process::id(), folder.path()));
        // Larger than any that Linux gives (proc(5), pid_max).
        assert!(!is_alive(1 << 23, folder.path()));
    }
}
