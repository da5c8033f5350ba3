//! Requests without a session (revision 2026-07-28): each says all that there is to know of it, and its headers say it again.
//!
//! The gateway keeps one session for all requests of a token at a connection that declare the same capabilities, so that
//! servers are begun once.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::mpsc;

use super::direct::{Piece, status};
use super::session::{Event, Live};
use super::{Beginning, Body, Guest, Reply, Service, gone, problem, rpc};
use crate::conversation::{LARGEST_CAPABILITIES, META_VERSION};
use crate::json::Json;
use crate::message::{HEADER_MISMATCH, INVALID_PARAMS, Id, Message, RpcError, UNSUPPORTED_VERSION};
use crate::mirror;
use crate::revision::Revision;

/// So many pieces wait for whoever serves HTTP.
const MOST_WAITING: usize = 8;
/// The member of `_meta` by which a request says what its client can do.
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Capabilities that servers are told of.
const TOLD: [&str; 3] = ["sampling", "elicitation", "roots"];

/// A request without a session.
pub(super) struct Lone {
    pub(super) message: Message,
    /// What its client can do, in one order.
    capabilities: Json,
    /// Arguments that headers repeat, by the headers' names behind the prefix.
    mirrored: Vec<(String, String)>,
}

/// Whether the headers are of a revision that has no sessions, or of one that nobody knows.
pub(super) fn is_meant(headers: &HeaderMap) -> bool {
    let known = |version: &http::HeaderValue| version.to_str().ok().and_then(Revision::named);
    headers.get_all(mirror::VERSION).iter().any(|version| known(version).is_none())
}

/// The revision that a request's params say.
pub(super) fn asked(params: &Json) -> Option<&str> {
    params.get("_meta")?.str_at(META_VERSION)
}

/// Checks a request, and that its headers say what it does.
pub(super) fn check(headers: &HeaderMap, message: Message) -> Result<Lone, Reply> {
    let Message::Request { id, method, params } = &message else {
        return Err(problem(400, "a request is the one message that has an answer here"));
    };
    let refuse = |code, why: &str| answer(id, RpcError::new(code, why));
    let meta = params.get("_meta").unwrap_or(&Json::Null);
    let (Some(version), Some(capabilities)) =
        (meta.str_at(META_VERSION), meta.get(META_CAPABILITIES).filter(|it| it.is_object()))
    else {
        let why = "`_meta` must say the client's revision and capabilities";
        return Err(refuse(INVALID_PARAMS, why));
    };
    let mismatch = |header: &str| {
        refuse(HEADER_MISMATCH, &format!("the header {header} does not say what the message does"))
    };
    let name = mirror::named_by(method).and_then(|member| params.str_at(member));
    let expected =
        [(mirror::VERSION, Some(version)), (mirror::METHOD, Some(method)), (mirror::NAME, name)];
    for (header, expected) in expected {
        let said = once(headers, header).map_err(|()| mismatch(header))?;
        if said.as_deref() != expected {
            return Err(mismatch(header));
        }
    }
    if version != Revision::STATELESS.name() {
        return Err(answer(id, unsupported(version)));
    }
    let mirrored = arguments(headers).map_err(|()| mismatch("Mcp-Param"))?;
    if !mirrored.is_empty() && method != "tools/call" {
        return Err(mismatch("Mcp-Param"));
    }
    let mut told = Json::Object(vec![]);
    for name in TOLD {
        if let Some(capability) = capabilities.get(name) {
            told.set(name, capability.sorted());
        }
    }
    if told.size() > LARGEST_CAPABILITIES {
        return Err(refuse(INVALID_PARAMS, super::TOO_CAPABLE));
    }
    Ok(Lone { capabilities: told, mirrored, message })
}

/// What a header says that may be there once: two readers could go by two of them.
fn once(headers: &HeaderMap, name: &str) -> Result<Option<String>, ()> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(());
    }
    value.to_str().ok().and_then(mirror::decode).map(Some).ok_or(())
}

fn arguments(headers: &HeaderMap) -> Result<Vec<(String, String)>, ()> {
    let named = headers.keys().filter_map(|name| name.as_str().strip_prefix(mirror::ARGUMENT));
    named
        .map(|name| {
            let said = once(headers, &format!("{}{name}", mirror::ARGUMENT))?;
            Ok((name.to_owned(), said.ok_or(())?))
        })
        .collect()
}

/// Tells a client which revisions there are.
fn unsupported(version: &str) -> RpcError {
    let supported = Revision::names().map(Json::text).collect();
    RpcError {
        code: UNSUPPORTED_VERSION,
        message: "the gateway does not speak this revision of the protocol".to_owned(),
        data: Some(Json::object([
            ("supported", Json::List(supported)),
            ("requested", Json::text(version)),
        ])),
    }
}

fn answer(id: &Id, error: RpcError) -> Reply {
    let message = Message::Error { id: Some(id.clone()), error };
    rpc(status(&message), &message)
}

/// Whoever answers a request may leave before it has its answer: the session is told.
struct Leaving {
    live: Arc<Live>,
    stream: u64,
    answered: bool,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.answered {
            self.live.left(self.stream);
        }
    }
}

impl Service {
    /// Takes a message of a client that has no session, and its body, which is kept until the message is handed over.
    pub(super) async fn post_stateless(
        &self,
        guest: &dyn Guest,
        headers: &HeaderMap,
        (message, body): (Message, impl AsRef<[u8]> + Send),
    ) -> Result<Reply, Reply> {
        if let Message::Notification { .. } = message {
            // There is none that means something: a request is cancelled by leaving its stream.
            return Ok(Reply { status: 202, headers: vec![], body: Body::Whole(Bytes::new()) });
        }
        let lone = check(headers, message)?;
        let bytes = body.as_ref().len();
        let mut body = Some(body);
        // A session may end while a request is on its way to it.
        for _ in 0..2 {
            let live = self.shared(guest, &lone).await?;
            let (stream, mut pieces) = live.open_direct();
            let mut leaving = Leaving { live: Arc::clone(&live), stream, answered: false };
            let (messages, mirrored) = (vec![lone.message.clone()], lone.mirrored.clone());
            if !live.tell(Event::Client { stream, messages, bytes, mirrored }).await {
                continue;
            }
            // The session counts it from now on, and its answer may wait for a person.
            body.take();
            match pieces.recv().await {
                None => {
                    leaving.answered = true;
                    // It may have been sent on before the session ended: it is not sent twice.
                    return Err(gone());
                }
                Some(Piece::Last(answer, status)) => {
                    leaving.answered = true;
                    let json = ("content-type", "application/json".to_owned());
                    return Ok(Reply {
                        status,
                        headers: vec![json],
                        body: Body::Whole(answer.whole()),
                    });
                }
                Some(first) => {
                    let (to, body) = mpsc::channel(MOST_WAITING);
                    tokio::spawn(forward(first, pieces, to, leaving));
                    return Ok(super::stream(body));
                }
            }
        }
        Err(gone())
    }

    /// The session for this token and these capabilities, which is begun where there is none.
    async fn shared(&self, guest: &dyn Guest, lone: &Lone) -> Result<Arc<Live>, Reply> {
        let key = format!("{}\n{}", guest.owner(), lone.capabilities.to_text());
        let cell = {
            let mut shared =
                self.0.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            shared.retain(|_, cell| {
                let begins = Arc::strong_count(cell) > 1;
                cell.get().map_or(begins, |live: &Arc<Live>| !live.is_over())
            });
            Arc::clone(shared.entry(key).or_default())
        };
        let Message::Request { id, .. } = &lone.message else { return Err(gone()) };
        let begun = cell.get_or_try_init(|| async {
            let beginning = Beginning::Stateless(lone.capabilities.clone());
            let (name, answer) = self.begin_one(guest, id, beginning, 0).await?;
            match (answer, self.lock().get(&name)) {
                (Message::Result { .. }, Some(live)) => Ok(Arc::clone(live)),
                (Message::Error { error, .. }, _) => {
                    Err(rpc(502, &Message::Error { id: Some(id.clone()), error }))
                }
                _ => Err(gone()),
            }
        });
        begun.await.cloned()
    }
}

/// Passes an answer's pieces on, as events, until the client has left.
async fn forward(
    first: Piece,
    mut pieces: mpsc::Receiver<Piece>,
    to: mpsc::Sender<Bytes>,
    mut leaving: Leaving,
) {
    let mut next = Some(first);
    while let Some(piece) = next {
        let (frame, is_last) = match piece {
            Piece::Alive => (Bytes::from_static(b": the gateway waits\n\n"), false),
            Piece::Told(told) => (told.event(), false),
            Piece::Last(answer, _) => (answer.event(), true),
        };
        if is_last {
            leaving.answered = true;
        }
        if to.send(frame).await.is_err() || is_last {
            return;
        }
        next = tokio::select! {
            piece = pieces.recv() => piece,
            () = to.closed() => return,
        };
    }
    leaving.answered = true;
}
