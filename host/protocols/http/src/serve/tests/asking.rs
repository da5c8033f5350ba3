//! Policies that take their time keep nobody waiting but those who ask them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use palisade_policy::*;
use tokio::sync::Notify;

use super::super::asking::MOST_QUESTIONS;
use super::world::{With, World, ok, request};

/// So long a policy waits at the most, for the test to fail rather than to hang.
const LONGEST: Duration = Duration::from_secs(20);

/// Thinks about what is slow until it is told to go on.
struct Slow {
    begun: Arc<Notify>,
    /// How many of its questions it thinks about, and how many these were at the most.
    thinking: Arc<Mutex<(usize, usize)>>,
    go_on: Mutex<Receiver<()>>,
}

impl Slow {
    fn think(&self, about: &str) -> Result<(), PolicyFailure> {
        if !about.contains("slow") {
            return Ok(());
        }
        {
            let mut thinking = self.thinking.lock().unwrap();
            thinking.0 += 1;
            thinking.1 = thinking.1.max(thinking.0);
        }
        self.begun.notify_one();
        let told = self.go_on.lock().unwrap().recv_timeout(LONGEST);
        self.thinking.lock().unwrap().0 -= 1;
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
async fn slow() -> (World, Arc<Notify>, Sender<()>, Arc<Mutex<(usize, usize)>>) {
    let script = |asked: &str| match asked.strip_prefix("GET /dull") {
        // Each of another type, by the number that follows.
        Some(rest) => ok(&format!("text/slow{}", rest.split(' ').next().unwrap_or("")), "dull"),
        None => ok("text/plain", "hello"),
    };
    let world = World::new(With { script, ..With::default() }).await;
    let (tell, go_on) = channel();
    let begun = Arc::<Notify>::default();
    let thinking = Arc::<Mutex<(usize, usize)>>::default();
    let go_on = Mutex::new(go_on);
    let policy = Slow { begun: Arc::clone(&begun), thinking: Arc::clone(&thinking), go_on };
    world.door.gate.install(vec![Placed::everywhere(Arc::new(policy))]);
    (world, begun, tell, thinking)
}

/// While one request waits for its policy, others of its session are answered, known and new ones.
async fn while_thinking_about(line: &str) {
    let (world, begun, tell, _) = slow().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_session_keeps_no_more_threads_busy_with_plans_than_it_has_places() {
    let (world, _, tell, thinking) = slow().await;
    // Each response is of a type of its own, so that nothing is known of it.
    let mut clients = vec![];
    for number in 0..9 {
        let mut client = world.client().await;
        client.send(&request(&format!("GET /c/api/dull{number}"), "", "")).await;
        clients.push(client);
    }
    while thinking.lock().unwrap().0 < MOST_QUESTIONS {
        tokio::task::yield_now().await;
    }
    clients.iter().for_each(|_| tell.send(()).unwrap());
    for mut client in clients {
        let answer = client.response().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert!(thinking.lock().unwrap().1 <= MOST_QUESTIONS);
}
