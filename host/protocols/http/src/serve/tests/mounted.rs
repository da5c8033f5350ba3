//! Another protocol on the same listener, which says what it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use palisade_policy::NotAdmitted;

use super::super::*;
use super::world::{With, World};

/// The bodies that it was asked with, and how many places were taken for them.
#[derive(Clone, Default)]
pub(super) struct Other(Arc<Mutex<Vec<String>>>, Arc<AtomicUsize>);

impl Mount for Other {
    fn enter(&self, _: &Login<'_>) -> Result<Arc<dyn Entered>, NotAdmitted> {
        Ok(Arc::new(self.clone()))
    }
    fn body_limit(&self) -> usize {
        1000
    }
}

#[async_trait]
impl Entered for Other {
    async fn answer(&self, asked: Asked<'_>) -> Answer {
        let body = String::from_utf8_lossy(asked.body.as_ref()).into_owned();
        self.0.lock().unwrap().push(body);
        Answer { status: 200, headers: vec![], body: Pieces::Whole("heard".into()) }
    }
    fn place(&self) -> Option<Place> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Some(Place(Box::new(())))
    }

    fn stay(&self) -> Option<Stay> {
        None
    }
}

#[tokio::test]
async fn another_protocol_is_not_told_the_token_that_a_body_repeats() {
    let world = World::new(With::default()).await;
    let answer = world.ask("POST /c/mounted/x", "", r#"{"key":"another"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("heard"), "{answer}");
    assert!(world.ask("GET /c/mounted/x", "", "").await.ends_with("heard"));
    let places = || world.door.other.1.load(Ordering::Relaxed);
    assert_eq!(places(), 1, "what has no body takes no place");
    let encoded = format!(r#"{{"key":"{}"}}"#, STANDARD.encode("a-token"));
    for body in [r#"{"key":"a-token"}"#, r#"{"key":"a-t\u006fken"}"#, "token", &encoded] {
        let answer = world.ask("POST /c/mounted/x", "", body).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("gateway.token-repeated"), "{body}: {answer}");
    }
    assert_eq!(*world.door.other.0.lock().unwrap(), [r#"{"key":"another"}"#, ""]);
}
