//! What plugins may ask of the gateway, where the policy file grants it: a line in the log, the time, counters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use palisade_policy::{Context, Grant, Grants, Principal};

use crate::Outbound;
use crate::bindings::palisade::policy::{clock, http, log, state, types};
use crate::limits::Meter;
use crate::outbound::{LARGEST_BODY, NotSent, checked};

/// How many counters a policy has.
const MOST_COUNTERS: usize = 100_000;
/// How many of them one principal may have begun, so that nobody takes the room of all others: who opens sessions without end
/// has a counter in each, where a budget is a session's.
const MOST_OF_ONE: usize = MOST_COUNTERS / 10;
/// How long after one look for counters that have ended the next may follow.
const SWEEP: Duration = Duration::from_secs(1);
/// The longest name of a counter, in bytes.
const LONGEST_KEY: usize = 256;
/// The longest line in the log, in characters.
const LONGEST_LINE: usize = 1_000;

/// Who asks, and what it may ask for.
#[derive(Clone, Default)]
pub(crate) struct Caller {
    pub(crate) policy: Arc<str>,
    /// Whose its counters are: its own, also where another policy has its name.
    pub(crate) counts_as: Arc<str>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outbound: Option<Arc<dyn Outbound>>,
    /// On whose behalf, where the policy looks at that.
    pub(crate) principal: Option<Arc<str>>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { policy, grants, .. } = self;
        f.debug_struct("Caller").field("policy", policy).field("grants", grants).finish()
    }
}

/// A plugin asked for what its policy file does not grant it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Ungranted(pub(crate) String);

impl Caller {
    /// The same on behalf of whoever acts in this context.
    pub(crate) fn on_behalf_of(&self, context: &Context) -> Self {
        let Principal { issuer, subject, .. } = &context.principal;
        let is_known = self.grants.has(Grant::State) && !subject.is_empty();
        let principal = is_known.then(|| format!("{issuer} {subject}").into());
        Self { principal, ..self.clone() }
    }

    pub(crate) fn may(&self, grant: Grant) -> wasmtime::Result<()> {
        if self.grants.has(grant) {
            return Ok(());
        }
        let (name, line) = (grant.name(), grant.line());
        Err(Ungranted(format!("`{name}`; if it shall have it, add `grants = [{line}]`")).into())
    }
}

/// The counters of all policies.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<HashMap<Arc<str>, OfPolicy>>);

/// The counters of one policy.
#[derive(Debug, Default)]
struct OfPolicy {
    counters: HashMap<String, Counter>,
    /// How many each principal has begun.
    begun: HashMap<Arc<str>, usize>,
    /// When it was last looked through for counters that have ended.
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Counter {
    value: i64,
    ends: Instant,
    /// Who began it, where that is known.
    by: Option<Arc<str>>,
}

/// Why there is no further counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoom {
    #[error("there is no room for another counter")]
    AtAll,
    #[error("whoever acts has begun as many counters as one may have")]
    ForOne,
}

impl Counters {
    /// Adds to a policy's counter and gives what it is then.
    fn add(&self, caller: &Caller, key: &str, amount: i64, life: Duration) -> Result<i64, NoRoom> {
        let now = Instant::now();
        let ends = now.checked_add(life).unwrap_or(now);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_policy = all.entry(Arc::clone(&caller.counts_as)).or_default();
        if let Some(counter) = of_policy.counters.get_mut(key) {
            if counter.ends <= now {
                (counter.value, counter.ends) = (0, ends);
            }
            counter.value = counter.value.saturating_add(amount);
            return Ok(counter.value);
        }
        of_policy.make_room(caller.principal.as_ref(), now)?;
        let by = caller.principal.clone();
        if let Some(by) = &by {
            *of_policy.begun.entry(Arc::clone(by)).or_default() += 1;
        }
        of_policy.counters.insert(key.to_owned(), Counter { value: amount, ends, by });
        Ok(amount)
    }
}

impl OfPolicy {
    fn make_room(&mut self, by: Option<&Arc<str>>, now: Instant) -> Result<(), NoRoom> {
        let Err(full) = self.room(by) else { return Ok(()) };
        // Whoever asks for one more again and again must not have all of them looked through each time.
        if self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP) {
            return Err(full);
        }
        self.swept = Some(now);
        self.counters.retain(|_, counter| counter.ends > now);
        self.begun.clear();
        for by in self.counters.values().filter_map(|counter| counter.by.as_ref()) {
            *self.begun.entry(Arc::clone(by)).or_default() += 1;
        }
        self.room(by)
    }

    fn room(&self, by: Option<&Arc<str>>) -> Result<(), NoRoom> {
        let begun = by.and_then(|by| self.begun.get(by)).copied().unwrap_or(0);
        match () {
            () if begun >= MOST_OF_ONE => Err(NoRoom::ForOne),
            () if self.counters.len() >= MOST_COUNTERS => Err(NoRoom::AtAll),
            () => Ok(()),
        }
    }
}

impl types::Host for Meter {}

impl log::Host for Meter {
    fn info(&mut self, message: String) -> wasmtime::Result<()> {
        let caller = self.caller();
        caller.may(Grant::Log)?;
        let message: String = message.chars().take(LONGEST_LINE).collect();
        tracing::info!(policy = %caller.policy, message = %message.escape_debug(), "a policy says");
        Ok(())
    }
}

impl http::Host for Meter {
    fn send(&mut self, request: http::Request) -> wasmtime::Result<Result<http::Response, String>> {
        let caller = self.caller();
        caller.may(Grant::Http)?;
        let http::Request { method, url, headers, body } = request;
        let request = match checked(&caller.grants, method, &url, headers, body) {
            Ok(request) => request,
            Err(NotSent::Wrong(reason)) => return Ok(Err(reason)),
            Err(NotSent::Origin(origin)) => {
                let what = format!("requests to {origin}");
                let line = format!("{{ http = [\"{origin}\"] }}");
                let fix = format!("{what}; if it shall send them, add `grants = [{line}]`");
                return Err(Ungranted(fix).into());
            }
        };
        let Some(outbound) = caller.outbound.clone() else {
            return Ok(Err("requests are not sent here".to_owned()));
        };
        if !self.may_send() {
            return Ok(Err("one call sends two requests at most".to_owned()));
        }
        let answer = outbound.send(request, LARGEST_BODY);
        Ok(answer.map(|answer| http::Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        }))
    }
}

impl clock::Host for Meter {
    fn now_ms(&mut self) -> wasmtime::Result<u64> {
        self.caller().may(Grant::Clock)?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

impl state::Host for Meter {
    fn add(&mut self, key: String, amount: i64, expires_in: u32) -> wasmtime::Result<i64> {
        let caller = self.caller();
        caller.may(Grant::State)?;
        if key.len() > LONGEST_KEY {
            return Err(wasmtime::Error::msg("the name of a counter is too long"));
        }
        let life = Duration::from_secs(expires_in.into());
        Ok(caller.counters.add(caller, &key, amount, life)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn caller(policy: &str, principal: &str) -> Caller {
        let principal = (!principal.is_empty()).then(|| principal.into());
        Caller { counts_as: policy.into(), principal, ..Caller::default() }
    }

    #[test]
    fn a_counter_is_one_policys_and_ends() {
        let counters = Counters::default();
        let (one, other) = (caller("one", ""), caller("other", ""));
        assert_eq!(counters.add(&one, "k", 2, HOUR), Ok(2));
        assert_eq!(counters.add(&one, "k", 3, Duration::ZERO), Ok(5));
        assert_eq!(counters.add(&other, "k", 1, HOUR), Ok(1));
        assert_eq!(counters.add(&one, "short", 7, Duration::ZERO), Ok(7));
        assert_eq!(counters.add(&one, "short", 1, HOUR), Ok(1));
    }

    #[test]
    fn there_is_room_for_so_many_and_what_has_ended_makes_room() {
        let counters = Counters::default();
        let policy = caller("p", "");
        for key in 0..MOST_COUNTERS {
            let life = if key > 0 { HOUR } else { Duration::ZERO };
            counters.add(&policy, &key.to_string(), 1, life).unwrap();
        }
        assert_eq!(counters.add(&policy, "one more", 1, HOUR), Ok(1));
        assert_eq!(counters.add(&policy, "too many", 1, HOUR), Err(NoRoom::AtAll));
        assert_eq!(counters.add(&policy, "one more", 1, HOUR), Ok(2));
    }

    #[test]
    fn who_begins_counters_without_end_takes_nobody_elses_room() {
        let counters = Counters::default();
        let (greedy, other) = (caller("p", "greedy"), caller("p", "other"));
        for key in 0..MOST_OF_ONE {
            let life = if key > 0 { HOUR } else { Duration::ZERO };
            counters.add(&greedy, &key.to_string(), 1, life).unwrap();
        }
        assert_eq!(counters.add(&greedy, "what has ended makes room", 1, HOUR), Ok(1));
        assert_eq!(counters.add(&greedy, "too many", 1, HOUR), Err(NoRoom::ForOne));
        assert_eq!(counters.add(&greedy, "1", 1, HOUR), Ok(2));
        assert_eq!(counters.add(&other, "too many", 1, HOUR), Ok(1));
        assert_eq!(counters.add(&greedy, "too many", 1, HOUR), Ok(2));
    }

    #[test]
    fn it_is_known_on_whose_behalf_a_policy_counts_that_looks_at_that() {
        let grants = Arc::new(Grants::of(&[Grant::State]));
        let caller = Caller { grants, ..Caller::default() };
        let mut context = Context::default();
        assert_eq!(caller.on_behalf_of(&context).principal, None);
        (context.principal.issuer, context.principal.subject) = ("i".into(), "s".into());
        assert_eq!(caller.on_behalf_of(&context).principal.as_deref(), Some("i s"));
    }
}
