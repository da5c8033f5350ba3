//! Tricks with the guest's own memory. What they do is unsound on purpose: the host has to stand it.

use core::arch::wasm32::{memory_grow, memory_size};

const PAGE: usize = 65_536;
/// Pages by which `plant` and `count_reversed` grow the memory: what an instance before had there must be gone as well.
const GROWTH: usize = 64;

/// Leaves these bytes all over the memory.
pub(crate) fn plant(bytes: &[u8]) {
    let copies = bytes.repeat(GROWTH * PAGE / bytes.len().max(1));
    Box::leak(copies.into_boxed_slice());
}

/// How often the bytes, read from the last to the first, stand anywhere in the memory.
///
/// They are given in reverse so that the question is not found as its own answer.
pub(crate) fn count_reversed(reversed: &[u8]) -> usize {
    memory_grow(0, GROWTH);
    let end = memory_size(0) * PAGE;
    (1..end.saturating_sub(reversed.len()))
        .filter(|start| reversed.iter().rev().enumerate().all(|(i, byte)| read(start + i) == *byte))
        .count()
}

fn read(address: usize) -> u8 {
    // SAFETY: WebAssembly checks the address; all of the linear memory can be read.
    unsafe { core::ptr::with_exposed_provenance::<u8>(address).read_volatile() }
}

/// Asks for memory until there is none, and traps then.
pub(crate) fn exhaust() {
    loop {
        Box::leak(vec![1_u8; 16 * PAGE].into_boxed_slice());
    }
}

/// A string that is no UTF-8.
pub(crate) fn no_text() -> String {
    // SAFETY: none; nothing in the guest looks at it, and the host must refuse it.
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xfe]) }
}

/// A list of `count` texts of a MiB each, all of them the same memory.
pub(crate) fn same_text(count: usize) -> Vec<String> {
    let length = 16 * PAGE;
    let text = Box::leak(vec![b'x'; length].into_boxed_slice()).as_mut_ptr();
    // SAFETY: none; the host must refuse the list, and the instance ends before anything is freed twice.
    (0..count).map(|_| unsafe { String::from_raw_parts(text, length, length) }).collect()
}
