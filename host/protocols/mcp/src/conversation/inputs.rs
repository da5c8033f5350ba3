//! What servers ask of a client that has no session (revision 2026-07-28, multi round-trip requests): it is asked by the
//! result of its own request, and answers with the request sent once more.
//!
//! The server goes on with the request meanwhile; the gateway knows it by the state that the client brings back.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_policy::{Denial, Edition};

use ring::rand::{SecureRandom, SystemRandom};

use super::due::{Caller, Due, Sent};
use super::reverse::client_id;
use super::{Conversation, Effect};
use crate::json::Json;
use crate::message::{INVALID_PARAMS, Id, Message, RpcError};
use crate::request::Ask;

/// For so many ticks a request waits for its client to come back.
const PATIENCE: u32 = 120;
/// So many requests may wait for that.
const MOST_PARKED: usize = 64;
/// What stands before a question's number in the names that clients answer by.
const NAME: &str = "palisade-";

/// A request whose client is asked for something.
pub(super) struct Parked {
    ask: Ask,
    /// What the server owes.
    due: (usize, u64),
    /// What is asked and by which policies that is masked, by the number under which its answer is owed.
    asks: BTreeMap<u64, (Edition, Json)>,
    /// By which the client that brings it back is known; clients that share the session cannot guess it.
    state: String,
    /// The request's number in the record.
    number: u64,
    /// What came of the request while the client was away, and by which policies it is masked.
    outcome: Option<(Edition, Result<Json, RpcError>)>,
    /// Whether the client was told, and has not come back.
    away: bool,
    ticks: u32,
    size: usize,
}

impl Parked {
    /// What the request's params take in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

impl Conversation {
    /// The request in whose place the client can be asked: the only one that this server works on, since it does not say for
    /// which it asks.
    pub(super) fn works_on(&self, server: usize) -> Result<(usize, u64), Denial> {
        let takes =
            |sent: &Sent| matches!(sent.ask, Ask::Call { .. } | Ask::Read(_) | Ask::Prompt { .. });
        let of_it = self.due.iter().filter(|((of, _), _)| *of == server);
        let mut keys = of_it.filter(|(_, due)| due.sent().is_some_and(takes)).map(|(key, _)| *key);
        match (keys.next(), keys.next()) {
            (Some(key), None) if self.parked.len() < MOST_PARKED => Ok(key),
            _ => Err(Denial {
                reason: "the client has no session, and whose request it is for cannot be told"
                    .to_owned(),
                rule: "gateway.input".to_owned(),
                hint: String::new(),
            }),
        }
    }

    /// Asks the client by the result of its own request.
    pub(super) fn ask_by_result(&mut self, due: (usize, u64), key: u64, asked: Json) {
        let Some(Due::Request(Sent { caller, ask, asked: by, number })) = self.due.get(&due) else {
            return;
        };
        let (caller, ask) = (caller.clone(), by.as_deref().unwrap_or(ask).clone());
        let number = *number;
        let new = || {
            let (asks, state, size) = (BTreeMap::new(), state(), caller.size);
            Parked { ask, due, asks, state, number, outcome: None, away: false, ticks: 0, size }
        };
        let edition = self.gate.edition();
        let parked = self.parked.entry(caller.key).or_insert_with(new);
        parked.asks.insert(key, (edition, asked));
        if !parked.away {
            self.send_away(&caller);
        }
    }

    /// Masks what is still asked once more, where the policies changed since.
    fn mask_asks_again(&mut self, key: u64) {
        let newest = self.gate.edition();
        let Some(parked) = self.parked.get(&key) else { return };
        let stale = parked.asks.iter().filter(|(_, (edition, _))| *edition != newest);
        let stale = stale.map(|(number, (_, asked))| (*number, asked.clone()));
        for (number, mut asked) in stale.collect::<Vec<_>>() {
            let masked = self.masked(asked.get("params").unwrap_or(&Json::Null));
            let Some(parked) = self.parked.get_mut(&key) else { return };
            match masked {
                Ok(params) => {
                    asked.set("params", params);
                    parked.asks.insert(number, (newest, asked));
                }
                Err(denial) => {
                    parked.asks.remove(&number);
                    self.client_answers(&client_id(number), Err(super::denied(&denial)));
                }
            }
        }
    }

    fn send_away(&mut self, caller: &Caller) {
        self.mask_asks_again(caller.key);
        let Some(parked) = self.parked.get_mut(&caller.key) else { return };
        (parked.away, parked.ticks) = (true, 0);
        let name = |key: &u64| match client_id(*key) {
            Id::Text(name) | Id::Number(name) => name,
        };
        let asks = parked.asks.iter();
        let asks = asks.map(|(key, (_, asked))| (name(key), asked.clone())).collect();
        let result = Json::object([
            ("resultType", Json::text("input_required")),
            ("inputRequests", Json::Object(asks)),
            ("requestState", Json::text(&parked.state)),
        ]);
        self.asked.remove(&self.asked_as(caller));
        let id = caller.id.clone();
        self.effects.push(Effect::Answer(caller.stream, Message::Result { id, result }));
    }

    /// Keeps what comes of a request while its client is away. Gives it back where it is not.
    pub(super) fn keep_outcome(
        &mut self,
        caller: &Caller,
        outcome: Result<Json, RpcError>,
    ) -> Option<Result<Json, RpcError>> {
        let edition = self.gate.edition();
        match self.parked.get_mut(&caller.key).filter(|parked| parked.away) {
            None => Some(outcome),
            Some(parked) => {
                parked.outcome = Some((edition, outcome));
                None
            }
        }
    }

    /// The client comes back with a request, this state, and its answers.
    ///
    /// # Errors
    /// When it is not the request that waits, or brings what nobody asked.
    pub(super) fn comes_back(
        &mut self,
        caller: &Caller,
        ask: &Ask,
        state: &Json,
        responses: &Json,
    ) -> Result<(), RpcError> {
        let wrong = |what: &str| RpcError::new(INVALID_PARAMS, what);
        let state = state.as_str().filter(|state| !state.is_empty());
        // Another request under this state would not be the one that was judged.
        let is_it = |parked: &Parked| {
            parked.away && parked.ask == *ask && state == Some(parked.state.as_str())
        };
        let parked = self.parked.iter_mut().find(|(_, parked)| is_it(parked));
        let (key, parked) = parked.ok_or_else(|| wrong("no such request waits for its client"))?;
        let mut answers = Vec::new();
        for (name, response) in responses.members() {
            let number = name.strip_prefix(NAME).and_then(|number| number.parse::<u64>().ok());
            let number = number.filter(|number| parked.asks.contains_key(number));
            let number = number.filter(|_| response.is_object());
            let number = number.ok_or_else(|| wrong("it answers what nobody asked"))?;
            answers.push((number, response.clone()));
        }
        answers.iter().for_each(|(number, _)| drop(parked.asks.remove(number)));
        parked.away = false;
        let caller = Caller { key: *key, ..caller.clone() };
        if let Some(Due::Request(sent)) = self.due.get_mut(&parked.due) {
            sent.caller = caller.clone();
        }
        for (number, response) in answers {
            self.client_answers(&client_id(number), Ok(response));
        }
        self.go_on(&caller);
        Ok(())
    }

    /// Goes on with a request whose client is back: with what is still asked, or with what came of it.
    fn go_on(&mut self, caller: &Caller) {
        let Some(parked) = self.parked.get_mut(&caller.key) else { return };
        if parked.away {
            return;
        }
        if !parked.asks.is_empty() {
            return self.send_away(caller);
        }
        let Some(Parked { number, outcome: Some((edition, outcome)), .. }) =
            self.parked.remove(&caller.key)
        else {
            return;
        };
        match outcome {
            // It is masked by the policies of the time when it came.
            Ok(_) if edition != self.gate.edition() => {
                let denial = Denial {
                    reason: "the policies changed while its client was away".to_owned(),
                    rule: "gateway.mask".to_owned(),
                    hint: "Ask once more.".to_owned(),
                };
                self.withhold(caller, number, &denial);
            }
            Ok(result) => self.answer(caller, result),
            Err(error) => self.fail(caller, error),
        }
    }

    /// A server does not want an answer any more.
    pub(super) fn not_asked_any_more(&mut self, key: u64) {
        for parked in self.parked.values_mut() {
            parked.asks.remove(&key);
        }
    }

    /// Clients that do not come back have given up.
    pub(super) fn tick_parked(&mut self) {
        let mut gone = Vec::new();
        for (key, parked) in &mut self.parked {
            parked.ticks = parked.ticks.saturating_add(1);
            if parked.away && parked.ticks > PATIENCE {
                gone.push(*key);
            }
        }
        for parked in gone.iter().filter_map(|key| self.parked.remove(key)).collect::<Vec<_>>() {
            self.owed.retain(|key, _| !parked.asks.contains_key(key));
            let (server, id) = parked.due;
            let why = "its client did not come back with what was asked";
            if let Some(Due::Request(sent)) = self.due.remove(&parked.due) {
                let _ = self.gate.tell_error(sent.number, "cancelled", why);
                self.cancel_at(server, id, why);
            } else if parked.outcome.is_some() {
                let _ = self.gate.tell_error(parked.number, "cancelled", why);
            }
        }
    }
}

/// A state that nobody can guess; none where the system gives no random bytes, and no client comes back by that.
fn state() -> String {
    let mut random = [0; 16];
    match SystemRandom::new().fill(&mut random) {
        Ok(()) => URL_SAFE_NO_PAD.encode(random),
        Err(_) => String::new(),
    }
}
