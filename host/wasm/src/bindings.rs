//! The contract's types and calls, generated from `wit/policy.wit`; nothing here is written by hand.
#![allow(
    dead_code,
    elided_lifetimes_in_paths,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    unused_variables,
    clippy::all,
    reason = "generated code"
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    // The contract has no world with all hooks, since no plugin needs one; the host calls whichever there are.
    inline: "
        package palisade:host;
        world every-hook {
            import palisade:policy/log@0.1.0;
            import palisade:policy/clock@0.1.0;
            import palisade:policy/state@0.1.0;
            import palisade:policy/http@0.1.0;
            export palisade:policy/plugin@0.1.0;
            export palisade:policy/guard@0.1.0;
            export palisade:policy/attention@0.1.0;
            export palisade:policy/mask@0.1.0;
            export palisade:policy/reviewer@0.1.0;
        }
    ",
    world: "palisade:host/every-hook",
    // What is not granted, or has no room, ends the call.
    imports: { default: trappable },
    // Arguments are borrowed, so that a long command is copied once: into the guest.
    ownership: Borrowing { duplicate_if_necessary: true },
});
