#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| palisade_mask::fuzzing::mask_stream(data));
