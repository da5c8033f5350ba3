//! Policies that take their time keep nobody waiting but those who ask them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use palisade_policy::*;
use tokio::sync::Notify;

use super::world::{With, World, ok, request};

/// So long a policy waits at the most, for the test to fail rather than to hang.
const LONGEST: Duration = Duration::from_secs(20);

/// Thinks about what is slow until it is told to go on.
struct Slow {
    begun: Arc<Notify>,
    go_on: Mutex<Receiver<()>>,
}

impl Slow {
    fn think(&self, about: &str) -> Result<(), PolicyFailure> {
        if !about.contains("slow") {
            return Ok(());
        }
        self.begun.notify_one();
        let told = self.go_on.lock().unwrap().recv_timeout(LONGEST);
        told.map_err(|_| PolicyFailure::Answer("nobody said to go on".to_owned()))
    }
}

impl Policy for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        self.think(&command.text).map(|()| Verdict::Allow)
    }
    fn plan(&self, _: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
        let kind = if let Shape::Document(kind) = shape { kind.as_str() } else { "" };
        self.think(kind)?;
        Ok(Plan { fields: vec![], keys: vec![], rest: Action::Keep })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

/// A world in which what is slow waits for the sender.
async fn slow() -> (World, Arc<Notify>, Sender<()>) {
    let script = |asked: &str| match asked.starts_with("GET /dull") {
        true => ok("text/slow", "dull"),
        false => ok("text/plain", "hello"),
    };
    let world = World::new(With { script, ..With::default() }).await;
    let (tell, go_on) = channel();
    let begun = Arc::<Notify>::default();
    let policy = Slow { begun: Arc::clone(&begun), go_on: Mutex::new(go_on) };
    world.door.gate.install(vec![Placed::everywhere(Arc::new(policy))]);
    (world, begun, tell)
}

/// While one request waits for its policy, others of its session are answered, known and new ones.
async fn while_thinking_about(line: &str) {
    let (world, begun, tell) = slow().await;
    let (mut waiting, mut client) = (world.client().await, world.client().await);
    client.send(&request("GET /c/api/known", "", "")).await;
    assert!(client.response().await.ends_with("hello"));
    waiting.send(&request(line, "", "")).await;
    begun.notified().await;
    for path in ["known", "new"] {
        client.send(&request(&format!("GET /c/api/{path}"), "", "")).await;
        assert!(client.response().await.ends_with("hello"), "{path}");
    }
    tell.send(()).unwrap();
    let answer = waiting.response().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // It is known from now on.
    waiting.send(&request(line, "", "")).await;
    let again = waiting.response().await;
    assert!(again.starts_with("HTTP/1.1 200 "), "{again}");
    assert_eq!(world.events(), "opened", "it is one session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_guard_that_takes_its_time_keeps_no_other_request_of_its_session_waiting() {
    while_thinking_about("GET /c/api/slow").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_mask_that_takes_its_time_to_plan_keeps_no_other_response_waiting() {
    while_thinking_about("GET /c/api/dull").await;
}
