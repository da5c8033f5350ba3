//! A few of what a fuzzer would try, and what fuzzers have found.

use super::{frame_codec, login, session};
use crate::codec::build;
use bytes::BytesMut;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn frames_do_not_depend_on_how_their_bytes_come(
        cuts in prop::collection::vec(0u8..12, 8),
        frames in prop::collection::vec(
            (prop::sample::select(b"QPBDECSTZKE".to_vec()), prop::collection::vec(0u8..5, 0..20)),
            0..5,
        ),
    ) {
        let mut stream = cuts;
        for (tag, body) in frames {
            stream.extend([tag, 0, 0, 0, u8::try_from(body.len() + 4).unwrap()]);
            stream.extend(body);
        }
        frame_codec(&stream);
    }

    #[test]
    fn a_way_in_does_not_depend_on_how_its_bytes_come(
        cuts in prop::collection::vec(0u8..60, 8),
        method in prop::sample::select(vec!["password", "oauth", "none"]),
        parts in prop::collection::vec(prop::sample::select(vec![
            "n,,\x01", "n,a=orders,\x01", "auth=Bearer x\x01", "auth=\x01", "host=h\x01", "\x01", "x\0",
        ]), 0..6),
        framed in 0usize..4,
    ) {
        let mut stream = BytesMut::from(&cuts[..]);
        build::startup(&mut stream, [("user", "orders"), ("palisade.login", method)]);
        let data = parts.concat();
        match framed {
            0 => build::sasl_initial(&mut stream, "OAUTHBEARER", Some(data.as_bytes())),
            1 => {
                build::sasl_initial(&mut stream, "OAUTHBEARER", None);
                build::sasl_response(&mut stream, data.as_bytes());
            }
            2 => build::password(&mut stream, &data),
            _ => build::query(&mut stream, &data),
        }
        build::sasl_response(&mut stream, b"\x01");
        login(&stream);
    }

    #[test]
    fn a_way_in_takes_any_bytes(data in prop::collection::vec(any::<u8>(), 0..200)) {
        login(&data);
    }

    #[test]
    fn sessions_stay_in_step_and_let_nothing_through(
        data in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        session(&data);
    }
}

#[test]
fn a_copy_behind_a_withheld_result_ends() {
    session(&[46, 0, 0, 0, 115, 51, 52, 110, 65]);
}
