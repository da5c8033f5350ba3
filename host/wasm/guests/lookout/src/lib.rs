//! A plugin with one hook of three, for the tests of the plugin host: it lets everything through, and looks at no text.
//!
//! Outside of WebAssembly this crate is empty.
#![cfg(target_arch = "wasm32")]
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../../../wit",
    inline: "
        package test:lookout;
        world lookout {
            export palisade:policy/plugin@0.1.0;
            export palisade:policy/guard@0.1.0;
            export palisade:policy/attention@0.1.0;
        }
    ",
    world: "test:lookout/lookout",
    generate_all,
});

use exports::palisade::policy::attention::{CommandParts, Guest as Attention};
use exports::palisade::policy::guard::Guest as Guard;
use exports::palisade::policy::plugin::{ContextParts, Guest as Plugin, Manifest};
use palisade::policy::types::{Command, Context, Verdict};

struct Lookout;

impl Plugin for Lookout {
    fn describe() -> Manifest {
        Manifest {
            name: "lookout".to_owned(),
            version: "0.1.0".to_owned(),
            description: "Lets everything through.".to_owned(),
            config_schema: "{}".to_owned(),
            looks_at: ContextParts::empty(),
        }
    }

    fn configure(_config: String) -> Result<(), String> {
        Ok(())
    }
}

impl Guard for Lookout {
    fn judge(_context: Context, _command: Command) -> Verdict {
        Verdict::Allow
    }
}

impl Attention for Lookout {
    fn judges_by() -> CommandParts {
        CommandParts::OPERATIONS
    }
}

export!(Lookout);
