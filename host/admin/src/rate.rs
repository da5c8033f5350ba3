//! How fast one address may ask: so many requests at once, and so many a second after that.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests at once.
const BURST: f64 = 300.0;
/// Requests a second.
const RATE: f64 = 50.0;
/// How many addresses are told apart; with more of them at the same time the rest share one budget.
const MOST: usize = 10_000;

/// The budgets of all addresses.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<IpAddr, (f64, Instant)>>);

impl Rates {
    /// Whether this address may ask now. The error is how long it should wait.
    pub(crate) fn spend(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |(left, at): (f64, Instant)| {
            (left + now.saturating_duration_since(at).as_secs_f64() * RATE).min(BURST)
        };
        let mut client = client.to_canonical();
        if budgets.len() >= MOST && !budgets.contains_key(&client) {
            budgets.retain(|_, budget| left(*budget) < BURST);
            if budgets.len() >= MOST {
                client = Ipv6Addr::UNSPECIFIED.into();
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
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        for _ in 0..300 {
            assert_eq!(rates.spend(one, now), Ok(()));
        }
        assert!(rates.spend(one, now).is_err());
        assert_eq!(rates.spend(other, now), Ok(()), "another address has its own budget");
        let later = now + Duration::from_secs(1);
        let spent = (0..100).filter(|_| rates.spend(one, later).is_ok()).count();
        assert_eq!(spent, 50);
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let (rates, now) = (Rates::default(), Instant::now());
        for number in 0..u32::try_from(MOST).unwrap() + 100 {
            let _ = rates.spend(IpAddr::from(number.to_be_bytes()), now);
        }
        assert!(rates.0.lock().unwrap().len() <= MOST + 1);
    }
}
