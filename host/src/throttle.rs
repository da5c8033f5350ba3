//! Failed logins, by where they come from and where they want to go: first they are slowed, then refused unseen.
//!
//! Each failure fills a bucket that drains with time. What is slowed is only the refusal: who has a good token waits for
//! nothing, unless so many bad ones came from the same address that none is looked at any more.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use palisade_admin::client_at;

/// How many failures of one address are answered at once.
const FREE: f64 = 3.0;
/// The refusal after those waits so long, and twice as long after each further one.
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// It waits no longer than this.
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// An address is forgiven one failure in so many seconds.
const ADDRESS_DRAIN: f64 = 10.0;
/// A connection is forgiven so many failures a second.
const CONNECTION_DRAIN: f64 = 1.0;
/// A connection with so many failures is under attack.
const CONNECTION_MOST: f64 = 300.0;
/// How many buckets there are.
const MOST_BUCKETS: usize = 10_000;
/// How often buckets that have drained are thrown away, at most.
const SWEEP: Duration = Duration::from_secs(1);

/// Where failures are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// What stands for the clients at an address.
    Address(IpAddr),
    /// What a connection's name comes to: any name that a client makes up is one, too, and none is kept.
    Connection(u64),
    /// Every address for which there is no bucket left.
    Rest,
}

/// A bucket of failures.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: f64,
    at: Instant,
}

#[derive(Debug, Default)]
struct Buckets {
    by_place: HashMap<Place, Bucket>,
    swept: Option<Instant>,
}

/// Counts failed logins.
#[derive(Debug)]
pub struct Throttle {
    /// How full an address's bucket may be before its logins are refused unseen.
    most: f64,
    /// Made anew at each start, so that nobody finds two names that come to the same.
    names: RandomState,
    buckets: Mutex<Buckets>,
}

/// A login that is refused unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many failed logins, try again in {} s", .0.as_secs().max(1))]
pub struct TooMany(pub Duration);

impl Throttle {
    /// A throttle that refuses an address after so many failures in a short time.
    pub fn new(most: u32) -> Self {
        Self { most: f64::from(most), names: RandomState::new(), buckets: Mutex::default() }
    }

    fn connection(&self, name: &str) -> Place {
        Place::Connection(self.names.hash_one(name))
    }

    /// Whether a login is looked at.
    ///
    /// # Errors
    /// When there were too many failures; until when it says.
    pub fn check(&self, client: SocketAddr, connection: &str, now: Instant) -> Result<(), TooMany> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let address = buckets.address(client);
        let level = buckets.level(&address, now);
        if level > self.most {
            return Err(TooMany(Duration::from_secs_f64((level - self.most) * ADDRESS_DRAIN)));
        }
        // Under attack a connection is closed to addresses that failed lately, and stays open to all others.
        let attacked = buckets.level(&self.connection(connection), now);
        if attacked > CONNECTION_MOST && level > 0.0 {
            let wait = ((attacked - CONNECTION_MOST) / CONNECTION_DRAIN).min(level * ADDRESS_DRAIN);
            return Err(TooMany(Duration::from_secs_f64(wait)));
        }
        Ok(())
    }

    /// Counts a failure. Gives how long its refusal waits.
    pub fn failed(&self, client: SocketAddr, connection: &str, now: Instant) -> Duration {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let address = buckets.address(client);
        let level = buckets.fill(address, now);
        buckets.fill(self.connection(connection), now);
        if level <= FREE {
            return Duration::ZERO;
        }
        let doubled = FIRST_DELAY.mul_f64((level - FREE - 1.0).clamp(0.0, 20.0).exp2());
        doubled.min(LONGEST_DELAY)
    }
}

impl Buckets {
    /// The address's own bucket, or that of the rest where it has none and none is to be had.
    fn address(&mut self, client: SocketAddr) -> Place {
        let place = Place::Address(client_at(client.ip()));
        if self.by_place.len() < MOST_BUCKETS || self.by_place.contains_key(&place) {
            return place;
        }
        Place::Rest
    }

    fn level(&self, place: &Place, now: Instant) -> f64 {
        self.by_place.get(place).map_or(0.0, |bucket| bucket.drained(place, now))
    }

    /// Adds a failure. Gives the level.
    fn fill(&mut self, place: Place, now: Instant) -> f64 {
        if self.by_place.len() >= MOST_BUCKETS && !self.by_place.contains_key(&place) {
            self.sweep(now);
            if self.by_place.len() >= MOST_BUCKETS && place != Place::Rest {
                return 1.0;
            }
        }
        let level = self.level(&place, now) + 1.0;
        self.by_place.insert(place, Bucket { level, at: now });
        level
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.saturating_duration_since(swept) < SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.by_place.retain(|place, bucket| bucket.drained(place, now) > 0.0);
    }
}

impl Bucket {
    fn drained(&self, place: &Place, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let drain = match place {
            Place::Address(_) => passed / ADDRESS_DRAIN,
            Place::Connection(_) | Place::Rest => passed * CONNECTION_DRAIN,
        };
        (self.level - drain).max(0.0)
    }
}

#[cfg(test)]
mod tests;
