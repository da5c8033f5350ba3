use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jsonwebtoken::{EncodingKey, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const URL: &str = "https://accounts.example";

/// A key pair of an issuer's.
pub(crate) struct Pair {
    id: String,
    algorithm: Algorithm,
    private: EncodingKey,
    pub(crate) public: Value,
}

pub(crate) fn ed25519(id: &str) -> Pair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    Pair {
        id: id.to_owned(),
        algorithm: Algorithm::EdDSA,
        private: EncodingKey::from_ed_der(document.as_ref()),
        public: json!({ "kty": "OKP", "crv": "Ed25519", "kid": id, "use": "sig", "x": x }),
    }
}

fn p256(id: &str) -> Pair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random);
    let pair = pair.unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    Pair {
        id: id.to_owned(),
        algorithm: Algorithm::ES256,
        private: EncodingKey::from_ec_der(document.as_ref()),
        public: json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y }),
    }
}

impl Pair {
    fn header(&self) -> Header {
        Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.private).unwrap()
    }
}

/// What an issuer publishes; nothing while it is away.
#[derive(Clone, Default)]
pub(crate) struct Published {
    pages: Arc<Mutex<BTreeMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Published {
    pub(crate) fn keys(&self, keys: &[&Value]) {
        let configuration = json!({ "issuer": URL, "jwks_uri": format!("{URL}/jwks") });
        let mut pages = self.pages.lock().unwrap();
        pages.insert(format!("{URL}/.well-known/openid-configuration"), configuration.to_string());
        pages.insert(format!("{URL}/jwks"), json!({ "keys": keys }).to_string());
    }

    pub(crate) fn away(&self) {
        self.pages.lock().unwrap().clear();
    }

    /// How many times the key set was fetched, or tried to be.
    pub(crate) fn times(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|url| url.ends_with("openid-configuration")).count()
    }
}

impl Fetch for Published {
    fn fetch(&self, url: &str, largest: usize) -> Result<Vec<u8>, String> {
        self.asked.lock().unwrap().push(url.to_owned());
        let page = self.pages.lock().unwrap().get(url).cloned();
        page.filter(|page| page.len() <= largest)
            .map(String::into_bytes)
            .ok_or_else(|| "connection refused".to_owned())
    }
}

pub(crate) fn issuer() -> Issuer {
    Issuer {
        name: "corp".into(),
        url: URL.into(),
        jwks: None,
        audience: vec!["palisade".into(), "gateway".into()],
        algorithms: ["ES256", "EdDSA", "RS256"].map(|name| name.parse().unwrap()).to_vec(),
        groups: Some("realm.groups".into()),
        subject: "sub".into(),
        skew: 30,
        longest: 3600,
        keys_kept: 86_400,
        client_id: None,
    }
}

/// Claims that are accepted at `NOW`, with these changes; `null` takes a claim out.
pub(crate) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": URL, "aud": "palisade", "sub": "ada", "jti": "t-1",
        "realm": { "groups": ["dba", "eu"] }, "iat": NOW, "nbf": NOW, "exp": NOW + 900,
    });
    let fields = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    fields.retain(|_, value| !value.is_null());
    claims
}

fn verifier(keys: &[&Value]) -> IssuerVerifier {
    let published = Published::default();
    published.keys(keys);
    IssuerVerifier::new(issuer(), Box::new(published))
}

fn check(changes: &Value, expected: Result<(), TokenRefused>) {
    let pair = ed25519("k");
    let verified = verifier(&[&pair.public]).verify(&pair.sign(&claims(changes)), NOW);
    assert_eq!(verified.map(drop), expected, "{changes}");
}

/// A good token's claims under another header.
fn under(pair: &Pair, header: &Header, expected: TokenRefused) {
    let token = encode(header, &claims(&json!({})), &pair.private).unwrap();
    assert_eq!(verifier(&[&pair.public]).verify(&token, NOW), Err(expected), "{header:?}");
}

#[test]
fn a_good_token_says_who_it_is_and_nothing_of_roles() {
    for pair in [ed25519("k"), p256("k")] {
        let token = pair.sign(&claims(&json!({ "roles": ["administrator"], "operator": true })));
        let identity = verifier(&[&pair.public]).verify(&token, NOW).unwrap();
        assert_eq!(identity.principal.subject, "ada");
        assert_eq!(identity.principal.issuer, URL);
        assert_eq!(identity.principal.roles, [""; 0]);
        assert_eq!((identity.token_id.as_str(), identity.expires_at), ("t-1", NOW + 900));
        assert!(!identity.operator);
        assert_eq!(identity.presented.unwrap().groups, ["dba", "eu"]);
    }
}

#[test]
fn a_token_is_taken_to_be_as_old_as_its_issuers_clock_lets_it_be() {
    let pair = ed25519("k");
    for ahead in [0, 30] {
        let token = pair.sign(&claims(&json!({ "iat": NOW + ahead })));
        let identity = verifier(&[&pair.public]).verify(&token, NOW).unwrap();
        assert_eq!(identity.issued_at, NOW + ahead - 30, "a revocation now is about it");
    }
}

#[test]
fn the_algorithm_none_is_refused() {
    let pair = ed25519("k");
    let token = pair.sign(&claims(&json!({})));
    let payload = token.split('.').nth(1).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"k"}"#);
    let refused = verifier(&[&pair.public]).verify(&format!("{header}.{payload}."), NOW);
    assert_eq!(refused, Err(TokenRefused::Header));
}

#[test]
fn an_hmac_with_the_public_key_is_refused() {
    let pair = ed25519("k");
    let public = pair.public["x"].as_str().unwrap();
    for secret in [URL_SAFE_NO_PAD.decode(public).unwrap(), public.as_bytes().to_vec()] {
        let header = Header { kid: Some("k".into()), ..Header::new(Algorithm::HS256) };
        let key = EncodingKey::from_secret(&secret);
        let token = encode(&header, &claims(&json!({})), &key).unwrap();
        let refused = verifier(&[&pair.public]).verify(&token, NOW);
        assert_eq!(refused, Err(TokenRefused::Hmac));
    }
}

#[test]
fn an_algorithm_that_is_not_listed_is_refused() {
    let pair = p256("k");
    let published = Published::default();
    published.keys(&[&pair.public]);
    let listed = Issuer { algorithms: vec!["EdDSA".parse().unwrap()], ..issuer() };
    let verifier = IssuerVerifier::new(listed, Box::new(published));
    let refused = verifier.verify(&pair.sign(&claims(&json!({}))), NOW);
    assert_eq!(refused, Err(TokenRefused::UnlistedAlgorithm));
}

#[test]
fn a_key_that_the_token_brings_along_or_points_to_is_refused() {
    let pair = ed25519("k");
    let jwk = serde_json::from_value(pair.public.clone()).unwrap();
    let header = || pair.header();
    let elsewhere = || Some("https://evil.example/keys".to_owned());
    under(&pair, &Header { jku: elsewhere(), ..header() }, TokenRefused::KeyElsewhere);
    under(&pair, &Header { x5u: elsewhere(), ..header() }, TokenRefused::KeyElsewhere);
    under(&pair, &Header { x5c: Some(vec!["MII".into()]), ..header() }, TokenRefused::KeyElsewhere);
    under(&pair, &Header { jwk: Some(jwk), ..header() }, TokenRefused::KeyElsewhere);
}

#[test]
fn a_token_may_say_that_it_is_an_id_or_access_token_or_nothing() {
    let pair = ed25519("k");
    for typ in [None, Some("JWT"), Some("jwt"), Some("at+jwt"), Some("Application/AT+JWT")] {
        let header = Header { typ: typ.map(str::to_owned), ..pair.header() };
        let token = encode(&header, &claims(&json!({})), &pair.private).unwrap();
        assert!(verifier(&[&pair.public]).verify(&token, NOW).is_ok(), "{typ:?}");
    }
}

#[test]
fn a_logout_token_is_refused() {
    let pair = ed25519("k");
    let typ = Some("logout+jwt".to_owned());
    under(&pair, &Header { typ, ..pair.header() }, TokenRefused::Type);
}

#[test]
fn a_logout_token_that_does_not_say_so_in_its_header_is_refused() {
    let logout = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    check(&json!({ "events": logout }), Err(TokenRefused::Type));
}

#[test]
fn a_proof_of_a_key_is_refused() {
    let pair = ed25519("k");
    let typ = Some("dpop+jwt".to_owned());
    under(&pair, &Header { typ, ..pair.header() }, TokenRefused::Type);
}

#[test]
fn a_security_event_token_is_refused() {
    let pair = ed25519("k");
    for typ in ["secevent+jwt", "application/secevent+jwt"] {
        let typ = Some(typ.to_owned());
        under(&pair, &Header { typ, ..pair.header() }, TokenRefused::Type);
    }
}

#[test]
fn a_type_that_is_empty_or_nearly_one_is_refused() {
    let pair = ed25519("k");
    for typ in ["", "JWT ", "at+jwt;v=1", "x/at+jwt", "JOSE"] {
        let typ = Some(typ.to_owned());
        under(&pair, &Header { typ, ..pair.header() }, TokenRefused::Type);
    }
}

#[test]
fn an_unknown_missing_or_empty_key_id_is_refused() {
    let pair = ed25519("k");
    for kid in [Some("other".to_owned()), Some(String::new()), None] {
        under(&pair, &Header { kid, ..pair.header() }, TokenRefused::UnknownIssuerKey);
    }
}

#[test]
fn a_key_of_another_type_use_or_algorithm_is_refused() {
    let (signs, other) = (ed25519("k"), p256("k"));
    let token = signs.sign(&claims(&json!({})));
    let changed = |name: &str, value: Value| {
        let mut public = signs.public.clone();
        public[name] = value;
        public
    };
    let symmetric = json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0" });
    for public in [
        other.public.clone(),
        changed("use", json!("enc")),
        changed("key_ops", json!(["encrypt"])),
        changed("alg", json!("ES256")),
        symmetric,
    ] {
        let refused = verifier(&[&public]).verify(&token, NOW);
        assert_eq!(refused, Err(TokenRefused::KeyMismatch), "{public}");
    }
    let good = changed("alg", json!("EdDSA"));
    assert!(verifier(&[&other.public, &good]).verify(&token, NOW).is_ok(), "one of two fits");
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let (ours, theirs) = (ed25519("k"), ed25519("k"));
    let refused = verifier(&[&ours.public]).verify(&theirs.sign(&claims(&json!({}))), NOW);
    assert_eq!(refused, Err(TokenRefused::Signature));
}

#[test]
fn a_header_that_must_be_understood_and_is_not_is_refused() {
    let pair = ed25519("k");
    let token = pair.sign(&claims(&json!({})));
    let (_, rest) = token.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"k","crit":["exp"],"exp":1}"#);
    let refused = verifier(&[&pair.public]).verify(&format!("{header}.{rest}"), NOW);
    assert_eq!(refused, Err(TokenRefused::Header));
}

#[test]
fn the_issuer_must_be_there_and_the_one_to_the_letter() {
    check(&json!({ "iss": null }), Err(TokenRefused::Missing("iss")));
    check(&json!({ "iss": "https://accounts.example/" }), Err(TokenRefused::Issuer));
    check(&json!({ "iss": 1 }), Err(TokenRefused::Claims));
}

#[test]
fn the_audience_must_be_there_and_ours() {
    check(&json!({ "aud": "gateway" }), Ok(()));
    check(&json!({ "aud": ["x", "palisade"] }), Ok(()));
    check(&json!({ "aud": null }), Err(TokenRefused::Missing("aud")));
    check(&json!({ "aud": [] }), Err(TokenRefused::Audience));
    check(&json!({ "aud": ["x", "Palisade"] }), Err(TokenRefused::Audience));
    check(&json!({ "aud": { "palisade": 1 } }), Err(TokenRefused::Claims));
}

#[test]
fn the_end_must_be_there_and_not_have_passed() {
    check(&json!({ "exp": null }), Err(TokenRefused::Missing("exp")));
    check(&json!({ "exp": NOW }), Err(TokenRefused::Expired));
    check(&json!({ "exp": "soon" }), Err(TokenRefused::Claims));
}

#[test]
fn the_beginning_may_be_missing_but_not_lie_ahead_beyond_the_skew() {
    check(&json!({ "nbf": null }), Ok(()));
    check(&json!({ "nbf": NOW + 30 }), Ok(()));
    check(&json!({ "nbf": NOW + 31 }), Err(TokenRefused::NotYetValid));
    check(&json!({ "nbf": -1 }), Err(TokenRefused::Claims));
}

#[test]
fn a_token_is_not_issued_in_the_future_beyond_the_skew() {
    check(&json!({ "iat": NOW + 30, "nbf": null }), Ok(()));
    check(&json!({ "iat": NOW + 31, "nbf": null }), Err(TokenRefused::IssuedInFuture));
    check(&json!({ "iat": null }), Err(TokenRefused::Missing("iat")));
}

#[test]
fn a_token_longer_than_its_issuers_may_live_is_refused() {
    check(&json!({ "exp": NOW + 3600 }), Ok(()));
    check(&json!({ "exp": NOW + 3601 }), Err(TokenRefused::Lifetime));
    check(&json!({ "iat": NOW - 3000, "exp": NOW + 601 }), Err(TokenRefused::Lifetime));
}

#[test]
fn a_subject_must_be_there_and_be_a_name_other_than_the_operators() {
    check(&json!({ "sub": null }), Err(TokenRefused::Missing("sub")));
    check(&json!({ "sub": 7 }), Err(TokenRefused::Claims));
    for sub in ["", "operator", "a\nb", &"x".repeat(257)] {
        check(&json!({ "sub": sub }), Err(TokenRefused::Subject));
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let pair = ed25519("k");
    for text in ["", "..", "a.b.c", "é.é.é"] {
        let refused = verifier(&[&pair.public]).verify(text, NOW);
        assert_eq!(refused, Err(TokenRefused::Malformed), "{text}");
    }
    let long = pair.sign(&claims(&json!({ "padding": "x".repeat(8192) })));
    assert_eq!(verifier(&[&pair.public]).verify(&long, NOW), Err(TokenRefused::TooLarge));
}

#[test]
fn a_token_without_a_usable_id_gets_one_that_does_not_depend_on_how_it_is_written() {
    let pair = ed25519("k");
    for jti in [Value::Null, json!(""), json!(7), json!("a b"), json!("x".repeat(129))] {
        let token = pair.sign(&claims(&json!({ "jti": jti })));
        let identity = verifier(&[&pair.public]).verify(&token, NOW).unwrap();
        assert_eq!(identity.token_id.len(), 32);
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(digest(&format!("{signed}.x")), identity.token_id);
    }
}
