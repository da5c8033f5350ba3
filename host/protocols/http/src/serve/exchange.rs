//! An allowed request, run at its service.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HOST};
use http::{HeaderValue, Method};
use palisade_policy::Allowed;
use pingora_core::connectors::http::Connector;
use pingora_error::{Error, ErrorSource, ErrorType};

use super::addresses::Addresses;
use super::incoming::{Asked, Incoming};
use super::sessions::Shared;
use super::underway::Underway;
use super::upstream::{Sending, Upstream, connect, is_token_repeated};
use super::{Options, validators};
use crate::response::Public;
use crate::{Body, Credential, Length, Outgoing, Refused, Reply, Request};

/// What runs requests.
pub(super) struct Runner {
    pub options: Options,
    pub connector: Connector,
    pub addresses: Addresses,
}

/// A request that may run.
pub(super) struct Run<'a> {
    pub session: &'a Arc<Shared>,
    pub allowed: &'a Allowed,
    pub request: &'a Request,
    pub prefix: &'a str,
}

impl Runner {
    /// Runs a request and treats its response. The record has what the client is told, or that it was dropped.
    ///
    /// # Errors
    /// What the client is told in place of a response.
    pub(super) async fn run(
        &self,
        run: &Run<'_>,
        through: Option<&mut pingora_core::protocols::http::ServerSession>,
    ) -> Result<Incoming, Reply> {
        let underway = Underway::of(run);
        let outcome = self.exchange(run, through).await;
        match &outcome {
            Ok(_) => underway.begun(),
            Err(reply) => underway.failed(reply),
        }
        outcome
    }

    async fn exchange(
        &self,
        run: &Run<'_>,
        through: Option<&mut pingora_core::protocols::http::ServerSession>,
    ) -> Result<Incoming, Reply> {
        let credential = self.credential(run).await?;
        let upstream = self.send(run, &credential, through).await?;
        let target = &run.request.head.target.text();
        let asked = Asked {
            session: run.session,
            number: run.allowed.number,
            method: &run.request.head.method,
            target,
            credential: &credential,
            stores: stores(run, &credential),
            public: Public {
                origin: run.session.backend.origin().text(),
                prefix: run.prefix,
                target,
            },
            record_limit: self.options.record_limit,
            response_limit: self.options.response_limit,
        };
        asked.treat(upstream).await
    }

    pub(super) async fn credential(&self, run: &Run<'_>) -> Result<Credential, Reply> {
        run.session.backend.credential().await.map_err(|why| {
            tracing::error!(session = run.session.id, why, "a credential cannot be read");
            let why = "the gateway has no credential for the service now";
            Reply::unavailable(502, why, &run.session.id)
        })
    }

    /// Sends the request; once more where a connection of the pool was over, and the request can be repeated.
    pub(super) async fn send(
        &self,
        run: &Run<'_>,
        credential: &Credential,
        mut through: Option<&mut pingora_core::protocols::http::ServerSession>,
    ) -> Result<Upstream, Reply> {
        let (backend, websocket) = (&*run.session.backend, run.request.head.websocket);
        // What was approved for one run is not sent twice.
        let once = run.allowed.once || through.is_some() || websocket;
        let repeats = is_idempotent(&run.request.head.method) && !once;
        loop {
            let outgoing = outgoing(run, credential)?;
            let ways = (&self.connector, &self.addresses);
            let connected = connect(ways, backend, &self.options, websocket).await;
            let mut upstream = connected.map_err(|error| failed(run, &error))?;
            let mut sending = match (&run.request.body, through.as_deref_mut()) {
                (Body::Read { bytes, .. }, _) => Sending::Bytes(bytes.clone()),
                (Body::Unread(Length::Known(0)), _) | (_, None) => Sending::Bytes(Bytes::new()),
                (Body::Unread(length), Some(http)) => {
                    Sending::Through(*length, http, run.session.token.passing())
                }
            };
            match upstream.send(outgoing, &mut sending, websocket).await {
                Ok(()) => return Ok(upstream),
                // Only a connection that was in the pool can have been over.
                Err(_) if repeats && upstream.reused => upstream.session.shutdown().await,
                Err(error) => {
                    upstream.session.shutdown().await;
                    return Err(failed(run, &error));
                }
            }
        }
    }
}

/// The request as the service gets it: built from what was judged, with the gateway's credential.
fn outgoing(run: &Run<'_>, credential: &Credential) -> Result<Outgoing, Reply> {
    let unusable = |why: &str| Reply::unavailable(502, why, &run.session.id);
    let origin = run.session.backend.origin();
    let mut headers = run.request.head.headers.clone();
    let host = HeaderValue::from_str(origin.authority());
    headers.insert(HOST, host.map_err(|_| unusable("the service's name is no host"))?);
    validators::ask(run, &mut headers).map_err(|denial| Reply::denied(&denial, &run.session.id))?;
    // What is compressed cannot be looked at.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let mut outgoing = Outgoing {
        method: run.request.head.method.clone(),
        origin: Arc::clone(origin.text()),
        target: run.request.head.target.clone(),
        headers,
        body: match &run.request.body {
            Body::Read { bytes, .. } => Some(bytes.clone()),
            Body::Unread(Length::Known(0)) => Some(Bytes::new()),
            Body::Unread(_) => None,
        },
    };
    credential.apply(&mut outgoing).map_err(|error| {
        tracing::error!(session = run.session.id, %error, "a credential cannot be used");
        unusable("the gateway's credential cannot be used for this request")
    })?;
    Ok(outgoing)
}

/// Methods that do the same however often they are run (RFC 9110 section 9.2.2).
fn is_idempotent(method: &Method) -> bool {
    let these = [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE];
    these.contains(method)
}

/// What a client is told when a request did not come through. The cause is for the operator's log.
fn failed(run: &Run<'_>, error: &Error) -> Reply {
    let session = &run.session.id;
    tracing::warn!(session, error = %error.etype().as_str(), "a request did not come through");
    if is_token_repeated(error) {
        return Reply::refused(Refused::Token, session);
    }
    let (status, why) = match *error.esource() {
        ErrorSource::Downstream => (400, "the request broke off"),
        _ => unreachable(error),
    };
    Reply::unavailable(status, why, session)
}

/// Why a service gave no response, with the status that says so.
pub(super) fn unreachable(error: &Error) -> (u16, &'static str) {
    match error.etype() {
        ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout => {
            (504, "the service does not accept connections in time")
        }
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => {
            (504, "the service did not answer in time")
        }
        ErrorType::ConnectRefused | ErrorType::ConnectNoRoute | ErrorType::ConnectError => {
            (502, "the service cannot be reached")
        }
        ErrorType::InvalidCert | ErrorType::TLSHandshakeFailure => {
            (502, "the service's certificate is not trusted, or it speaks no TLS")
        }
        _ => (502, "the service broke the exchange off"),
    }
}

/// Whether a request stores what it has with it as it is, and nothing else: what is a digest of that tells its client nothing.
fn stores(run: &Run<'_>, credential: &Credential) -> bool {
    let [operation] = &*run.allowed.command.operations else { return false };
    run.request.head.method == Method::PUT
        && credential.is_of_objects()
        && operation.facts.iter().all(|(name, _)| name != "elsewhere")
}
