//! What plugins may ask of the gateway, where the policy file grants it: a line in the log, the time, counters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use palisade_policy::{Grant, Grants};

use crate::Outbound;
use crate::bindings::palisade::policy::{clock, http, log, state, types};
use crate::limits::Meter;
use crate::outbound::{LARGEST_BODY, NotSent, checked};

/// How many counters a policy has.
const MOST_COUNTERS: usize = 100_000;
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
    pub(crate) grants: Arc<Grants>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outbound: Option<Arc<dyn Outbound>>,
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
    /// When it was last looked through for counters that have ended.
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Counter {
    value: i64,
    ends: Instant,
}

impl Counters {
    /// Adds to a policy's counter and gives what it is then; none where there is no room for another.
    fn add(&self, policy: &Arc<str>, key: &str, amount: i64, life: Duration) -> Option<i64> {
        let now = Instant::now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let OfPolicy { counters, swept } = all.entry(Arc::clone(policy)).or_default();
        if !counters.contains_key(key) && counters.len() >= MOST_COUNTERS {
            // Whoever asks for one more again and again must not have all of them looked through each time.
            if swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP) {
                counters.retain(|_, counter| counter.ends > now);
                *swept = Some(now);
            }
            if counters.len() >= MOST_COUNTERS {
                return None;
            }
        }
        let fresh = || Counter { value: 0, ends: now.checked_add(life).unwrap_or(now) };
        let counter = counters.entry(key.to_owned()).or_insert_with(fresh);
        if counter.ends <= now {
            *counter = fresh();
        }
        counter.value = counter.value.saturating_add(amount);
        Some(counter.value)
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
        let value = caller.counters.add(&caller.policy, &key, amount, life);
        value.ok_or_else(|| wasmtime::Error::msg("there is no room for another counter"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_one_policys_and_ends() {
        let counters = Counters::default();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let hour = Duration::from_secs(3600);
        assert_eq!(counters.add(&one, "k", 2, hour), Some(2));
        assert_eq!(counters.add(&one, "k", 3, Duration::ZERO), Some(5));
        assert_eq!(counters.add(&other, "k", 1, hour), Some(1));
        assert_eq!(counters.add(&one, "short", 7, Duration::ZERO), Some(7));
        assert_eq!(counters.add(&one, "short", 1, hour), Some(1));
    }

    #[test]
    fn there_is_room_for_so_many_and_what_has_ended_makes_room() {
        let counters = Counters::default();
        let policy: Arc<str> = "p".into();
        for key in 0..MOST_COUNTERS {
            counters.add(
                &policy,
                &key.to_string(),
                1,
                Duration::from_secs(u64::from(key > 0) * 60),
            );
        }
        assert_eq!(counters.add(&policy, "one more", 1, Duration::from_secs(60)), Some(1));
        assert_eq!(counters.add(&policy, "too many", 1, Duration::from_secs(60)), None);
        assert_eq!(counters.add(&policy, "one more", 1, Duration::from_secs(60)), Some(2));
    }
}
