//! What wit-bindgen makes of the contract in `wit/policy.wit`: one module for each piece a component can be put together from.
//!
//! A piece's `export!` macro carries the piece's type into the component, so a plugin exports the hooks it names and no other.
#![allow(missing_docs, unreachable_pub, reason = "generated; the contract documents the items")]

/// The shared types, with no hook.
pub mod types_piece {
    wit_bindgen::generate!({
        world: "types-piece",
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
    });
}

pub use types_piece::palisade::policy::types;

/// What every plugin exports.
pub mod plugin_piece {
    wit_bindgen::generate!({
        world: "plugin-piece",
        pub_export_macro: true,
    });
}

/// Judging commands.
pub mod guard_piece {
    wit_bindgen::generate!({
        world: "guard-piece",
        pub_export_macro: true,
        with: { "palisade:policy/types@0.1.0": super::types },
    });
}

/// Saying what commands are judged by.
pub mod attention_piece {
    wit_bindgen::generate!({
        world: "attention-piece",
        pub_export_macro: true,
    });
}

/// Masking results.
pub mod mask_piece {
    wit_bindgen::generate!({
        world: "mask-piece",
        pub_export_macro: true,
        with: { "palisade:policy/types@0.1.0": super::types },
    });
}

/// Reviewing held commands.
pub mod reviewer_piece {
    wit_bindgen::generate!({
        world: "reviewer-piece",
        pub_export_macro: true,
        additional_derives: [PartialEq, Eq],
        with: { "palisade:policy/types@0.1.0": super::types },
    });
}

/// Lines in the gateway's log.
#[cfg(target_arch = "wasm32")]
pub mod log_piece {
    wit_bindgen::generate!({ world: "log-piece" });
}

/// The time.
#[cfg(target_arch = "wasm32")]
pub mod clock_piece {
    wit_bindgen::generate!({ world: "clock-piece" });
}

/// Counters.
#[cfg(target_arch = "wasm32")]
pub mod state_piece {
    wit_bindgen::generate!({ world: "state-piece" });
}

/// Requests.
#[cfg(target_arch = "wasm32")]
pub mod http_piece {
    wit_bindgen::generate!({ world: "http-piece" });
}
