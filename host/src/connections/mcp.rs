//! An MCP server behind a connection: a program with the secrets that it is given, or a service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use palisade_http::{Backend, Credential, Outgoing, Target};
use palisade_mcp::{Launch, NewTools, Remote, Transport, greet};
use palisade_vault::{Reader, VaultServer};
use ureq::http::{HeaderMap, HeaderValue, Method};
use zeroize::Zeroizing;

use super::server::Password;
use super::service::Service;
use crate::config::{McpConnection, McpPlace, Variable};

/// A server behind a connection.
pub struct McpServer {
    /// The connection's name.
    pub name: String,
    /// Whether its tools wait for an approval when they are first seen, whichever connection offers them.
    pub holds_new: bool,
    place: Place,
}

enum Place {
    Program(Program),
    Service(Arc<Service>, String),
}

#[derive(Clone)]
struct Program {
    command: Vec<String>,
    environment: Vec<(String, Value)>,
    folder: Option<std::path::PathBuf>,
}

/// A variable, or where it is read.
#[derive(Clone)]
enum Value {
    Text(String),
    Secret(Password),
}

impl std::fmt::Debug for McpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpServer").field("connection", &self.name).finish_non_exhaustive()
    }
}

impl McpServer {
    /// The server of a connection; none where that is several of others.
    ///
    /// # Errors
    /// When a secret's reference cannot be used.
    pub fn new(
        name: &str,
        mcp: &McpConnection,
        service: Option<&Arc<Service>>,
        kept: &BTreeMap<String, Password>,
        vault: Option<&VaultServer>,
    ) -> Result<Option<Self>> {
        let place = match (&mcp.place, service) {
            (McpPlace::Program { command, environment, folder }, _) => {
                let value = |name: &String, variable: &Variable| -> Result<Value> {
                    Ok(match variable {
                        Variable::Kept => Value::Secret(
                            kept.get(name)
                                .cloned()
                                .with_context(|| format!("the secret {name}"))?,
                        ),
                        Variable::Text(text) => Value::Text(text.clone()),
                        Variable::Secret(reference) => {
                            Value::Secret(Password::Read(Arc::new(Reader::new(reference, vault)?)))
                        }
                    })
                };
                let environment =
                    environment.iter().map(|(name, it)| Ok((name.clone(), value(name, it)?)));
                Place::Program(Program {
                    command: command.clone(),
                    environment: environment.collect::<Result<_>>()?,
                    folder: folder.clone(),
                })
            }
            (McpPlace::Service(path), Some(service)) => {
                Place::Service(Arc::clone(service), path.clone())
            }
            (McpPlace::Service(_) | McpPlace::Servers(_), _) => return Ok(None),
        };
        let holds_new = mcp.new_tools == NewTools::Hold;
        Ok(Some(Self { name: name.to_owned(), holds_new, place }))
    }

    /// How it is reached, with its secrets.
    ///
    /// # Errors
    /// Where a secret should have come from, and why it did not.
    pub async fn transport(&self) -> Result<Transport, String> {
        match &self.place {
            Place::Program(program) => {
                let program = program.clone();
                // A command or a vault may take seconds: the sessions' threads do not wait for it.
                let launch = tokio::task::spawn_blocking(move || program.launch()).await;
                Ok(Transport::Launch(launch.map_err(|_| "its reading broke off")??))
            }
            Place::Service(service, path) => {
                let credential = service.credential().await?;
                let headers = headers(&credential).ok_or("the credential cannot be sent")?;
                let origin = service.origin();
                let forms = credential.forms().into_iter();
                let secrets = forms.filter_map(|form| String::from_utf8(form.to_vec()).ok());
                Ok(Transport::Remote(Remote {
                    tls: origin.tls,
                    host: origin.host.clone(),
                    port: origin.port,
                    path: path.clone(),
                    headers,
                    secrets: secrets.map(Zeroizing::new).collect(),
                    authorities: service.trust().authorities.clone(),
                    certificate: service.trust().certificate.clone(),
                }))
            }
        }
    }

    /// Told that the credential was refused.
    pub fn credential_refused(&self) {
        match &self.place {
            Place::Program(_) => {}
            Place::Service(service, _) => service.credential_refused(),
        }
    }
}

impl Program {
    fn launch(self) -> Result<Launch, String> {
        let (mut environment, mut secrets) = (Vec::new(), Vec::new());
        if !self.environment.iter().any(|(name, _)| name == "PATH") {
            let path = std::env::var("PATH").unwrap_or_default();
            environment.push(("PATH".to_owned(), Zeroizing::new(path)));
        }
        for (variable, value) in self.environment {
            let value = match value {
                Value::Text(text) => Zeroizing::new(text),
                Value::Secret(password) => {
                    let secret = password.read()?;
                    let secret = Zeroizing::new(secret.expose().clone());
                    secrets.push(secret.clone());
                    secret
                }
            };
            environment.push((variable, value));
        }
        Ok(Launch { command: self.command, environment, secrets, folder: self.folder })
    }
}

/// The servers of a session.
pub struct McpServers(pub Vec<Arc<McpServer>>);

#[async_trait]
impl palisade_mcp::Backend for McpServers {
    async fn transport(&self, server: usize) -> Result<Transport, String> {
        match self.0.get(server) {
            Some(server) => server.transport().await,
            None => Err("there is no such server".to_owned()),
        }
    }

    fn credential_refused(&self, server: usize) {
        if let Some(server) = self.0.get(server) {
            server.credential_refused();
        }
    }
}

impl McpServers {
    /// Tries each as a session would, and says what they offer.
    ///
    /// # Errors
    /// What is wrong with the first that has something wrong.
    pub async fn greet(self, limit: Duration) -> Result<String, String> {
        let names: Vec<String> = self.0.iter().map(|server| server.name.clone()).collect();
        let servers: Arc<dyn palisade_mcp::Backend> = Arc::new(self);
        let mut said = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let greeted = greet(Arc::clone(&servers), (place, name.clone()), limit).await;
            let greeting = greeted.map_err(|why| format!("{name}: {why}"))?;
            said.push(format!("{name} is there, with {}", greeting.offers()));
        }
        Ok(said.join("; "))
    }
}

/// The headers by which the gateway lets itself in.
fn headers(credential: &Credential) -> Option<Vec<(String, Zeroizing<String>)>> {
    let mut outgoing = Outgoing {
        method: Method::POST,
        origin: String::new().into(),
        target: Target::parse(b"/").ok()?,
        headers: HeaderMap::new(),
        body: None,
    };
    credential.apply(&mut outgoing).ok()?;
    let text = |value: &HeaderValue| Some(Zeroizing::new(value.to_str().ok()?.to_owned()));
    let headers = outgoing.headers.iter();
    headers.map(|(name, value)| Some((name.to_string(), text(value)?))).collect()
}
