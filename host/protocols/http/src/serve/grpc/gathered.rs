//! Messages that are gathered whole: each has a place in memory from its beginning until it is sent, and comes in time.
//!
//! A stream between two messages has no place and may last for days.

use bytes::Bytes;
use pingora_core::protocols::http::v2::client::Http2Session;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::{Stop, Talk, at};
use crate::grpc::{Code, Gather, Whole};

/// A message that is whole.
pub(super) struct Gathered<'a> {
    pub(super) whole: Whole,
    /// It is given back when this is dropped.
    pub(super) place: SemaphorePermit<'a>,
    /// When what belongs to it must have come.
    until: Option<Instant>,
}

impl Talk<'_> {
    /// The next message of the client's; `None` after the last.
    pub(super) async fn next_of_client(
        &self,
        gather: &mut Gather,
        came: &mut Bytes,
    ) -> Result<Option<Gathered<'_>>, Stop> {
        let (mut place, mut until) = (None, None);
        loop {
            let whole = gather.next(came).map_err(|why| self.broken(why))?;
            if place.is_none() && (whole.is_some() || gather.is_amid()) {
                place = Some(self.place()?);
                until = self.in_time();
            }
            if let Some(whole) = whole {
                return Ok(place.map(|place| Gathered { whole, place, until }));
            }
            match self.read_until(until).await? {
                Some(more) => *came = more,
                None => return gather.finish().map(|()| None).map_err(|why| self.broken(why)),
            }
        }
    }

    /// The only message of a client that may say but one thing.
    pub(super) async fn only_of_client(&self) -> Result<Gathered<'_>, Stop> {
        let (mut gather, mut came) = (self.gather(), Bytes::new());
        let only = self.next_of_client(&mut gather, &mut came).await?;
        let only = only.ok_or_else(|| self.malformed("no message, where there must be one"))?;
        loop {
            let second = gather.next(&mut came).map_err(|why| self.broken(why))?;
            if second.is_some() || gather.is_amid() {
                return Err(self.malformed("a second message, where there can be one"));
            }
            match self.read_until(only.until).await? {
                Some(more) => came = more,
                None => break,
            }
        }
        gather.finish().map_err(|why| self.broken(why))?;
        Ok(only)
    }

    /// The next message of the service's; `None` after the last. It waits for a place, and the service with it.
    pub(super) async fn next_of_service(
        &self,
        session: &mut Http2Session,
        gather: &mut Gather,
        came: &mut Bytes,
    ) -> Result<Option<(Whole, SemaphorePermit<'_>)>, Stop> {
        let (mut place, mut until) = (None, None);
        loop {
            let whole = gather.next(came).map_err(|why| self.service_broke(why))?;
            if place.is_none() && (whole.is_some() || gather.is_amid()) {
                place = Some(self.place_of_answer().await?);
                until = self.in_time();
            }
            if let Some(whole) = whole {
                return Ok(place.map(|place| (whole, place)));
            }
            let more = tokio::select! {
                biased;
                () = at(until) => {
                    let why = "the service did not send its message in time";
                    return Err(self.told(Code::Unavailable, why).into());
                }
                more = self.read_more(session) => more?,
            };
            match more {
                Some(more) => *came = more,
                None => {
                    return gather.finish().map(|()| None).map_err(|why| self.service_broke(why));
                }
            }
        }
    }

    async fn read_until(&self, until: Option<Instant>) -> Result<Option<Bytes>, Stop> {
        tokio::select! {
            biased;
            () = at(until) => {
                let why = "a message did not come whole in time";
                Err(self.refused(Code::DeadlineExceeded, "gateway.framing", why))
            }
            came = self.client.read() => came.transpose().map_err(|_| Stop::Gone),
        }
    }

    /// When a message that begins must be whole.
    fn in_time(&self) -> Option<Instant> {
        Instant::now().checked_add(self.connection.service.runner.options.patience)
    }

    /// A place for a message of the client's.
    fn place(&self) -> Result<SemaphorePermit<'_>, Stop> {
        self.session.bodies.try_acquire().map_err(|_| {
            let why = "as many messages of this session are being judged as may be";
            self.told(Code::ResourceExhausted, why).into()
        })
    }

    async fn place_of_answer(&self) -> Result<SemaphorePermit<'_>, Stop> {
        let place = tokio::select! {
            biased;
            place = self.session.answers.acquire() => place.ok(),
            () = at(self.in_time()) => None,
        };
        place.ok_or_else(|| {
            let why = "as many messages to this session are being covered as may be";
            self.told(Code::ResourceExhausted, why).into()
        })
    }
}
