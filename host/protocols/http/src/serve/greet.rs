//! Tries a service as a session would, by one request that changes nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use pingora_core::connectors::http::Connector;

use super::addresses::Addresses;
use super::exchange::unreachable;
use super::upstream::{Sending, connect};
use super::{Backend, Options};
use crate::{Outgoing, Target};

/// Sends `GET /` with the gateway's credential, and gives the status of what comes back.
///
/// # Errors
/// Why nothing does, in words that hold no secret.
pub async fn greet(backend: &dyn Backend, limit: Duration) -> Result<u16, String> {
    let credential = backend.credential().await;
    let credential = credential.map_err(|why| format!("the credential cannot be read: {why}"))?;
    let origin = backend.origin();
    let host = HeaderValue::from_str(origin.authority());
    let headers = HeaderMap::from_iter([
        (HOST, host.map_err(|_| "the service's name is no host".to_owned())?),
        (USER_AGENT, HeaderValue::from_static("palisade")),
        (ACCEPT, HeaderValue::from_static("*/*")),
    ]);
    let mut outgoing = Outgoing {
        method: Method::GET,
        origin: Arc::clone(origin.text()),
        target: Target::parse(b"/").map_err(|refused| refused.to_string())?,
        headers,
        body: Some(Bytes::new()),
    };
    credential.apply(&mut outgoing).map_err(|error| error.to_string())?;
    let options = Options { dial_time: limit, patience: limit, ..Options::default() };
    let (connector, addresses) = (Connector::new(None), Addresses::default());
    let asked = async {
        let mut upstream = connect((&connector, &addresses), backend, &options, false).await?;
        upstream.send(outgoing, &mut Sending::Bytes(Bytes::new()), false).await?;
        let status = upstream.session.response_header().map(|head| head.status.as_u16());
        upstream.session.shutdown().await;
        Ok::<_, Box<pingora_error::Error>>(status)
    };
    let status = match tokio::time::timeout(limit, asked).await {
        Err(_) => Err("it does not answer in time".to_owned()),
        Ok(Err(error)) => Err(unreachable(&error).1.to_owned()),
        Ok(Ok(status)) => status.ok_or_else(|| "it answers without a head".to_owned()),
    };
    if let Ok(401) = status {
        backend.credential_refused();
    }
    status
}
