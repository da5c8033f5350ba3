use bytes::BytesMut;
use proptest::prelude::*;

use super::*;

const LIMIT: u32 = 1 << 20;

fn whole(bytes: &[u8]) -> Frame<'_> {
    let header = peek(bytes, LIMIT).unwrap().unwrap();
    assert_eq!(header.size, bytes.len());
    Frame::of(bytes, header)
}

#[test]
fn a_length_below_four_is_refused() {
    assert!(matches!(peek(b"Q\0\0\0\x03", LIMIT), Err(FrameError::LengthTooSmall { .. })));
}

#[test]
fn a_length_above_the_limit_is_refused_before_its_body_comes() {
    assert!(matches!(peek(b"Q\x7f\0\0\0", LIMIT), Err(FrameError::TooLarge { .. })));
}

#[test]
fn a_torn_header_asks_for_more() {
    assert_eq!(peek(b"Q\0\0", LIMIT), Ok(None));
}

#[test]
fn text_behind_a_querys_nul_is_refused() {
    assert!(frontend::query(&whole(b"Q\0\0\0\x0cselect\0x")).is_err());
    assert_eq!(frontend::query(&whole(b"Q\0\0\0\x0bselect\0")).unwrap(), b"select");
}

#[test]
fn a_bind_that_says_more_parameters_than_it_has_is_refused() {
    let mut out = BytesMut::new();
    build::frame(&mut out, b'B', |out| {
        build::cstr(out, "p");
        build::cstr(out, "s");
        out.extend_from_slice(&[0, 0, 0, 2, 0, 0, 0, 1, b'x']);
    });
    assert!(frontend::Bind::decode(&whole(&out)).is_err());
}

#[test]
fn a_name_is_cut_as_a_server_cuts_it_and_one_that_it_would_convert_is_refused() {
    let named = |name: &str| {
        let mut messages = [BytesMut::new(), BytesMut::new(), BytesMut::new(), BytesMut::new()];
        let [parse, bind, describe, execute] = &mut messages;
        build::parse(parse, name, "", &[0, 0]);
        build::frame(bind, b'B', |out| {
            build::cstr(out, "");
            build::cstr(out, name);
            out.extend_from_slice(&[0; 6]);
        });
        build::describe_portal(describe, name);
        build::frame(execute, b'E', |out| {
            build::cstr(out, name);
            out.extend_from_slice(&[0; 4]);
        });
        [
            frontend::Parse::decode(&whole(parse)).err(),
            frontend::Bind::decode(&whole(bind)).err(),
            frontend::Named::decode(&whole(describe)).err(),
            frontend::execute(&whole(execute)).err(),
        ]
    };
    assert_eq!(named(&"a".repeat(200)), [None; 4]);
    let refused = |error: &Option<_>| matches!(error, Some(FrameError::Name { .. }));
    assert!(named("\u{e9}").iter().all(refused));
    let mut long = BytesMut::new();
    build::describe_portal(&mut long, &"a".repeat(64));
    let read = frontend::Named::decode(&whole(&long)).unwrap();
    assert!(matches!(read, frontend::Named::Portal(name) if name == "a".repeat(63)));
}

#[test]
fn a_cancel_request_of_either_version_is_read() {
    for key in [&[1, 2, 3, 4][..], &[7; 32]] {
        let mut out = BytesMut::new();
        build::cancel_request(&mut out, 99, key);
        let (opening, size) = startup::decode(&out).unwrap().unwrap();
        assert_eq!(opening, startup::Opening::Cancel { process: 99, key: key.to_vec() });
        assert_eq!(size, out.len());
    }
}

#[test]
fn a_startup_keeps_its_parameters_in_order() {
    let mut out = BytesMut::new();
    build::startup(&mut out, [("user", "orders"), ("database", "x")]);
    let (opening, _) = startup::decode(&out).unwrap().unwrap();
    let startup::Opening::Startup { version, parameters } = opening else { panic!("a start-up") };
    assert_eq!(version, startup::V3_0);
    assert_eq!(parameters[0], ("user".to_owned(), "orders".to_owned()));
}

#[test]
fn an_error_goes_round_without_its_nul_bytes() {
    let mut out = BytesMut::new();
    let report = build::Report {
        severity: "ERROR",
        code: "42501",
        message: "no\0pe",
        detail: "",
        hint: "h",
    };
    report.error(&mut out);
    assert_eq!(backend::report(&whole(&out)).unwrap().message, "nope");
}

#[test]
fn a_first_sasl_message_goes_round_with_and_without_data() {
    for data in [None, Some(&b""[..]), Some(b"n,,\x01\0")] {
        let mut out = BytesMut::new();
        build::sasl_initial(&mut out, "OAUTHBEARER", data);
        let read = frontend::SaslInitial::decode(&whole(&out)).unwrap();
        assert_eq!((read.mechanism, read.data), ("OAUTHBEARER", data));
    }
}

#[test]
fn a_first_sasl_message_whose_length_lies_is_refused() {
    for bytes in [
        &b"p\0\0\0\x0aM\0\0\0\0\x01"[..],
        b"p\0\0\0\x0bM\0\0\0\0\0x",
        b"p\0\0\0\x0aM\0\xff\xff\xff\xfe",
        b"p\0\0\0\x08M\0\0\0",
    ] {
        assert!(frontend::SaslInitial::decode(&whole(bytes)).is_err(), "{bytes:?}");
    }
}

/// Everything that a decoder could be asked to read of these bytes.
fn decode_all(bytes: &[u8]) {
    let _ = startup::decode(bytes);
    let Ok(Some(header)) = peek(bytes, LIMIT) else { return };
    let frame = Frame::of(bytes, header);
    let _ = frontend::query(&frame);
    let _ = frontend::Parse::decode(&frame);
    let _ = frontend::Bind::decode(&frame);
    let _ = frontend::Named::decode(&frame);
    let _ = frontend::execute(&frame);
    let _ = frontend::password(&frame);
    let _ = frontend::SaslInitial::decode(&frame);
    let _ = backend::row_description(&frame);
    if let Ok(values) = backend::Values::decode(&frame) {
        let _: Vec<_> = values.collect();
    }
    let _ = backend::command_tag(&frame);
    let _ = backend::status(&frame);
    let _ = backend::parameter(&frame);
    let _ = backend::key_data(&frame);
    let _ = backend::report(&frame);
    let _ = backend::copy_out(&frame);
}

proptest! {
    #[test]
    fn no_decoder_panics_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_all(&bytes);
    }

    #[test]
    fn no_decoder_panics_on_a_well_framed_body(
        tag in prop::sample::select(b"QPBDECTSZKGHNp".to_vec()),
        body in prop::collection::vec(prop_oneof![Just(0u8), Just(255u8), any::<u8>()], 0..200),
    ) {
        let mut out = BytesMut::new();
        build::frame(&mut out, tag, |out| out.extend_from_slice(&body));
        decode_all(&out);
    }

    #[test]
    fn any_cut_of_a_query_asks_for_more_or_gives_the_whole(
        text in "[a-z ]{0,40}", cut in 0usize..50,
    ) {
        let mut out = BytesMut::new();
        build::query(&mut out, &text);
        let torn = &out[..cut.min(out.len())];
        match peek(torn, LIMIT).unwrap() {
            None => prop_assert!(torn.len() < frame::HEADER),
            Some(header) => prop_assert_eq!(header.size, out.len()),
        }
        prop_assert_eq!(frontend::query(&whole(&out)).unwrap(), text.as_bytes());
    }
}
