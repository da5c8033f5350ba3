//! Where services' names lead, kept for a moment: a connection of the pool is found by its address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pingora_error::{Error, ErrorType, Result};

use super::Origin;

/// How long an address is believed.
const KEPT: Duration = Duration::from_secs(10);

/// Addresses by host and port; as many as there are services.
#[derive(Debug, Default)]
pub(super) struct Addresses(Mutex<HashMap<(String, u16), (SocketAddr, Instant)>>);

impl Addresses {
    /// The address of a service.
    pub(super) async fn find(&self, origin: &Origin, time: Duration) -> Result<SocketAddr> {
        let key = (origin.host.clone(), origin.port);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some((address, _)) = known.filter(|(_, since)| since.elapsed() < KEPT) {
            return Ok(address);
        }
        let looked_up = tokio::net::lookup_host((origin.host.as_str(), origin.port));
        let mut found = tokio::time::timeout(time, looked_up)
            .await
            .map_err(|_| Error::explain(ErrorType::ConnectTimedout, "looking up its name"))?
            .map_err(|error| {
                Error::because(ErrorType::ConnectError, "looking up its name", error)
            })?;
        let address = found
            .next()
            .ok_or_else(|| Error::explain(ErrorType::ConnectError, "its name has no address"))?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, (address, Instant::now()));
        Ok(address)
    }

    /// Forgets an address where nobody answers; the next look may find another.
    pub(super) fn forget(&self, origin: &Origin) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(origin.host.clone(), origin.port));
    }
}
