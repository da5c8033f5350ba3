//! The contract, generated from `wit/policy.wit`; every hook in one world.
#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../../../wit",
    inline: "
        package palisade:trickster;
        world every-hook {
            export palisade:policy/plugin@0.1.0;
            export palisade:policy/guard@0.1.0;
            export palisade:policy/mask@0.1.0;
            export palisade:policy/reviewer@0.1.0;
        }
    ",
    world: "palisade:trickster/every-hook",
    generate_all,
});
