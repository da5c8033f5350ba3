use base64::engine::general_purpose::STANDARD;
use http::{Method, Version};
use proptest::prelude::*;

use super::*;
use crate::Parsed;

const TOKEN: &str = "pal.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";

fn head(target: &str, lines: &[(&'static str, &str)]) -> Head {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("gateway"));
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let (version, method, target) = (Version::HTTP_11, &Method::GET, target.as_bytes());
    let (authority, ends, headers) = (None, true, &headers);
    Head::read(&Parsed { version, method, target, authority, ends, headers }).unwrap()
}

/// The headers that are left, as `name: value` lines.
fn left(lines: &[(&'static str, &str)]) -> Vec<String> {
    let mut head = head("/a", lines);
    Written::of(TOKEN).withhold(&mut head).unwrap();
    let lines =
        head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    lines.collect()
}

/// The target that is left.
fn target(text: &str) -> Result<String, Refused> {
    let mut head = head(text, &[]);
    Written::of(TOKEN).withhold(&mut head).map(|()| head.target.text())
}

#[test]
fn a_header_that_repeats_the_token_goes_no_further_in_whatever_form_it_is() {
    let escaped: String = TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for value in [
        TOKEN.to_owned(),
        format!("Token {TOKEN}"),
        format!("\"{TOKEN}\""),
        escaped,
        STANDARD.encode(TOKEN),
        format!("Basic {}", STANDARD.encode(format!("api:{TOKEN}"))),
        format!("Basic {}", STANDARD.encode(format!("orders:{TOKEN}:x"))),
        format!("Digest {}", URL_SAFE_NO_PAD.encode(format!("ab{TOKEN}?"))),
    ] {
        for name in ["authorization", "palisade-token", "x-api-key", "blob-bin"] {
            assert!(left(&[(name, &value)]).is_empty(), "{name}: {value}");
        }
    }
    let own = [("authorization", "Bearer of-the-service"), ("x-own", "pal.eyJzdWIiOiJhbm4ifQ")];
    assert_eq!(left(&own).len(), 2);
}

#[test]
fn of_cookies_and_subprotocols_only_those_go_that_repeat_it() {
    let cookies = format!("a=1; session={TOKEN}; b=2");
    assert_eq!(
        left(&[("cookie", &cookies), ("cookie", "c=3")]),
        ["cookie: a=1; b=2", "cookie: c=3"]
    );
    assert!(left(&[("cookie", &format!("t={TOKEN}"))]).is_empty());
    let offered = format!("chat, bearer.{}", URL_SAFE_NO_PAD.encode(TOKEN));
    assert_eq!(left(&[("sec-websocket-protocol", &offered)]), ["sec-websocket-protocol: chat"]);
}

#[test]
fn a_parameter_that_repeats_it_goes_and_a_path_that_does_is_refused() {
    assert_eq!(target(&format!("/a?x=1&key={TOKEN}&y=2")).unwrap(), "/a?x=1&y=2");
    assert_eq!(target(&format!("/a?{TOKEN}")).unwrap(), "/a");
    assert_eq!(target(&format!("/a/{TOKEN}/b")), Err(Refused::Token));
    let mut head = head(&format!("/{TOKEN}"), &[]);
    assert!(Written::of(TOKEN).withhold(&mut head).is_err());
    assert_eq!(head.target.text(), "/", "it would be on record");
}

#[test]
fn what_is_read_repeats_it_in_whatever_form_its_readers_see() {
    let each = |as_: fn(u8) -> String| TOKEN.bytes().map(as_).collect::<String>();
    let form = each(|byte| format!("%{byte:02X}"));
    let json = each(|byte| format!("\\u{byte:04x}"));
    let base = STANDARD.encode(format!("api:{TOKEN}"));
    for text in [
        format!("a=1&key={TOKEN}"),
        format!("key={form}"),
        format!("key={}", TOKEN.replace('.', "%2e")),
        format!("key={}", STANDARD.encode(TOKEN)),
        format!(r#"{{"key":"{json}"}}"#),
        format!(r#"{{"{}":1}}"#, TOKEN.replace('.', "\\u002E")),
        format!(r#"{{"key":"Basic {base}"}}"#),
        format!(r#"{{"a\\b":"\n","key":"{}"}}"#, base.replace('/', "\\/").replace('Y', "\\u0059")),
        format!(r#"{{"key":"%5C\u{:04x}{}"}}"#, TOKEN.as_bytes()[0], TOKEN.get(1..).unwrap()),
        format!("payload=%7B%22key%22%3A%22{}%22%7D", TOKEN.replace('.', "%5Cu002e")),
    ] {
        assert!(Written::of(TOKEN).is_in_read(text.as_bytes()), "{text}");
    }
    for text in ["", "\\", "%", "{\"a\":\"\\u00\"}", &TOKEN.replace('.', "\\\\u002e"), "\\u00e9%2e"]
    {
        assert!(!Written::of(TOKEN).is_in_read(text.as_bytes()), "{text}");
    }
}

#[test]
fn an_empty_token_is_found_nowhere() {
    assert!(!Written::of("").is_in(b"anything"));
    assert!(!Written::of("").is_plainly_in(b"anything"));
    assert!(!Written::of("").is_in_read(b"any%2e\\u002e"));
}

proptest! {
    #[test]
    fn it_is_found_in_the_base64_of_whatever_it_is_part_of(before in ".{0,7}", after in ".{0,7}") {
        let text = STANDARD.encode(format!("{before}{TOKEN}{after}"));
        prop_assert!(Written::of(TOKEN).is_in(text.as_bytes()), "{text}");
    }

    #[test]
    fn a_stream_passes_as_it_is_and_nothing_of_the_token_however_it_is_cut(
        cuts in proptest::collection::vec(0_usize..60, 0..8),
        shows: bool,
    ) {
        let shown = if shows { TOKEN } else { TOKEN.split_at(20).0 };
        let text = format!("some text {shown} and more {}", TOKEN.split_at(9).0);
        let mut cuts = cuts;
        cuts.retain(|cut| *cut < text.len());
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let written = Written::of(TOKEN);
        let (mut passing, mut passed) = (written.passing(), vec![]);
        let fed = cuts.windows(2).try_for_each(|two| {
            let piece = Bytes::copy_from_slice(&text.as_bytes()[two[0]..two[1]]);
            passing.feed(piece).map(|piece| passed.extend_from_slice(&piece))
        });
        prop_assert_eq!(fed.is_err(), shows);
        if shows {
            prop_assert!("some text ".as_bytes().starts_with(&passed));
        } else {
            passed.extend_from_slice(&passing.finish());
            prop_assert_eq!(passed, text.as_bytes());
        }
    }
}
