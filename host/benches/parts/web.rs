//! A request of HTTP: its head and body read, and what policies are told of it.

use std::hint::black_box;

use bytes::Bytes;
use criterion::Criterion;
use palisade_http::{Body, Head, Kind, Parsed, Request, Templates};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

const TARGET: &[u8] = b"/v1/users/4711/orders?limit=20&state=open";
const HEADERS: [(&str, &str); 5] = [
    ("host", "api.internal"),
    ("user-agent", "python-httpx/0.28.1"),
    ("accept", "application/json"),
    ("content-type", "application/json"),
    ("content-length", "59"),
];
const BODY: &[u8] = br#"{"item":"chair","count":2,"ship":{"to":"home","fast":true}}"#;

pub(crate) fn all(criterion: &mut Criterion) {
    let headers: HeaderMap = HEADERS
        .into_iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let templates = Templates::new(["/v1/users/{id}/orders"]).unwrap();
    criterion.bench_function("facts of a request with JSON", |bencher| {
        bencher.iter(|| told(black_box(&headers), &templates));
    });
}

fn told(headers: &HeaderMap, templates: &Templates) -> usize {
    let parsed = Parsed {
        version: Version::HTTP_11,
        method: &Method::POST,
        target: TARGET,
        authority: None,
        ends: false,
        headers,
    };
    let head = Head::read(&parsed).unwrap();
    let body = Body::read(Kind::Json, Bytes::from_static(BODY)).unwrap();
    Request { head, body }.command(templates).operations.len()
}
