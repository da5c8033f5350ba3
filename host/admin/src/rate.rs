//! How fast one client may ask: so many requests at once, and so many a second after that.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests at once.
const BURST: f64 = 300.0;
/// Requests a second.
const RATE: f64 = 50.0;
/// How many clients are told apart; with more of them at the same time the rest share one budget.
const MOST: usize = 10_000;

/// The budgets of all clients, by what tells them apart; that of the rest is nobody's own.
#[derive(Debug)]
pub(crate) struct Rates<K>(Mutex<HashMap<Option<K>, (f64, Instant)>>);

impl<K> Default for Rates<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// What stands for the client at an address, where clients are counted: its IPv4 address, or the first half of its IPv6
/// address (RFC 4291, 2.5.4), since one host has all of the second half.
#[must_use]
pub fn client_at(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl<K: Eq + Hash> Rates<K> {
    /// Whether this client may ask now. The error is how long it should wait.
    pub(crate) fn spend(&self, client: K, now: Instant) -> Result<(), Duration> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |(left, at): (f64, Instant)| {
            (left + now.saturating_duration_since(at).as_secs_f64() * RATE).min(BURST)
        };
        let mut client = Some(client);
        if budgets.len() >= MOST && !budgets.contains_key(&client) {
            budgets.retain(|_, budget| left(*budget) < BURST);
            if budgets.len() >= MOST {
                client = None;
            }
        }
        let budget = budgets.get(&client).map_or(BURST, |budget| left(*budget));
        if budget < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - budget) / RATE));
        }
        budgets.insert(client, (budget - 1.0, now));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_fine_and_after_that_so_many_a_second() {
        let (rates, now) = (Rates::default(), Instant::now());
        let [one, other] = ["one", "other"];
        for _ in 0..300 {
            assert_eq!(rates.spend(one, now), Ok(()));
        }
        assert!(rates.spend(one, now).is_err());
        assert_eq!(rates.spend(other, now), Ok(()), "another client has its own budget");
        let later = now + Duration::from_secs(1);
        let spent = (0..100).filter(|_| rates.spend(one, later).is_ok()).count();
        assert_eq!(spent, 50);
    }

    #[test]
    fn one_host_has_one_budget_however_many_addresses_it_has() {
        let (rates, now) = (Rates::default(), Instant::now());
        for number in 0..300u16 {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, number);
            assert_eq!(rates.spend(client_at(address.into()), now), Ok(()));
        }
        let at = |address: &str| client_at(address.parse().unwrap());
        assert!(rates.spend(at("2001:db8:0:1:ffff::1"), now).is_err());
        assert_eq!(rates.spend(at("2001:db8:0:2::1"), now), Ok(()), "another network");
        assert_eq!(client_at("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let (rates, now) = (Rates::default(), Instant::now());
        for number in 0..u32::try_from(MOST).unwrap() + 100 {
            let _ = rates.spend(number, now);
        }
        assert!(rates.0.lock().unwrap().len() <= MOST + 1);
    }
}
