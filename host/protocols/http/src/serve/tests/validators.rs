//! Validators: clients revalidate what is covered, and learn nothing of what it covers.

use palisade_policy::Outcome;

use super::world::{With, World, request};
use crate::{AwsKey, Credential};

/// A service that has one document, whose tag is a digest of it, and parts of it.
fn document(asked: &str) -> String {
    let asked = asked.to_lowercase();
    let tag = "ETag: \"digest-of-hunter2\"\r\nDigest: sha-256=hunter2";
    if asked.contains("if-none-match: \"digest-of-hunter2\"") {
        return format!("HTTP/1.1 304 Not Modified\r\n{tag}\r\n\r\n");
    }
    let (kind, body) = match asked.contains("/plain ") {
        true => ("image/png", "png"),
        false => ("application/json", r#"{"password":"hunter2"}"#),
    };
    let (status, body) = match asked.contains("\r\nrange:") {
        true => ("206 Partial Content", "hunter2"),
        false => ("200 OK", body),
    };
    let length = body.len();
    let body = if asked.starts_with("head ") { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{tag}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

async fn world() -> World {
    World::new(With { script: document, masks: true, ..With::default() }).await
}

fn tag_of(response: &str) -> Option<String> {
    let line = response.lines().find(|line| line.to_lowercase().starts_with("etag: "))?;
    Some(line.split_once(": ")?.1.to_owned())
}

#[tokio::test]
async fn a_covered_response_is_revalidated_by_a_tag_that_tells_nothing_of_it() {
    let world = world().await;
    let mut client = world.client().await;
    client.send(&request("GET /c/api/a", "", "")).await;
    let first = client.response().await;
    let tag = tag_of(&first).unwrap();
    assert!(tag.starts_with("W/\"") && !first.contains("hunter2"), "{first}");
    client.send(&request("GET /c/api/a", &format!("If-None-Match: \"x\", {tag}\r\n"), "")).await;
    let unchanged = client.response().await;
    assert!(unchanged.starts_with("HTTP/1.1 304 "), "{unchanged}");
    assert_eq!(tag_of(&unchanged).unwrap(), tag);
    assert!(!unchanged.contains("hunter2"), "{unchanged}");
    client.send(&request("GET /c/api/b", &format!("If-None-Match: {tag}\r\n"), "")).await;
    assert!(client.response().await.starts_with("HTTP/1.1 200 "), "it is another's");
}

#[tokio::test]
async fn what_a_covered_response_is_a_digest_of_cannot_be_tried_out() {
    let world = world().await;
    for header in ["If-None-Match", "If-Match"] {
        let guess = format!("{header}: \"digest-of-hunter2\"\r\n");
        let answer = world.ask("GET /c/api/a", &guess, "").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("hunter2"), "{answer}");
    }
    let got = world.got().join("\n").to_lowercase();
    assert!(
        !got.contains("digest-of-hunter2") && got.contains("if-match: \"palisade-none\""),
        "{got}"
    );
    let mut client = world.client().await;
    client.send(&request("HEAD /c/api/a", "", "")).await;
    let head = client.response().await;
    assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("hunter2"), "{head}");
}

#[tokio::test]
async fn a_range_is_no_way_round_what_covers() {
    let world = world().await;
    for headers in
        ["Range: bytes=13-19\r\n", "Range: bytes=0-0,13-19\r\nIf-Range: \"digest-of-hunter2\"\r\n"]
    {
        let answer = world.ask("GET /c/api/a", headers, "").await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("****"), "{answer}");
        assert!(!answer.contains("hunter2"), "{answer}");
    }
}

#[tokio::test]
async fn without_a_mask_validators_are_the_services_own() {
    let world = World::new(With { script: document, ..With::default() }).await;
    let answer = world.ask("GET /c/api/a", "If-None-Match: \"digest-of-hunter2\"\r\n", "").await;
    assert!(answer.starts_with("HTTP/1.1 304 "), "{answer}");
    assert_eq!(tag_of(&answer).unwrap(), "\"digest-of-hunter2\"");
}

/// What a client gets for a request that was held, where something came to be masked while it was.
async fn masked_while_held(line: &str, headers: &str) -> (World, String) {
    let world = World::new(With { script: document, ..With::default() }).await;
    let mut client = world.client().await;
    client.send(&request(line, headers, "")).await;
    world.desk.opened.notified().await;
    world.mask();
    world.desk.outcome.send_replace(Some(Outcome::Granted { by: vec!["boss".into()] }));
    let answer = client.response().await;
    (world, answer)
}

#[tokio::test]
async fn no_tag_is_tried_out_that_was_asked_about_before_what_it_is_of_was_masked() {
    let guess = "If-None-Match: \"digest-of-hunter2\"\r\n";
    let (_world, answer) = masked_while_held("GET /c/api/held", guess).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("hunter2"), "{answer}");
}

/// Headers by which a service would say whether what is elsewhere has this tag or digest.
const GUESSES: [&str; 6] = [
    "x-amz-copy-source-if-match: \"digest-of-hunter2\"\r\n",
    "X-Amz-Copy-Source-If-None-Match: \"digest-of-hunter2\"\r\n",
    "x-ms-source-if-match: \"digest-of-hunter2\"\r\n",
    "x-ms-source-content-md5: digest-of-hunter2\r\n",
    "x-ms-source-content-crc64: digest-of-hunter2\r\n",
    "If: </a> ([\"digest-of-hunter2\"])\r\n",
];

#[tokio::test]
async fn what_a_copy_is_a_digest_of_cannot_be_tried_out() {
    let (masked, plain) = (world().await, World::new(With::default()).await);
    for guess in GUESSES {
        let answer = masked.ask("PUT /c/api/b", guess, "").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("gateway.condition"), "{answer}");
        assert!(plain.ask("PUT /c/api/b", guess, "").await.starts_with("HTTP/1.1 200 "));
        let got = plain.got().pop().unwrap().to_lowercase();
        assert!(got.contains(&guess.to_lowercase()), "{got}");
    }
    assert!(masked.got().is_empty(), "{:?}", masked.got());
    assert!(masked.recorded().contains("gateway.condition"), "{}", masked.recorded());
    let lock = "If: (<urn:uuid:1>)\r\n";
    assert!(masked.ask("PUT /c/api/b", lock, "").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn no_client_says_of_what_type_an_answer_is_that_is_masked() {
    let (masked, plain) = (world().await, World::new(With::default()).await);
    for query in ["response-content-type=text/csv", "a=1&Response-Content-Encoding=x"] {
        let line = format!("GET /c/api/b?{query}");
        let answer = masked.ask(&line, "", "").await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(answer.contains("gateway.condition"), "{answer}");
        assert!(plain.ask(&line, "", "").await.starts_with("HTTP/1.1 200 "));
    }
    assert!(masked.got().is_empty(), "{:?}", masked.got());
}

#[tokio::test]
async fn a_copys_condition_is_refused_that_was_asked_before_something_was_masked() {
    let (world, answer) = masked_while_held("PUT /c/api/held", GUESSES[0]).await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && world.got().is_empty(), "{answer}");
    assert!(world.recorded().contains("error 403"), "{}", world.recorded());
}

#[tokio::test]
async fn whoever_uploads_an_object_has_its_tag_and_whoever_copies_one_has_not() {
    let key = AwsKey {
        key_id: "AKIA".to_owned(),
        secret_key: "secret".to_owned().into(),
        session_token: None,
        region: "us-east-1".to_owned(),
        service: "s3".to_owned(),
    };
    let credential = Credential::Aws(key);
    let script = |_: &str| {
        "HTTP/1.1 200 OK\r\nETag: \"digest-of-part\"\r\nContent-Length: 0\r\n\r\n".to_owned()
    };
    let world = World::new(With { script, masks: true, credential, ..With::default() }).await;
    let place = "PUT /c/api/bucket/key?partNumber=1&uploadId=u";
    let uploaded = world.ask(place, "", "part").await;
    assert_eq!(tag_of(&uploaded).as_deref(), Some("\"digest-of-part\""), "{uploaded}");
    for source in ["/bucket/other", "arn:aws:s3:eu-west-1:1:accesspoint/a/object/other"] {
        let copied = world.ask(place, &format!("X-Amz-Copy-Source: {source}\r\n"), "").await;
        assert!(copied.starts_with("HTTP/1.1 200 ") && !copied.contains("digest"), "{copied}");
    }
    let read = world.ask("GET /c/api/bucket/key", "", "").await;
    assert!(!read.contains("digest"), "{read}");
}
