//! An issuer's keys: fetched when one is missed, kept while the issuer cannot be reached.
//!
//! A token can make the gateway fetch, and anybody can send tokens: so there is a pause between two fetches, one at a time,
//! and only so many wait for one.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use crate::TokenRefused;
use crate::issuer::{Discovery, Fetch, Issuer};

/// How long keys are used before they are asked for anew, in seconds.
const FRESH: u64 = 300;
/// How long nothing is fetched after a fetch, whatever was missed, in seconds.
pub(crate) const PAUSE: u64 = 5;
/// The largest key set that is read, in bytes, and the most keys that are taken from it.
const LARGEST: usize = 256 * 1024;
const MOST_KEYS: usize = 100;
/// How many may wait for a fetch.
const MOST_WAITING: usize = 16;

/// One issuer's keys.
pub(crate) struct Keys {
    url: String,
    jwks: Option<String>,
    kept: u64,
    fetch: Box<dyn Fetch>,
    known: Mutex<Arc<Known>>,
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// What is known of the keys at one time.
#[derive(Default)]
struct Known {
    keys: Vec<(String, Key)>,
    /// When they were fetched, and when that was last tried.
    fetched_at: Option<u64>,
    tried_at: Option<u64>,
    /// Why the last try failed.
    problem: Option<String>,
}

/// A public key, and what it may verify; nothing where its use is another.
#[derive(Clone)]
pub(crate) struct Key {
    decoding: DecodingKey,
    algorithms: Vec<Algorithm>,
}

impl Keys {
    pub(crate) fn new(issuer: &Issuer, fetch: Box<dyn Fetch>) -> Self {
        Self {
            url: issuer.url.clone(),
            jwks: issuer.jwks.clone(),
            kept: issuer.keys_kept,
            fetch,
            known: Mutex::default(),
            turn: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The key of this id for this algorithm. May fetch, and then takes as long as that.
    pub(crate) fn find(
        &self,
        id: &str,
        algorithm: Algorithm,
        now: u64,
    ) -> Result<DecodingKey, TokenRefused> {
        let known = self.known();
        let has = known.has(id);
        if (!has || !known.is_younger(FRESH, now)) && known.may_try(now) {
            self.renew(&known, has, now);
        }
        let known = self.known();
        if !known.is_younger(self.kept.max(FRESH), now) {
            let problem = known.problem.clone();
            let problem = problem.unwrap_or_else(|| "too many wait for them".to_owned());
            return Err(TokenRefused::KeysUnavailable(problem));
        }
        if !known.has(id) {
            return Err(TokenRefused::UnknownIssuerKey);
        }
        known.key(id, algorithm).ok_or(TokenRefused::KeyMismatch)
    }

    /// Fetches the keys, or waits for whoever does already; who has a key to go on with does not wait.
    fn renew(&self, seen: &Known, has: bool, now: u64) {
        let Some(_turn) = self.turn(has) else { return };
        let known = self.known();
        if known.tried_at != seen.tried_at {
            return;
        }
        let fetched = self.fetch();
        let new = match fetched {
            Ok(keys) => Known { keys, fetched_at: Some(now), tried_at: Some(now), problem: None },
            Err(problem) => Known {
                keys: known.keys.clone(),
                fetched_at: known.fetched_at,
                tried_at: Some(now),
                problem: Some(problem),
            },
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    fn turn(&self, has: bool) -> Option<MutexGuard<'_, ()>> {
        match self.turn.try_lock() {
            Ok(turn) => return Some(turn),
            Err(TryLockError::Poisoned(turn)) => return Some(turn.into_inner()),
            Err(TryLockError::WouldBlock) if has => return None,
            Err(TryLockError::WouldBlock) => {}
        }
        let turn = (self.waiting.fetch_add(1, Relaxed) < MOST_WAITING)
            .then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        self.waiting.fetch_sub(1, Relaxed);
        turn
    }

    fn fetch(&self) -> Result<Vec<(String, Key)>, String> {
        let found;
        let address = match &self.jwks {
            Some(address) => address,
            None => {
                found = Discovery::ask(&self.url, &*self.fetch)?.jwks_uri;
                &found
            }
        };
        let document = self.fetch.fetch(address, LARGEST)?;
        let set: KeySet =
            serde_json::from_slice(&document).map_err(|_| format!("{address} is no key set"))?;
        Ok(set.keys.into_iter().take(MOST_KEYS).filter_map(read).collect())
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Known {
    fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|(its, _)| its == id)
    }

    fn key(&self, id: &str, algorithm: Algorithm) -> Option<DecodingKey> {
        let fits = |(its, key): &&(String, Key)| its == id && key.algorithms.contains(&algorithm);
        self.keys.iter().find(fits).map(|(_, key)| key.decoding.clone())
    }

    fn is_younger(&self, age: u64, now: u64) -> bool {
        self.fetched_at.is_some_and(|then| now.saturating_sub(then) < age)
    }

    fn may_try(&self, now: u64) -> bool {
        self.tried_at.is_none_or(|then| now < then || now - then >= PAUSE)
    }
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// Reads one key of a set (RFC 7517); `None` for one without an id, and for kinds that nobody knows.
fn read(mut key: Value) -> Option<(String, Key)> {
    let fields = key.as_object_mut()?;
    let id = fields.get("kid")?.as_str()?.to_owned();
    // What follows is compared as text: new names of uses and algorithms must not make a key unreadable.
    let algorithm = fields.remove("alg");
    let meant = fields.remove("use").is_none_or(|meant| meant == "sig");
    let verifies = fields.remove("key_ops").is_none_or(|operations| {
        operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
    });
    let key: Jwk = serde_json::from_value(key).ok()?;
    let decoding = DecodingKey::from_jwk(&key).ok()?;
    let mut algorithms = if meant && verifies { algorithms_of(&key.algorithm) } else { vec![] };
    if let Some(only) = algorithm {
        algorithms
            .retain(|algorithm| only.as_str().is_some_and(|only| is_called(*algorithm, only)));
    }
    Some((id, Key { decoding, algorithms }))
}

fn is_called(algorithm: Algorithm, name: &str) -> bool {
    name.parse() == Ok(algorithm) || (algorithm == Algorithm::EdDSA && name == "Ed25519")
}

fn algorithms_of(parameters: &AlgorithmParameters) -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match parameters {
        AlgorithmParameters::RSA(_) => vec![RS256, RS384, RS512, PS256, PS384, PS512],
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => vec![ES256],
            EllipticCurve::P384 => vec![ES384],
            EllipticCurve::P521 | EllipticCurve::Ed25519 => vec![],
        },
        AlgorithmParameters::OctetKeyPair(pair) => match pair.curve {
            EllipticCurve::Ed25519 => vec![EdDSA],
            EllipticCurve::P256 | EllipticCurve::P384 | EllipticCurve::P521 => vec![],
        },
        // A shared secret in a published key set is nobody's secret.
        AlgorithmParameters::OctetKey(_) => vec![],
    }
}

#[cfg(test)]
mod tests;
