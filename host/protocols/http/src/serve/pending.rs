//! Requests that wait for a person while their client does not: it asks again, and again until there is an answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use uuid::Uuid;

use crate::Reply;

/// Requests of one session that wait, or have an answer that nobody fetched; the oldest answers go first.
const MOST: usize = 32;
/// Below this path of a connection they are asked for.
pub(super) const PATH: &str = "/.palisade/requests/";

/// A session's requests.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: HashMap<String, State>,
    order: VecDeque<String>,
}

#[derive(Debug)]
enum State {
    Waiting(Reply),
    Done(Answer),
}

/// What a request came to.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// The gateway's own words.
    Reply(Reply),
    /// The service's, as far as the client may see them.
    Response(StatusCode, HeaderMap, Bytes),
}

impl Pending {
    /// Keeps a request; gives its id, or `None` where as many wait as may.
    pub(super) fn keep(&self, meanwhile: impl FnOnce(&str) -> Reply) -> Option<(String, Reply)> {
        let mut inner = self.inner();
        if inner.requests.len() >= MOST {
            let done = inner
                .order
                .iter()
                .position(|id| matches!(inner.requests.get(id), Some(State::Done(_))))?;
            let oldest = inner.order.remove(done)?;
            inner.requests.remove(&oldest);
        }
        let id = Uuid::now_v7().to_string();
        let reply = meanwhile(&id);
        inner.requests.insert(id.clone(), State::Waiting(reply.clone()));
        inner.order.push_back(id.clone());
        Some((id, reply))
    }

    pub(super) fn done(&self, id: &str, answer: Answer) {
        if let Some(state) = self.inner().requests.get_mut(id) {
            *state = State::Done(answer);
        }
    }

    /// The answer, which is fetched once; or what there is to say meanwhile.
    pub(super) fn fetch(&self, id: &str) -> Option<Answer> {
        let mut inner = self.inner();
        match inner.requests.get(id)? {
            State::Waiting(reply) => return Some(Answer::Reply(reply.clone())),
            State::Done(_) => {}
        }
        inner.order.retain(|known| known != id);
        match inner.requests.remove(id)? {
            State::Done(answer) => Some(answer),
            State::Waiting(reply) => Some(Answer::Reply(reply)),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Both parts change together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
