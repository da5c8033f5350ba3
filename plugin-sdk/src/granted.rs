//! What a plugin may ask of the gateway, where its policy file says so: `grants = ["log", "clock", "state"]`.
//!
//! A plugin that calls any of these is no pure function any more: the gateway remembers none of its answers.
//! Natively, for tests, lines go nowhere, it is always 1970, and counters live as long as the thread.

/// Writes a line to the gateway's log. Needs the grant `log`.
pub fn log(message: &str) {
    native_or_gateway::log(message);
}

/// Milliseconds since the beginning of 1970, in UTC. Needs the grant `clock`.
#[must_use]
pub fn now_ms() -> u64 {
    native_or_gateway::now_ms()
}

/// Adds `amount` to this policy's counter `key`, of at most 256 bytes, and gives what it is then. Needs the grant `state`.
///
/// A counter that is not there begins at 0 and ends `expires_in` seconds later.
pub fn count(key: &str, amount: i64, expires_in: u32) -> i64 {
    native_or_gateway::count(key, amount, expires_in)
}

#[cfg(target_arch = "wasm32")]
mod native_or_gateway {
    use crate::bindings::{clock_piece, log_piece, state_piece};

    pub(super) fn log(message: &str) {
        log_piece::palisade::policy::log::info(message);
    }

    pub(super) fn now_ms() -> u64 {
        clock_piece::palisade::policy::clock::now_ms()
    }

    pub(super) fn count(key: &str, amount: i64, expires_in: u32) -> i64 {
        state_piece::palisade::policy::state::add(key, amount, expires_in)
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native_or_gateway {
    use std::cell::RefCell;
    use std::collections::HashMap;

    thread_local! {
        static COUNTERS: RefCell<HashMap<String, i64>> = RefCell::default();
    }

    pub(super) fn log(_message: &str) {}

    pub(super) fn now_ms() -> u64 {
        0
    }

    pub(super) fn count(key: &str, amount: i64, _expires_in: u32) -> i64 {
        COUNTERS.with_borrow_mut(|counters| {
            let counter = counters.entry(key.to_owned()).or_default();
            *counter = counter.saturating_add(amount);
            *counter
        })
    }
}
