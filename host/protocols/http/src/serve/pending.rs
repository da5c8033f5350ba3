//! Requests that wait for a person while their client does not: it asks again, and again until there is an answer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use uuid::Uuid;

use super::covering::Covering;
use crate::Reply;

/// Requests of one session that wait, or have an answer that nobody fetched; the oldest answers go first.
const MOST: usize = 32;
/// So much may those that wait take in memory, in bytes; one alone may take more.
const MOST_WAITING: usize = 32 << 20;
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
    /// With what the request takes in memory, in bytes.
    Waiting(Reply, usize),
    Done(Answer),
}

/// What a request came to.
#[derive(Debug)]
pub(super) enum Answer {
    /// The gateway's own words.
    Reply(Reply),
    /// The service's.
    Response(Box<Kept>),
}

/// A response, as far as the client might see it when it came.
#[derive(Debug)]
pub(super) struct Kept {
    /// The number of its request on record.
    pub number: u64,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    /// What its headers were covered by, and its body.
    pub covering: [Covering; 2],
}

impl State {
    /// What it takes while it waits.
    fn waits(&self) -> usize {
        match self {
            Self::Waiting(_, size) => *size,
            Self::Done(_) => 0,
        }
    }
}

impl Pending {
    /// Keeps a request that takes so many bytes; gives its id, or `None` where as many wait as may.
    pub(super) fn keep(
        &self,
        size: usize,
        meanwhile: impl FnOnce(&str) -> Reply,
    ) -> Option<(String, Reply)> {
        let mut inner = self.inner();
        let waiting = inner.requests.values().map(State::waits).sum::<usize>();
        if waiting > 0 && waiting + size > MOST_WAITING {
            return None;
        }
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
        inner.requests.insert(id.clone(), State::Waiting(reply.clone(), size));
        inner.order.push_back(id.clone());
        Some((id, reply))
    }

    /// Keeps an answer until it is fetched; of all that are kept, the oldest go beyond `most` bytes.
    pub(super) fn done(&self, id: &str, answer: Answer, most: usize) {
        let mut inner = self.inner();
        if let Some(state) = inner.requests.get_mut(id) {
            *state = State::Done(answer);
        }
        let mut kept = 0;
        let Inner { requests, order } = &mut *inner;
        for id in order.iter().rev() {
            let Some(State::Done(Answer::Response(response))) = requests.get(id) else { continue };
            kept += response.bytes.len();
            if kept > most {
                requests.remove(id);
            }
        }
        order.retain(|id| requests.contains_key(id));
    }

    /// The answer, which is fetched once; or what there is to say meanwhile.
    pub(super) fn fetch(&self, id: &str) -> Option<Answer> {
        let mut inner = self.inner();
        match inner.requests.get(id)? {
            State::Waiting(reply, _) => return Some(Answer::Reply(reply.clone())),
            State::Done(_) => {}
        }
        inner.order.retain(|known| known != id);
        match inner.requests.remove(id)? {
            State::Done(answer) => Some(answer),
            State::Waiting(reply, _) => Some(Answer::Reply(reply)),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Both parts change together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use palisade_policy::{Edition, Shape};

    use super::*;

    fn keep_large(pending: &Pending, size: usize) -> Option<String> {
        pending.keep(size, |_| Reply::held(&[], "", "")).map(|(id, _)| id)
    }

    fn keep(pending: &Pending) -> String {
        keep_large(pending, 1).unwrap()
    }

    fn answer(length: usize) -> Answer {
        let covering = || Covering {
            edition: Edition::default(),
            shape: Shape::ByteStream,
            masking: Arc::default(),
        };
        Answer::Response(Box::new(Kept {
            number: 1,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            bytes: vec![0; length].into(),
            covering: [covering(), covering()],
        }))
    }

    #[test]
    fn the_oldest_answers_go_where_there_is_too_much_of_them() {
        let pending = Pending::default();
        let ids: Vec<String> = (0..3).map(|_| keep(&pending)).collect();
        for id in &ids {
            pending.done(id, answer(40), 100);
        }
        assert!(pending.fetch(&ids[0]).is_none());
        assert!(pending.fetch(&ids[1]).is_some() && pending.fetch(&ids[2]).is_some());
    }

    #[test]
    fn what_waits_is_kept_and_there_is_so_much_of_it() {
        let pending = Pending::default();
        let first = keep(&pending);
        (1..MOST).for_each(|_| drop(keep(&pending)));
        assert!(keep_large(&pending, 1).is_none());
        pending.done(&first, answer(1), 10);
        // An answer that nobody fetched makes room.
        assert!(keep_large(&pending, 1).is_some());
        assert!(pending.fetch(&first).is_none());
    }

    #[test]
    fn large_requests_that_wait_are_fewer_and_one_at_least() {
        let pending = Pending::default();
        let first = keep_large(&pending, 2 * MOST_WAITING).unwrap();
        assert!(keep_large(&pending, 1).is_none());
        // What has its answer waits no more.
        pending.done(&first, answer(1), 10);
        assert!(keep_large(&pending, MOST_WAITING - 1).is_some());
        assert!(keep_large(&pending, 1).is_some() && keep_large(&pending, 1).is_none());
    }
}
