//! Child processes and waiting for them.

use std::fs::File;
use std::net::TcpListener;
use std::ops::Range;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What a finished program left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ok: bool,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    Outcome {
        ok: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Below the ports that the system itself gives away, to listeners that name none and to whoever connects.
const PORTS: Range<u16> = 20_000..32_000;

/// A port for a server that must be told its own: no other test is given it as long as this one runs.
pub(crate) fn free_port() -> u16 {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("palisade-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    // Tests that begin at different places seldom meet.
    let first = (std::process::id().wrapping_mul(997) % u32::from(PORTS.end - PORTS.start)) as u16;
    let (before, after) = (PORTS.start..PORTS.start + first, PORTS.start + first..PORTS.end);
    for port in after.chain(before) {
        let file = File::create(folder.join(port.to_string())).unwrap();
        if file.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            HELD.lock().unwrap().push(file);
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free");
}

/// Asks again and again until there is an answer. The limit only ends a test that would never end.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
