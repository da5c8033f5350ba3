use super::*;
use crate::{Grant, issue};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

fn key() -> SigningKey {
    SigningKey::load_or_create(tempfile::tempdir().unwrap().path()).unwrap()
}

/// Claims that are accepted at `NOW`, with these changes; `null` takes a claim out.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "palisade", "aud": "palisade", "sub": "agent-7", "roles": ["support-agent"],
        "iat": NOW, "nbf": NOW, "exp": NOW + 900, "jti": "0190a",
    });
    let fields = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    fields.retain(|_, value| !value.is_null());
    claims
}

/// Signs what the issuing functions never would.
fn sign(key: &SigningKey, header: &Header, claims: &Value) -> String {
    encode(header, claims, key.encoding_key()).unwrap()
}

fn header(key: &SigningKey) -> Header {
    Header { kid: Some(key.kid().into()), ..Header::new(Algorithm::EdDSA) }
}

fn verify(key: &SigningKey, token: &str) -> Result<Identity, TokenRefused> {
    GatewayVerifier::new(key).verify(token, NOW)
}

fn check(changes: &Value, expected: Result<(), TokenRefused>) {
    let key = key();
    let token = sign(&key, &header(&key), &claims(changes));
    assert_eq!(verify(&key, &token).map(drop), expected, "{changes}");
}

/// A token put together by hand: header and claims as given, the signature empty.
fn unsigned(header: &str) -> String {
    let key = key();
    let token = sign(&key, &self::header(&key), &claims(&json!({})));
    format!("{header}.{}.", token.split('.').nth(1).unwrap())
}

#[test]
fn a_token_from_before_roles_could_be_dropped_holds_all_of_its_roles() {
    let key = key();
    let token = sign(&key, &header(&key), &claims(&json!({})));
    let identity = verify(&key, &token).unwrap();
    assert!(identity.principal.dropped.is_empty());
    let all = identity.principal.roles;
    let token = sign(&key, &header(&key), &claims(&json!({ "dropped": all })));
    let identity = verify(&key, &token).unwrap();
    assert_eq!(identity.principal.dropped, all);
    assert!(identity.principal.roles.is_empty(), "what is dropped is dropped");
}

#[test]
fn a_good_token_is_accepted() {
    check(&json!({}), Ok(()));
}

#[test]
fn an_expired_token_is_refused() {
    check(&json!({ "exp": NOW }), Err(TokenRefused::Expired));
    check(&json!({ "exp": NOW + 1 }), Ok(()));
}

#[test]
fn a_token_before_its_time_is_refused_beyond_five_seconds() {
    check(&json!({ "nbf": NOW + 5 }), Ok(()));
    check(&json!({ "nbf": NOW + 6 }), Err(TokenRefused::NotYetValid));
}

#[test]
fn a_token_from_the_future_is_refused_beyond_five_seconds() {
    check(&json!({ "iat": NOW + 5 }), Ok(()));
    check(&json!({ "iat": NOW + 6 }), Err(TokenRefused::IssuedInFuture));
}

#[test]
fn a_token_longer_than_a_day_is_refused() {
    check(&json!({ "exp": NOW + 86_400 }), Ok(()));
    check(&json!({ "exp": NOW + 86_401 }), Err(TokenRefused::Lifetime));
    check(&json!({ "exp": u64::MAX }), Err(TokenRefused::Lifetime));
}

#[test]
fn an_operators_token_longer_than_a_minute_is_refused() {
    check(&json!({ "operator": true, "exp": NOW + 60 }), Ok(()));
    check(&json!({ "operator": true, "exp": NOW + 61 }), Err(TokenRefused::Lifetime));
}

#[test]
fn another_audience_is_refused() {
    check(&json!({ "aud": "orders" }), Err(TokenRefused::Audience));
}

#[test]
fn another_issuer_is_refused() {
    check(&json!({ "iss": "https://accounts.example" }), Err(TokenRefused::Issuer));
}

#[test]
fn each_claim_must_be_there() {
    for name in ["iss", "aud", "sub", "jti", "iat", "nbf", "exp"] {
        check(&json!({ name: null }), Err(TokenRefused::Missing(name)));
    }
}

#[test]
fn an_empty_subject_or_id_is_refused() {
    check(&json!({ "sub": "" }), Err(TokenRefused::Missing("sub")));
    check(&json!({ "jti": "" }), Err(TokenRefused::Missing("jti")));
}

#[test]
fn claims_of_the_wrong_type_are_refused() {
    check(&json!({ "exp": "tomorrow" }), Err(TokenRefused::Claims));
    check(&json!({ "iat": -1 }), Err(TokenRefused::Claims));
    check(&json!({ "aud": ["palisade", "orders"] }), Err(TokenRefused::Claims));
    check(&json!({ "roles": "support-agent" }), Err(TokenRefused::Claims));
    check(&json!({ "act": {} }), Err(TokenRefused::Claims));
}

#[test]
fn a_token_without_roles_is_accepted_and_has_none() {
    let key = key();
    let token = sign(&key, &header(&key), &claims(&json!({ "roles": null })));
    assert_eq!(verify(&key, &token).unwrap().principal.roles, [""; 0]);
}

#[test]
fn the_algorithm_none_is_refused() {
    // {"alg":"none","typ":"JWT"}
    let token = unsigned("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0");
    assert_eq!(verify(&key(), &token), Err(TokenRefused::Header));
}

#[test]
fn an_hmac_with_the_public_key_is_refused() {
    let key = key();
    let header = Header { kid: Some(key.kid().into()), ..Header::new(Algorithm::HS256) };
    let secret = EncodingKey::from_secret(key.public());
    let token = encode(&header, &claims(&json!({})), &secret).unwrap();
    assert_eq!(verify(&key, &token), Err(TokenRefused::Algorithm));
}

#[test]
fn another_key_id_is_refused() {
    let key = key();
    let header = Header { kid: Some("0123456789abcdef".into()), ..header(&key) };
    let token = sign(&key, &header, &claims(&json!({})));
    assert_eq!(verify(&key, &token), Err(TokenRefused::UnknownKey));
}

#[test]
fn a_missing_key_id_is_refused() {
    let key = key();
    let token = sign(&key, &Header::new(Algorithm::EdDSA), &claims(&json!({})));
    assert_eq!(verify(&key, &token), Err(TokenRefused::UnknownKey));
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let [ours, theirs] = [key(), key()];
    let token = sign(&theirs, &header(&ours), &claims(&json!({})));
    assert_eq!(verify(&ours, &token), Err(TokenRefused::Signature));
}

#[test]
fn claims_changed_after_signing_are_refused() {
    let key = key();
    let [good, better] =
        [json!({}), json!({ "operator": true })].map(|c| sign(&key, &header(&key), &claims(&c)));
    let (_, signature) = good.rsplit_once('.').unwrap();
    let (message, _) = better.rsplit_once('.').unwrap();
    assert_eq!(verify(&key, &format!("{message}.{signature}")), Err(TokenRefused::Signature));
}

#[test]
fn a_removed_signature_is_refused() {
    let key = key();
    let token = sign(&key, &header(&key), &claims(&json!({})));
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verify(&key, &format!("{message}.")), Err(TokenRefused::Signature));
}

#[test]
fn a_token_over_the_size_limit_is_refused() {
    let key = key();
    let token = sign(&key, &header(&key), &claims(&json!({ "padding": "x".repeat(8192) })));
    assert_eq!(verify(&key, &token), Err(TokenRefused::TooLarge));
}

#[test]
fn what_is_no_token_is_refused() {
    for text in ["", ".", "..", "...", "hunter2", "a.b.c", "eyJhbGciOiJFZERTQSJ9", "é.é.é"] {
        assert_eq!(verify(&key(), text), Err(TokenRefused::Malformed), "{text}");
    }
}

#[test]
fn a_cause_never_shows_the_token() {
    let key = key();
    let grant = Grant {
        subject: "agent-7".into(),
        roles: vec![],
        ttl: Ttl::MIN,
        acting_for: None,
        acting_for_issuer: None,
        connections: None,
        parents: vec![],
        vouched: None,
        may_act: None,
        dropped: vec![],
    };
    let issued = issue(&key, &grant, NOW).unwrap();
    let token = issued.token.expose();
    let refused = GatewayVerifier::new(&key).verify(token, NOW + 1).unwrap_err().to_string();
    assert_eq!(refused, "the token has expired");
    let header_with_marker = "eyJhbGciOiJtYXJrZXIifQ"; // {"alg":"marker"}
    let refused = verify(&key, &unsigned(header_with_marker)).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("marker"));
}
