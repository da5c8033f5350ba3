//! Tries a connection as a session would, and says what is wrong in plain words.

use std::error::Error;
use std::io;
use std::time::Duration;

use palisade_http::Backend as _;
use palisade_postgres::{Backend as _, ConnectError, LoginRefused, connect};
use palisade_relay::Secure;
use rustls::{CertificateError, Error as Tls};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Known;
use super::server::Server;
use super::service::Service;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Dials and logs in.
pub async fn probe(known: &Known, limit: Duration) -> Value {
    let server = &*known.server;
    let found = match (resolve(server, limit).await, &known.service) {
        (Some(problem), _) => Err(problem),
        (None, Some(service)) => reach(server, service, limit).await,
        (None, None) => {
            match connect(server, vec![("application_name", "palisade")], limit).await {
                Ok((link, _)) => {
                    link.close(GOODBYE).await;
                    Ok("the gateway is let in".to_owned())
                }
                Err(error) => Err(words(&error, server)),
            }
        }
    };
    shown(known, found)
}

/// What was found out about a connection.
pub fn shown(known: &Known, found: Result<String, String>) -> Value {
    let connection = &known.server.connection;
    json!({
        "id": connection.name,
        "ok": found.is_ok(),
        "said": found.as_ref().ok(),
        "problem": found.as_ref().err(),
        "address": match connection.mcp.is_some() && connection.http.is_none() {
            true => String::new(),
            false => format!("{}:{}", connection.host, connection.port),
        },
        "database": connection.database,
        "username": connection.username,
    })
}

/// Asks a service for its root, and says what came back.
async fn reach(server: &Server, service: &Service, limit: Duration) -> Result<String, String> {
    match palisade_http::greet(service, limit).await {
        Ok(401) => Err("the service refuses the credential (401 to GET /)".to_owned()),
        Ok(403) => {
            Ok("the service answers 403 to GET /: it may refuse the credential, or GET / alone"
                .to_owned())
        }
        Ok(status) => Ok(format!("the service answers {status} to GET /")),
        // What is wrong with the way there is told in more words.
        Err(why) => Err(dialled(server, service, limit).await.err().unwrap_or(why)),
    }
}

/// Dials a service, and greets it by TLS.
async fn dialled(server: &Server, service: &Service, limit: Duration) -> Result<(), String> {
    let connection = &server.connection;
    let at = format!("{}:{}", connection.host, connection.port);
    let dialled = TcpStream::connect((connection.host.as_str(), connection.port));
    let stream = match tokio::time::timeout(limit, dialled).await {
        Err(_) => return Err(format!("{at} does not answer: a firewall, or nothing is there")),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return Err(format!("{at} refuses connections: nothing listens on that port"));
        }
        Ok(Err(error)) => return Err(format!("{at} cannot be reached: {error}")),
        Ok(Ok(stream)) => stream,
    };
    // Without the gateway's certificate a service that asks for one hangs up.
    let has_certificate = service.trust().certificate.is_some();
    let by_tls = service.origin().tls && !has_certificate;
    let (true, Secure::Connect(config, name)) = (by_tls, server.secure()) else {
        return Ok(());
    };
    let greeted = TlsConnector::from(config).connect(name, stream);
    match tokio::time::timeout(limit, greeted).await {
        Err(_) => Err(format!("{at} does not answer by TLS")),
        Ok(Err(error)) => Err(tls(&error, &at, &connection.host)),
        Ok(Ok(_)) => Ok(()),
    }
}

async fn resolve(server: &Server, limit: Duration) -> Option<String> {
    let (host, port) = (server.connection.host.as_str(), server.connection.port);
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((host, port))).await;
    let resolves = found.is_ok_and(|found| found.is_ok_and(|mut found| found.next().is_some()));
    (!resolves).then(|| format!("the name {host} does not resolve"))
}

fn words(error: &ConnectError, server: &Server) -> String {
    let connection = &server.connection;
    let at = format!("{}:{}", connection.host, connection.port);
    match error {
        ConnectError::Password(why) => format!("the password cannot be read: {why}"),
        ConnectError::Dial(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            format!("{at} refuses connections: nothing listens on that port")
        }
        ConnectError::Dial(error) => format!("{at} cannot be reached: {error}"),
        ConnectError::Time(seconds) => {
            format!(
                "{at} does not answer within {seconds} seconds: a firewall, or no PostgreSQL server"
            )
        }
        ConnectError::Tls(error) => tls(error, &at, &connection.host),
        ConnectError::Broken(why) => {
            format!("what answers at {at} is no PostgreSQL server, or ends at once ({why})")
        }
        ConnectError::Login(refused) => login(refused, server, &at),
    }
}

fn tls(error: &(dyn Error + 'static), at: &str, host: &str) -> String {
    let mut cause = Some(error);
    while let Some(found) = cause {
        let inner = found.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<Tls>());
        if let Some(found) = found.downcast_ref::<Tls>().or(inner) {
            return certificate(found, at, host);
        }
        cause = found.source();
    }
    format!("the TLS handshake with {at} failed: the server ended it, or speaks no TLS")
}

fn certificate(error: &Tls, at: &str, host: &str) -> String {
    match error {
        Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!("the certificate of {at} is not for the name {host}"),
        Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => format!("the certificate of {at} has expired"),
        Tls::InvalidCertificate(why) => format!(
            "the certificate of {at} is not trusted ({why}): name its authority by tls_ca (--tls-ca FILE)"
        ),
        other => format!("the TLS handshake with {at} failed: {other}"),
    }
}

fn login(refused: &LoginRefused, server: &Server, at: &str) -> String {
    let connection = &server.connection;
    let (user, database) = (&connection.username, &connection.database);
    match refused {
        LoginRefused::NoTls => format!("{at} offers no TLS, which the connection requires"),
        LoginRefused::Frame(_) | LoginRefused::Order(_) => {
            format!("what answers at {at} is no PostgreSQL server")
        }
        LoginRefused::Scram(_) => {
            format!("the password of {user} is wrong, or {at} does not know it")
        }
        LoginRefused::Server { code, message } => match code.as_str() {
            "28P01" => format!("the password of {user} is wrong (the server says: {message})"),
            "28000" if message.contains("not permitted to log in") => {
                format!(
                    "the role {user} needs LOGIN: ALTER ROLE {user} LOGIN (the server says: {message})"
                )
            }
            "28000" => format!(
                "the user {user} may not connect from here, or does not exist: see pg_hba.conf (the server says: {message})"
            ),
            "3D000" => format!("there is no database {database} (the server says: {message})"),
            "42501" => format!(
                "the role {user} needs CONNECT on the database {database} (the server says: {message})"
            ),
            "53300" => format!("the server takes no more connections (it says: {message})"),
            "57P03" => format!("the server is starting up or shutting down (it says: {message})"),
            _ => refused.to_string(),
        },
        LoginRefused::Cleartext | LoginRefused::Method(_) | LoginRefused::Mechanism => {
            refused.to_string()
        }
    }
}
