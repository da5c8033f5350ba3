//! A plugin that imports WASI's first version, and says what it found.
//!
//! Outside of WebAssembly this crate is empty.
#![cfg(target_arch = "wasm32")]
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    reason = "generated code, and imports that only unsafe code can call"
)]

use std::sync::Mutex;

wit_bindgen::generate!({ path: "../../../../wit", world: "guard-plugin" });

use exports::palisade::policy::guard::Guest as Guard;
use exports::palisade::policy::plugin::{ContextParts, Guest as Plugin, Manifest};
use palisade::policy::types::{Command, Context, Denial, Verdict};

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: i32, precision: i64, time: *mut u64) -> i32;
    fn random_get(bytes: *mut u8, count: usize) -> i32;
    fn environ_sizes_get(count: *mut usize, size: *mut usize) -> i32;
    fn args_sizes_get(count: *mut usize, size: *mut usize) -> i32;
    fn fd_prestat_get(fd: i32, prestat: *mut u64) -> i32;
    fn fd_write(fd: i32, parts: *const (*const u8, usize), count: usize, wrote: *mut usize) -> i32;
    fn proc_exit(code: i32) -> !;
}

static CONFIG: Mutex<String> = Mutex::new(String::new());

struct Traveller;

impl Plugin for Traveller {
    fn describe() -> Manifest {
        Manifest {
            name: "traveller".to_owned(),
            version: "0.1.0".to_owned(),
            description: "Asks WASI for what a process has.".to_owned(),
            config_schema: "{}".to_owned(),
            looks_at: ContextParts::empty(),
        }
    }

    fn configure(config: String) -> Result<(), String> {
        if let Ok(mut kept) = CONFIG.lock() {
            *kept = config;
        }
        Ok(())
    }
}

impl Guard for Traveller {
    fn judge(_context: Context, _command: Command) -> Verdict {
        let config = CONFIG.lock().map(|config| config.clone()).unwrap_or_default();
        let reason = found(&config);
        Verdict::Deny(Denial { reason, rule: "traveller".to_owned(), hint: String::new() })
    }
}

fn found(what: &str) -> String {
    let (mut one, mut two, mut long) = (0, 0, 0_u64);
    // SAFETY: every pointer is to a variable of the size that WASI's first version asks for.
    unsafe {
        match what {
            "clock" => format!("{} {}", clock_time_get(0, 1, &raw mut long), long > 1 << 60),
            "time" => {
                let mut later = 0;
                clock_time_get(1, 1, &raw mut long);
                clock_time_get(1, 1, &raw mut later);
                format!("{long} {later}")
            }
            "random" => {
                let mut bytes = [1_u8; 8];
                let code = random_get(bytes.as_mut_ptr(), bytes.len());
                format!("{code} {bytes:?}")
            }
            "environment" => {
                environ_sizes_get(&raw mut one, &raw mut two);
                let variables = one;
                args_sizes_get(&raw mut one, &raw mut two);
                format!("{variables} {one}")
            }
            "files" => {
                let opened = (3..32).filter(|fd| fd_prestat_get(*fd, &raw mut long) == 0);
                format!("{}", opened.count())
            }
            "write" => {
                let part = (b"hello".as_ptr(), 5);
                format!("{} {one}", fd_write(1, &raw const part, 1, &raw mut one))
            }
            _ => proc_exit(0),
        }
    }
}

export!(Traveller);
