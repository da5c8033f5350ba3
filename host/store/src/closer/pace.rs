//! How a thread that nobody waits for keeps out of the way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// It rests so many times as long as it worked: a segment takes that much longer to be closed.
const RESTS: u32 = 9;

/// What there is to do, and whether there is time for it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// How many segments wait besides the one at hand.
    due: AtomicUsize,
    hurries: AtomicBool,
}

impl Pace {
    /// A segment more is due.
    pub(super) fn add_one(&self) {
        self.due.fetch_add(1, SeqCst);
    }

    /// One that was due is at hand.
    pub(super) fn take_one(&self) {
        self.due.fetch_sub(1, SeqCst);
    }

    /// Somebody waits from now on.
    pub(super) fn hurry(&self) {
        self.hurries.store(true, SeqCst);
    }

    /// Rests after so much work, unless there is more to do than is done at this pace. Whoever adds work, or waits,
    /// wakes the thread.
    pub(crate) fn rest(&self, worked: Duration) {
        if self.due.load(SeqCst) == 0 && !self.hurries.load(SeqCst) {
            thread::park_timeout(worked.saturating_mul(RESTS));
        }
    }
}

/// Gives this thread the lowest priority. Linux has one for each thread, where POSIX has one for the process.
#[cfg(target_os = "linux")]
pub(super) fn let_others_go_first() {
    const LOWEST: i32 = 19;
    if let Err(error) = rustix::process::setpriority_process(None, LOWEST) {
        tracing::debug!(%error, "segments are closed at the priority of everything else");
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn let_others_go_first() {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Ends only if the rest ends at once, or is ended: it would be an hour otherwise.
    fn rests_no_longer(pace: &Arc<Pace>, wake: impl FnOnce()) {
        let resting = Arc::clone(pace);
        let thread = thread::spawn(move || resting.rest(Duration::from_secs(400)));
        wake();
        thread.thread().unpark();
        thread.join().unwrap();
    }

    #[test]
    fn there_is_no_rest_while_another_segment_is_due() {
        let pace = Arc::new(Pace::default());
        pace.add_one();
        pace.rest(Duration::from_secs(400));
    }

    #[test]
    fn there_is_no_rest_while_somebody_waits() {
        let pace = Arc::new(Pace::default());
        pace.hurry();
        pace.rest(Duration::from_secs(400));
    }

    #[test]
    fn a_rest_ends_when_there_is_more_to_do() {
        let pace = Arc::new(Pace::default());
        rests_no_longer(&pace, || pace.add_one());
    }
}
