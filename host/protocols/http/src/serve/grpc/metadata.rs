//! What a service says beside its messages: metadata before and after them, as the client may see it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName, HeaderValue};
use palisade_policy::{Denial, Shape};

use super::super::incoming::HOP;
use super::super::sessions::Shared;
use crate::grpc::{MESSAGE, STATUS, escape, unescape};
use crate::response::{Echo, HEADERS, mask_headers};

/// Of HTTP, or the gateway's own words; the hop's are left out as well.
const DROPPED: [&str; 4] = ["set-cookie", "www-authenticate", "date", "location"];
/// What the names of metadata end with whose values are bytes in Base64.
const BINARY: &str = "-bin";

/// Base64 as gRPC takes it: with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Metadata as the client may see it.
///
/// # Errors
/// When it must be masked, and cannot be.
pub(super) async fn shown(
    session: &Shared,
    mut headers: HeaderMap,
    echo: &Echo,
) -> Result<HeaderMap, Denial> {
    let own = headers.keys().filter(|name| name.as_str().starts_with("palisade-")).cloned();
    for name in own.collect::<Vec<_>>() {
        headers.remove(name);
    }
    HOP.iter().chain(&DROPPED).for_each(|name| drop(headers.remove(*name)));
    let headers = without_echo(headers, echo);
    {
        let mut gate = session.gate();
        // Policies may have come while the call was held, or its service took its time.
        gate.renew();
        if gate.masks_nothing() {
            return Ok(headers);
        }
    }
    let planned = session.plan_anew(&Shape::Document(HEADERS.to_owned())).await.1?;
    let Some(plan) = session.plans.of(&planned.masking)? else { return Ok(headers) };
    // The status is a number, and says how to read all else.
    let status = headers.get(STATUS).cloned();
    let mut left = HeaderMap::with_capacity(headers.len());
    for (name, value) in &headers {
        if name == MESSAGE {
            // Escapes would hide what is looked for.
            let text = unescape(value.as_bytes());
            let is_plain = |c: char| c == ' ' || c.is_ascii_graphic();
            let plain: String = text.chars().map(|c| if is_plain(c) { c } else { '?' }).collect();
            left.extend(HeaderValue::from_str(&plain).ok().map(|value| (MESSAGE, value)));
        } else if !name.as_str().ends_with(BINARY) && name != STATUS {
            // Nobody looks into bytes of any form.
            left.append(name.clone(), value.clone());
        }
    }
    let covered = mask_headers(&left, plan, &planned.masking, &session.masker)?;
    let mut left = covered.unwrap_or(left);
    let message = left.get(MESSAGE).map(|value| escape(&String::from_utf8_lossy(value.as_bytes())));
    if let Some(message) = message.and_then(|message| HeaderValue::from_str(&message).ok()) {
        left.insert(MESSAGE, message);
    }
    left.extend(status.map(|status| (STATUS, status)));
    Ok(left)
}

/// Metadata without the gateway's credential: where it is in bytes, these go.
fn without_echo(headers: HeaderMap, echo: &Echo) -> HeaderMap {
    let mut left = HeaderMap::with_capacity(headers.len());
    for (name, value) in &headers {
        if let Some(value) = covered(name, value, echo) {
            left.append(name.clone(), value);
        }
    }
    left
}

fn covered(name: &HeaderName, value: &HeaderValue, echo: &Echo) -> Option<HeaderValue> {
    let mut bytes = value.as_bytes().to_vec();
    if echo.cover(&mut bytes) {
        return HeaderValue::from_bytes(&bytes).ok();
    }
    if name == MESSAGE {
        let mut text = unescape(value.as_bytes()).into_bytes();
        if echo.cover(&mut text) {
            return HeaderValue::from_str(&escape(&String::from_utf8_lossy(&text))).ok();
        }
    }
    if name.as_str().ends_with(BINARY) {
        for part in value.as_bytes().split(|byte| *byte == b',') {
            let mut held = BASE64.decode(part.trim_ascii()).ok()?;
            if echo.cover(&mut held) {
                return None;
            }
        }
    }
    Some(value.clone())
}
