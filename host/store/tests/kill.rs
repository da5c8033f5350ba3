//! What was acknowledged is there after the process was killed.
//!
//! Each test runs this very binary again as a child that writes and says what it has written.

#![allow(clippy::unwrap_used, reason = "clippy knows only functions marked as tests for tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use palisade_store::{Durability, Options, SessionId, Store};

const DIR: &str = "STORE_KILL_TEST_DIR";
const ROLE: &str = "STORE_KILL_TEST_ROLE";
const OPTIONS: Options = Options { durability: Durability::Process, segment_bytes: 20_000 };
/// Segments that hold several windows of memory, so that the next one is made while events come.
const LARGE: Options = Options { segment_bytes: 4 << 20, ..OPTIONS };

/// Does nothing unless it is run as a child.
#[test]
fn child() {
    let (Ok(dir), Ok(role)) = (std::env::var(DIR), std::env::var(ROLE)) else { return };
    let options = if role == "append large for ever" { LARGE } else { OPTIONS };
    let store = Store::open(Path::new(&dir), options).unwrap();
    match role.as_str() {
        "append and abort" => append_and_abort(&store),
        "append for ever" => append_for_ever(&store, |_| 200),
        // Within a window, over its end, and larger than one.
        "append large for ever" => append_for_ever(&store, |number| match number {
            number if number % 300 == 0 => 2 << 20,
            number if number % 20 == 0 => 70_000,
            _ => 200,
        }),
        "put for ever" => put_for_ever(&store),
        "wait" => {
            acknowledge("ready");
            std::thread::park();
        }
        _ => unreachable!(),
    }
}

fn acknowledge(line: &str) {
    // One write a line, so that lines of several threads do not mix.
    std::io::stderr().write_all(format!("ack {line}\n").as_bytes()).unwrap();
}

fn append_and_abort(store: &Store) {
    for number in 0..1000_u64 {
        let session = SessionId(u128::from(number % 10));
        let _ = store.append(session, number, &number.to_le_bytes()).unwrap();
    }
    std::process::abort();
}

fn append_for_ever(store: &Store, bytes: impl Fn(u32) -> usize + Sync) {
    let bytes = &bytes;
    std::thread::scope(|scope| {
        for session in 0..4_u32 {
            scope.spawn(move || {
                for number in session.. {
                    let event = vec![7; bytes(number)];
                    let receipt = store.append(SessionId(session.into()), 7, &event).unwrap();
                    acknowledge(&format!("{session} {}", receipt.sequence));
                }
            });
        }
    });
}

fn put_for_ever(store: &Store) {
    let numbers = store.collection::<u64>("numbers").unwrap();
    for number in 0.. {
        numbers.put(&format!("{number:010}"), &number).unwrap();
        acknowledge(&number.to_string());
    }
}

fn start(dir: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(DIR, dir)
        .env(ROLE, role)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a child, kills it (SIGKILL) after `enough` acknowledgements, and gives all that it made.
fn killed(dir: &Path, role: &str, enough: usize) -> Vec<String> {
    let mut child = start(dir, role);
    let mut seen = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        // The last line may be cut; a whole one has its end.
        seen.extend(line.unwrap().strip_prefix("ack ").map(str::to_owned));
        if seen.len() == enough {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen.len() >= enough, "the child ended by itself");
    // What came after the kill was still acknowledged, but for the last line, which may be torn.
    seen.pop();
    seen
}

#[test]
fn every_event_of_a_process_that_aborted_is_read_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    start(dir.path(), "append and abort").wait().unwrap();
    let store = Store::open(dir.path(), OPTIONS).unwrap();
    let count =
        |of: u32| store.events(SessionId(of.into()), 0).unwrap().map(Result::unwrap).count();
    assert_eq!((0..10).map(count).collect::<Vec<_>>(), [100; 10]);
}

#[test]
fn every_acknowledged_event_of_a_killed_process_is_read_after_reopening() {
    every_acknowledged_event_is_read("append for ever", OPTIONS, 5000);
}

#[test]
fn every_acknowledged_event_is_read_whose_window_was_made_ahead() {
    every_acknowledged_event_is_read("append large for ever", LARGE, 3000);
}

fn every_acknowledged_event_is_read(role: &str, options: Options, enough: usize) {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged = killed(dir.path(), role, enough);
    let store = Store::open(dir.path(), options).unwrap();
    let count =
        |of: u32| store.events(SessionId(of.into()), 0).unwrap().map(Result::unwrap).count();
    let counts: Vec<_> = (0..4).map(count).collect();
    for line in acknowledged {
        let (session, sequence) = line.split_once(' ').unwrap();
        let sequence: usize = sequence.parse().unwrap();
        let count = counts.get(session.parse::<usize>().unwrap()).unwrap();
        assert!(sequence < *count, "{line} in {counts:?}");
    }
}

#[test]
fn every_acknowledged_document_of_a_killed_process_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged = killed(dir.path(), "put for ever", 300);
    let store = Store::open(dir.path(), OPTIONS).unwrap();
    let numbers = store.collection::<u64>("numbers").unwrap();
    for number in acknowledged {
        let number: u64 = number.parse().unwrap();
        assert_eq!(numbers.get(&format!("{number:010}")).unwrap(), Some(number));
    }
}

#[test]
fn a_store_held_by_another_process_is_refused_until_that_one_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), "wait");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ack ready"));
    let refused = Store::open(dir.path(), OPTIONS).unwrap_err().to_string();
    assert!(refused.contains(&dir.path().display().to_string()), "{refused}");
    child.kill().unwrap();
    child.wait().unwrap();
    Store::open(dir.path(), OPTIONS).unwrap();
}
