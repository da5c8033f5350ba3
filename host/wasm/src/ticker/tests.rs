use wasmtime::{Config, Instance, Module, Store, Trap};

use super::*;

fn engine() -> Engine {
    let mut config = Config::new();
    config.epoch_interruption(true);
    Engine::new(&config).unwrap()
}

/// Runs an endless loop until the epoch ends it.
fn interrupt(engine: &Engine) {
    let module =
        Module::new(engine, wat::parse_str("(module (func $f (loop br 0)) (start $f))").unwrap());
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(Ticker::epochs(Duration::from_millis(2)));
    let error = Instance::new(&mut store, &module.unwrap(), &[]).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
}

#[test]
fn an_endless_loop_ends() {
    let engine = engine();
    let ticker = Ticker::start(engine.clone()).unwrap();
    let _awake = ticker.keep_awake();
    interrupt(&engine);
}

#[test]
fn a_call_wakes_a_clock_that_sleeps() {
    let engine = engine();
    let ticker = Ticker::start(engine.clone()).unwrap();
    while !ticker.state.asleep.load(SeqCst) {
        thread::yield_now();
    }
    let _awake = ticker.keep_awake();
    interrupt(&engine);
}

#[test]
fn a_clock_stops_whether_it_sleeps_or_not() {
    drop(Ticker::start(engine()).unwrap());
    let ticker = Ticker::start(engine()).unwrap();
    while !ticker.state.asleep.load(SeqCst) {
        thread::yield_now();
    }
    drop(ticker);
}

#[test]
fn a_deadline_is_never_sooner_than_the_time_given() {
    for (time, epochs) in [(0, 1), (1, 2), (1_000, 2), (1_001, 3), (10_000, 11)] {
        assert_eq!(Ticker::epochs(Duration::from_micros(time)), epochs);
    }
    assert_eq!(Ticker::epochs(Duration::MAX), u64::MAX);
}

/// A thread that does nothing but sleep and wake up, and how often it woke up.
fn sleeper(state: &Arc<State>, woken: &Arc<AtomicUsize>) -> JoinHandle<()> {
    let (state, woken) = (Arc::clone(state), Arc::clone(woken));
    thread::spawn(move || {
        while !state.stopped.load(SeqCst) {
            state.sleep();
            woken.fetch_add(1, SeqCst);
        }
    })
}

#[test]
fn a_call_that_is_over_before_the_clock_looks_does_not_put_it_to_sleep_for_good() {
    let (state, woken) = (Arc::new(State::default()), Arc::default());
    let sleeper = sleeper(&state, &woken);
    for round in 0..2_000 {
        for _ in 0..round % 3 {
            state.enter(sleeper.thread());
            state.running.fetch_sub(1, SeqCst);
        }
        let before = woken.load(SeqCst);
        state.enter(sleeper.thread());
        while woken.load(SeqCst) == before {
            thread::yield_now();
        }
        state.running.fetch_sub(1, SeqCst);
    }
    state.stopped.store(true, SeqCst);
    sleeper.thread().unpark();
    sleeper.join().unwrap();
}
