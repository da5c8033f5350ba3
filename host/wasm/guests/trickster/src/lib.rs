//! A plugin that misbehaves on demand, for the tests of the plugin host.
//!
//! Its configuration, `behaviour` or `behaviour:argument`, says how; every hook does what it says, where that has a meaning.
//! Outside of WebAssembly this crate is empty.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "the exports are made of it, and this guest attacks its host")]

mod behaviour;
mod bindings;
mod memory;

use std::sync::Mutex;

use bindings::exports::palisade::policy::guard::Guest as Guard;
use bindings::exports::palisade::policy::mask::Guest as Mask;
use bindings::exports::palisade::policy::plugin::{ContextParts, Guest as Plugin, Manifest};
use bindings::exports::palisade::policy::reviewer::{Decision, Guest as Reviewer};
use bindings::palisade::policy::types::{Batch, Command, Context, Hold, Plan, Shape, Verdict};

static CONFIG: Mutex<String> = Mutex::new(String::new());

struct Trickster;

impl Plugin for Trickster {
    fn describe() -> Manifest {
        Manifest {
            name: "trickster".to_owned(),
            version: "1.2.3".to_owned(),
            description: "Misbehaves on demand.".to_owned(),
            config_schema: r#"{"type":"string"}"#.to_owned(),
            looks_at: ContextParts::all(),
        }
    }

    fn configure(config: String) -> Result<(), String> {
        match config.split_once(':') {
            Some(("refuse", reason)) => return Err(reason.to_owned()),
            Some(("configure", failure)) => behaviour::fail(failure),
            _ => {}
        }
        if let Ok(mut kept) = CONFIG.lock() {
            *kept = config;
        }
        Ok(())
    }
}

impl Guard for Trickster {
    fn judge(context: Context, command: Command) -> Verdict {
        behaviour::judge(&config(), &context, command)
    }
}

impl Mask for Trickster {
    fn plan_for(_context: Context, shape: Shape) -> Plan {
        behaviour::plan(&config(), shape)
    }

    fn inspect(_context: Context, values: Batch) -> Batch {
        behaviour::inspect(&config(), values)
    }
}

impl Reviewer for Trickster {
    fn review(_context: Context, _command: Command, hold: Hold) -> Decision {
        behaviour::review(&config(), &hold)
    }
}

/// The configuration, or nothing before `configure`.
fn config() -> String {
    CONFIG.lock().map(|config| config.clone()).unwrap_or_default()
}

bindings::export!(Trickster with_types_in bindings);
