//! AWS Signature Version 4 as a service of AWS's checks it.

use std::fmt::Write as _;

use ring::{digest, hmac};

use crate::harness::Asked;

/// Signs the request anew, with what its signature names, and compares.
pub(super) fn check(asked: &Asked, key: (&str, &str), place: (&str, &str)) {
    let authorization = asked.header("authorization");
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let part = |name: &str| {
        let mut parts = rest.split(", ").filter_map(|part| part.split_once('='));
        parts.find(|(known, _)| *known == name).unwrap().1
    };
    let date = asked.header("x-amz-date");
    let day = date.get(..8).unwrap();
    let scope = format!("{day}/{}/{}/aws4_request", place.0, place.1);
    assert_eq!(part("Credential"), format!("{}/{scope}", key.0));
    let signed: Vec<&str> = part("SignedHeaders").split(';').collect();
    assert!(["host", "x-amz-date"].iter().all(|name| signed.contains(name)), "{signed:?}");
    let hash = sha256(asked.body.as_bytes());
    assert_eq!(asked.header("x-amz-content-sha256"), hash);
    let (method, target) = asked.line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|pair| pair.replace('/', "%2F")).collect();
    let mut canonical = format!("{method}\n{path}\n{}\n", pairs.join("&"));
    for name in &signed {
        writeln!(canonical, "{name}:{}", asked.header(name)).unwrap();
    }
    write!(canonical, "\n{}\n{hash}", signed.join(";")).unwrap();
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let mut secret = format!("AWS4{}", key.1).into_bytes();
    for part in [day, place.0, place.1, "aws4_request", &text] {
        secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), part.as_bytes())
            .as_ref()
            .to_vec();
    }
    assert_eq!(part("Signature"), hex(&secret), "{canonical}");
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
