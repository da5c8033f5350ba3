//! A few of what a fuzzer would try, and what fuzzers have found.

use super::{frame_codec, session};
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
