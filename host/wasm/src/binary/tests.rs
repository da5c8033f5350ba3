use super::*;

fn error(bytes: &[u8]) -> String {
    component(bytes).unwrap_err().to_string()
}

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn a_component_is_taken_as_it_is() {
    let bytes = module("(component)");
    assert_eq!(component(&bytes).unwrap(), bytes);
}

#[test]
fn a_core_module_becomes_a_component() {
    assert!(Parser::is_component(&component(&module("(module)")).unwrap()));
}

#[test]
fn a_core_module_that_wants_imports_is_refused_with_the_list_of_them() {
    let bytes = module(r#"(module (import "wasi" "fd_write" (func)) (import "env" "now" (func)))"#);
    let text = error(&bytes);
    assert!(text.contains("wasi/fd_write, env/now"), "{text}");
    assert!(text.contains("no policy file can grant"), "{text}");
}

#[test]
fn other_files_are_refused() {
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh", b"\x7fELF\x02\x01\x01\0", b"\0asm\x63\0\0\0"] {
        assert_eq!(error(bytes), "the file is no WebAssembly component and no core module");
    }
}

#[test]
fn a_core_module_cut_off_anywhere_is_refused_or_smaller_but_never_a_panic() {
    let bytes = crate::testing::guest("lookout");
    for end in (8..bytes.len()).step_by(97) {
        let _any_answer = component(bytes.get(..end).unwrap());
    }
}

#[test]
fn the_description_that_tools_leave_in_a_module_is_not_read() {
    let mut bytes = crate::testing::guest("lookout");
    let name = b"palisade:policy/guard@0.1.0";
    let described = bytes.windows(name.len()).rposition(|window| window == name).unwrap();
    // Two packages that need each other: following them, a reader would not come to an end.
    bytes[described + 2] = b'n';
    assert!(component(&bytes).is_ok());
}

#[test]
fn a_length_is_written_as_webassembly_writes_it() {
    let check = |value: usize, expected: &[u8]| {
        let mut out = Vec::new();
        leb128(&mut out, value);
        assert_eq!(out, expected);
    };
    check(0, &[0]);
    check(127, &[0x7f]);
    check(128, &[0x80, 1]);
    check(624_485, &[0xe5, 0x8e, 0x26]);
}
