//! A few of what a fuzzer would try, and what was found.

use proptest::prelude::*;

use super::{conversation, messages, play};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_is_read_as_a_message_reads_the_same_again(text in "[\\[{}\\],:\"a-z0-9.\\\\-]{0,60}") {
        messages(text.as_bytes());
        messages(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{{text}}}}}"#).as_bytes());
    }

    #[test]
    fn nobody_is_sent_what_was_not_allowed(data in prop::collection::vec(any::<u8>(), 0..400)) {
        conversation(&data);
    }

    #[test]
    fn nor_in_a_session_that_has_begun(data in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut begun = begun();
        begun.extend(data);
        conversation(&begun);
    }
}

/// Both servers answer `initialize` and list their tools.
fn begun() -> Vec<u8> {
    let answers = |server: u8, what: u8| [2, server, 0, 2, what];
    [answers(0, 4), answers(1, 4), answers(0, 5), answers(1, 5)].concat()
}

#[test]
fn sessions_that_are_made_up_do_call_tools() {
    let called = [begun(), vec![0, 0, 0, 0]].concat();
    assert_eq!(play(&called).0, 2);
}

#[test]
fn servers_of_sessions_that_are_made_up_ask_clients_that_have_none() {
    let called = [begun(), vec![0, 0, 0, 0], vec![2, 0, 0, 0, 8, 0], vec![32, 0, 0]].concat();
    assert_eq!(play(&called).1, 1);
}
