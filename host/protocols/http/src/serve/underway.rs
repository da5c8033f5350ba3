//! What becomes of an allowed request before there is a response: it is on record however it ends.

use super::exchange::Run;
use super::sessions::Shared;
use crate::Reply;

/// An allowed request of which nothing is on record yet but that it may run. Where it is dropped, that is.
pub(super) struct Underway<'a> {
    session: &'a Shared,
    number: u64,
    told: bool,
}

impl<'a> Underway<'a> {
    /// What begins to run.
    pub(super) fn of(run: &Run<'a>) -> Self {
        Self { session: run.session, number: run.allowed.number, told: false }
    }

    /// It came to nothing, and the client is told so. The record has what the client is told.
    pub(super) fn failed(mut self, reply: &Reply) {
        self.tell(&reply.status.to_string(), &reply.reason);
    }

    /// Others see to the record from here on.
    pub(super) fn begun(mut self) {
        self.told = true;
    }

    fn tell(&mut self, code: &str, why: &str) {
        self.told = true;
        // It is over either way.
        let _ = self.session.teller.tell_error(self.number, code, why);
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if self.told {
            return;
        }
        // It ran or it did not; the record says what is known.
        let why = match self.session.is_over_at_once() {
            true => "the session ended before the service answered",
            false => "the client left before the service answered",
        };
        self.tell("499", why);
    }
}
