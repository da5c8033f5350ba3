#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    palisade_mcp::fuzzing::messages(data);
    palisade_mcp::fuzzing::conversation(data);
});
