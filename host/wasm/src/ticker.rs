//! The plugins' clock: a thread that raises the engine's epoch every millisecond while a plugin runs.
//!
//! It sleeps for good while none does, so an idle gateway wakes for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// One step of the epoch.
const TICK: Duration = Duration::from_millis(1);
/// Steps without a call until the thread goes to sleep; a busy gateway need not wake it for each call.
const IDLE_TICKS: u32 = 100;

/// Owns the thread; dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Thread,
    end: Option<JoinHandle<()>>,
}

/// A caller sets `running` and then looks at `asleep`; the thread sets `asleep` and then looks at `running`, each time
/// before it parks. In one total order of these four, at least one of the two sees the other.
#[derive(Debug, Default)]
struct State {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopped: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: Engine) -> std::io::Result<Self> {
        let state = Arc::new(State::default());
        let of_thread = Arc::clone(&state);
        let end = thread::Builder::new()
            .name("plugin-clock".to_owned())
            .spawn(move || tick(&of_thread, &engine))?;
        Ok(Self { state, thread: end.thread().clone(), end: Some(end) })
    }

    /// How many epochs a deadline lies ahead so that at least `time` passes.
    pub(crate) fn epochs(time: Duration) -> u64 {
        let ticks = time.as_nanos().div_ceil(TICK.as_nanos());
        // The step under way has already begun.
        u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Keeps the epoch moving for as long as the answer lives.
    pub(crate) fn keep_awake(&self) -> Awake<'_> {
        self.state.enter(&self.thread);
        Awake(&self.state)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.stopped.store(true, SeqCst);
        self.thread.unpark();
        if let Some(end) = self.end.take() {
            // It does not panic; if it did, there would be nothing left to stop.
            let _ended = end.join();
        }
    }
}

/// A call in progress.
#[derive(Debug)]
pub(crate) struct Awake<'a>(&'a State);

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

fn tick(state: &State, engine: &Engine) {
    let mut idle = 0;
    while !state.stopped.load(SeqCst) {
        idle = if state.running.load(SeqCst) == 0 { idle + 1 } else { 0 };
        if idle > IDLE_TICKS {
            state.sleep();
            idle = 0;
        }
        thread::sleep(TICK);
        engine.increment_epoch();
    }
}

impl State {
    /// Returns once a call runs or the ticker stops.
    fn sleep(&self) {
        loop {
            // Anew each time: a call that woke us, and was over before we looked, has taken the mark away.
            self.asleep.store(true, SeqCst);
            if self.running.load(SeqCst) > 0 || self.stopped.load(SeqCst) {
                break;
            }
            thread::park();
        }
        self.asleep.store(false, SeqCst);
    }

    /// Counts a call in, and wakes the ticker if it sleeps.
    fn enter(&self, ticker: &Thread) {
        self.running.fetch_add(1, SeqCst);
        if self.asleep.swap(false, SeqCst) {
            ticker.unpark();
        }
    }
}

#[cfg(test)]
mod tests;
