//! The generated texts of a few seeds, and what fuzzers have found.

use super::lineage;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn what_flows_by_the_making_of_a_text_is_found(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        lineage(&[&[2], bytes.as_slice()].concat());
    }
}
