//! Connections whose clients have not said yet who they are: so many, so many from one address, and the one that has been
//! silent longest makes room for the next.
//!
//! A client with a token is let in within moments, so it is never the one that goes; a flood of silent ones pushes out its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use palisade_admin::client_at;
use tokio::sync::oneshot;

/// One address has at most this part of all places.
const SHARE: usize = 2;

/// The places of those who wait to be let in.
#[derive(Clone, Debug)]
pub struct Lobby(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: usize,
    guests: Mutex<Guests>,
}

#[derive(Debug, Default)]
struct Guests {
    next: u64,
    /// In the order in which they came.
    waiting: BTreeMap<u64, (IpAddr, oneshot::Sender<()>)>,
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
}

/// A place. Dropping it gives it back.
#[derive(Debug)]
pub struct Guest {
    id: u64,
    lobby: Lobby,
    leave: oneshot::Receiver<()>,
}

impl Lobby {
    /// So many places, at least one.
    pub fn new(all: usize) -> Self {
        Self(Arc::new(Inner { all: all.max(1), guests: Mutex::default() }))
    }

    /// Takes a place. Where the address has its share, or there is none left, whoever of them has had one longest gives it up.
    pub fn enter(&self, client: SocketAddr) -> Guest {
        let address = client_at(client.ip());
        let mut guests = self.guests();
        let own = guests.by_address.get(&address);
        let own_oldest = own.filter(|own| own.len() >= self.0.all.div_ceil(SHARE));
        let oldest = match own_oldest.and_then(BTreeSet::first) {
            Some(oldest) => Some(*oldest),
            None if guests.waiting.len() >= self.0.all => guests.waiting.keys().next().copied(),
            None => None,
        };
        if let Some(leave) = oldest.and_then(|oldest| guests.leave(oldest)) {
            // It may have left by itself just now.
            let _ = leave.send(());
        }
        let id = guests.next;
        guests.next += 1;
        let (tell, leave) = oneshot::channel();
        guests.waiting.insert(id, (address, tell));
        guests.by_address.entry(address).or_default().insert(id);
        Guest { id, lobby: self.clone(), leave }
    }

    fn guests(&self) -> MutexGuard<'_, Guests> {
        // Each change leaves the two maps alike: a panic elsewhere does not make them wrong.
        self.0.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guests {
    fn leave(&mut self, id: u64) -> Option<oneshot::Sender<()>> {
        let (address, leave) = self.waiting.remove(&id)?;
        if let Some(own) = self.by_address.get_mut(&address) {
            own.remove(&id);
            if own.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(leave)
    }
}

impl Guest {
    /// Ends when the place is wanted for another.
    pub async fn pushed_out(mut self) {
        // The sender goes with the place, and never without a word.
        let _ = (&mut self.leave).await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It is not there any more where it was pushed out.
        let _ = self.lobby.guests().leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 50_000))
    }

    #[tokio::test]
    async fn who_waited_longest_makes_room_for_the_next() {
        let lobby = Lobby::new(2);
        let first = lobby.enter(client(1));
        let _others = [lobby.enter(client(2)), lobby.enter(client(3))];
        first.pushed_out().await;
        assert_eq!(lobby.guests().waiting.len(), 2);
    }

    #[tokio::test]
    async fn an_address_that_has_its_share_pushes_out_its_own() {
        let lobby = Lobby::new(4);
        let other = lobby.enter(client(2));
        let first = lobby.enter(client(1));
        let _more = [lobby.enter(client(1)), lobby.enter(client(1))];
        first.pushed_out().await;
        assert!(lobby.guests().waiting.contains_key(&other.id), "there was room for others");
    }

    #[tokio::test]
    async fn a_network_of_ipv6_has_one_share_whatever_its_addresses() {
        let at = |last| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 50_000));
        let lobby = Lobby::new(4);
        let other = lobby.enter(client(2));
        let first = lobby.enter(at(1));
        let _more = [lobby.enter(at(2)), lobby.enter(at(3))];
        first.pushed_out().await;
        assert!(lobby.guests().waiting.contains_key(&other.id), "there was room for others");
    }

    #[test]
    fn a_place_that_is_given_back_is_free() {
        let lobby = Lobby::new(2);
        drop(lobby.enter(client(1)));
        assert!(lobby.guests().waiting.is_empty() && lobby.guests().by_address.is_empty());
    }
}
