use super::*;
use crate::foreign::tests::{NOW, Published, ed25519, issuer};

fn keys(published: &Published, kept: u64) -> Keys {
    Keys::new(&Issuer { keys_kept: kept, ..issuer() }, Box::new(published.clone()))
}

fn find(keys: &Keys, id: &str, now: u64) -> Result<(), TokenRefused> {
    keys.find(id, Algorithm::EdDSA, now).map(drop)
}

#[test]
fn keys_are_fetched_once_and_anew_when_they_are_old() {
    let published = Published::default();
    published.keys(&[&ed25519("a").public]);
    let keys = keys(&published, 3600);
    assert_eq!(published.times(), 0, "nothing is fetched before it is needed");
    for seconds in [0, 1, FRESH - 1] {
        assert_eq!(find(&keys, "a", NOW + seconds), Ok(()));
    }
    assert_eq!(published.times(), 1);
    assert_eq!(find(&keys, "a", NOW + FRESH), Ok(()));
    assert_eq!(published.times(), 2);
}

#[test]
fn an_unknown_key_id_makes_the_keys_be_fetched_anew_but_not_too_often() {
    let published = Published::default();
    published.keys(&[&ed25519("a").public]);
    let keys = keys(&published, 3600);
    assert_eq!(find(&keys, "a", NOW), Ok(()));
    published.keys(&[&ed25519("b").public]);
    for _ in 0..100 {
        assert_eq!(find(&keys, "b", NOW + PAUSE - 1), Err(TokenRefused::UnknownIssuerKey));
    }
    assert_eq!(published.times(), 1);
    assert_eq!(find(&keys, "b", NOW + PAUSE), Ok(()));
    assert_eq!(find(&keys, "a", NOW + PAUSE), Err(TokenRefused::UnknownIssuerKey));
    assert_eq!(published.times(), 2);
}

#[test]
fn keys_are_kept_through_an_outage_for_as_long_as_is_configured() {
    let published = Published::default();
    published.keys(&[&ed25519("a").public]);
    let keys = keys(&published, 3600);
    assert_eq!(find(&keys, "a", NOW), Ok(()));
    published.away();
    assert_eq!(find(&keys, "a", NOW + 3599), Ok(()));
    let refused = find(&keys, "a", NOW + 3600).unwrap_err();
    assert_eq!(refused, TokenRefused::KeysUnavailable("connection refused".into()));
    published.keys(&[&ed25519("a").public]);
    assert_eq!(find(&keys, "a", NOW + 3600 + PAUSE), Ok(()));
}

#[test]
fn an_issuer_that_was_never_there_says_why_and_is_asked_again() {
    let published = Published::default();
    let keys = keys(&published, 3600);
    let refused = find(&keys, "a", NOW).unwrap_err();
    assert_eq!(refused, TokenRefused::KeysUnavailable("connection refused".into()));
    published.keys(&[&ed25519("a").public]);
    assert_eq!(find(&keys, "a", NOW + PAUSE), Ok(()));
}

#[test]
fn of_many_that_miss_a_key_one_fetches() {
    let published = Published::default();
    published.keys(&[&ed25519("a").public]);
    let keys = keys(&published, 3600);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| find(&keys, "a", NOW))).collect();
        for one in all {
            assert_eq!(one.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(published.times(), 1);
}

#[test]
fn what_cannot_be_read_of_a_set_leaves_the_rest() {
    let published = Published::default();
    let odd = serde_json::json!({ "kty": "AKP", "kid": "p", "alg": "ML-DSA-44", "pub": "x" });
    published.keys(&[&odd, &serde_json::json!(7), &ed25519("a").public]);
    let keys = keys(&published, 3600);
    assert_eq!(find(&keys, "a", NOW), Ok(()));
    assert_eq!(find(&keys, "p", NOW), Err(TokenRefused::UnknownIssuerKey));
}

#[test]
fn a_set_that_is_too_large_is_not_read() {
    let published = Published::default();
    let padding = serde_json::json!({ "kty": "x".repeat(LARGEST) });
    published.keys(&[&ed25519("a").public, &padding]);
    assert!(matches!(
        find(&keys(&published, 3600), "a", NOW),
        Err(TokenRefused::KeysUnavailable(_))
    ));
}
