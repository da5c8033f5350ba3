use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::closer::Pace;
use crate::{Options, SessionId, Store};

const SMALL: Options = Options { durability: crate::Durability::Process, segment_bytes: 2000 };
const FRAME: u64 = 40 + 10;

fn session(number: u64) -> SessionId {
    SessionId(u128::from(number % 3))
}

fn payload(number: u64) -> Vec<u8> {
    format!("{number:010}").into_bytes()
}

/// Appends the events `range`, 50 bytes a frame that have no zeros at the end, to three sessions in turn.
fn append(store: &Store, range: std::ops::Range<u64>) {
    for number in range {
        let _ = store.append(session(number), u64::MAX - number, &payload(number)).unwrap();
    }
}

/// A closed store with `count` events, all in the active segment.
fn written(count: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    append(&Store::open(dir.path(), Options::default()).unwrap(), 0..count);
    dir
}

fn folder(dir: &Path) -> Folder {
    Folder::open(dir.join("segments")).unwrap()
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// The store holds exactly the events before `count`.
fn holds(store: &Store, count: u64) {
    for of in 0..3 {
        let events = store.events(session(of), 0).unwrap();
        let events: Vec<_> = events.map(|event| event.unwrap().payload).collect();
        let expected: Vec<_> = (of..count).step_by(3).map(payload).collect();
        assert_eq!(events, expected, "session {of}");
    }
}

#[test]
fn a_store_that_was_closed_needs_no_recovery() {
    let dir = written(10);
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(store.recovery(), &Recovery::default());
    holds(&store, 10);
}

#[test]
fn a_frame_cut_in_half_is_cut_off_and_reported() {
    let dir = written(10);
    let path = folder(dir.path()).raw(1);
    change(&path, |bytes| bytes.truncate(bytes.len() - 14));
    let store = Store::open(dir.path(), Options::default()).unwrap();
    holds(&store, 9);
    assert_eq!(store.recovery().bytes_cut, FRAME - 14);
    assert_eq!(store.recovery().cuts[0].offset, 16 + 9 * FRAME);
}

#[test]
fn room_that_a_killed_process_did_not_use_is_cut_off_and_no_damage() {
    let dir = written(10);
    let path = folder(dir.path()).raw(1);
    let length = fs::metadata(&path).unwrap().len();
    for zeros in [1, 39, 40, 41, 100_000] {
        change(&path, |bytes| bytes.resize(bytes.len() + zeros, 0));
        let store = Store::open(dir.path(), Options::default()).unwrap();
        assert_eq!(store.recovery(), &Recovery::default(), "{zeros} zeros");
        holds(&store, 10);
        drop(store);
        assert_eq!(fs::metadata(&path).unwrap().len(), length, "{zeros} zeros");
    }
    assert!(!folder(dir.path()).torn(1).exists());
}

#[test]
fn of_a_torn_frame_what_was_written_is_set_aside_without_the_room_behind_it() {
    let dir = written(10);
    let folder = folder(dir.path());
    change(&folder.raw(1), |bytes| bytes.truncate(bytes.len() - 5));
    let torn = fs::read(folder.raw(1)).unwrap().split_off(16 + 9 * 50);
    change(&folder.raw(1), |bytes| bytes.resize(300_000, 0));
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(store.recovery().bytes_cut, FRAME - 5);
    assert_eq!(fs::read(folder.torn(1)).unwrap(), torn);
}

#[test]
fn appending_goes_on_where_it_was_cut() {
    let dir = written(10);
    change(&folder(dir.path()).raw(1), |bytes| bytes.truncate(bytes.len() - 1));
    let store = Store::open(dir.path(), Options::default()).unwrap();
    append(&store, 9..20);
    holds(&store, 20);
    drop(store);
    holds(&Store::open(dir.path(), Options::default()).unwrap(), 20);
}

#[test]
fn good_frames_behind_a_bad_one_are_set_aside_not_destroyed() {
    let dir = written(10);
    let folder = folder(dir.path());
    change(&folder.raw(1), |bytes| bytes[16 + 4 * 50 + 45] ^= 1);
    let tail = fs::read(folder.raw(1)).unwrap().split_off(16 + 4 * 50);
    let store = Store::open(dir.path(), Options::default()).unwrap();
    holds(&store, 4);
    assert_eq!(store.recovery().bytes_cut, 6 * FRAME);
    assert_eq!(fs::read(folder.torn(1)).unwrap(), tail);
}

#[test]
fn a_second_recovery_keeps_what_the_first_set_aside() {
    let dir = written(10);
    let folder = folder(dir.path());
    for _ in 0..2 {
        change(&folder.raw(1), |bytes| bytes.truncate(bytes.len() - 10));
        drop(Store::open(dir.path(), Options::default()).unwrap());
    }
    assert_eq!(fs::read(folder.torn(1)).unwrap().len() as u64, 2 * (FRAME - 10));
}

#[test]
fn a_segment_overwritten_with_zeros_is_set_aside() {
    let dir = written(10);
    change(&folder(dir.path()).raw(1), |bytes| bytes.fill(0));
    let store = Store::open(dir.path(), Options::default()).unwrap();
    holds(&store, 0);
    assert_eq!(store.recovery().bytes_cut, 16 + 10 * FRAME);
}

#[test]
fn a_segment_of_tomorrows_version_is_refused_and_left_alone() {
    let dir = written(10);
    let path = folder(dir.path()).raw(1);
    change(&path, |bytes| bytes[4] = 2);
    let before = fs::read(&path).unwrap();
    let refused = Store::open(dir.path(), Options::default());
    assert!(matches!(refused, Err(StoreError::Version { version: 2, .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_crash_while_compressing_leaves_the_raw_form_in_use() {
    let dir = written(10);
    let folder = folder(dir.path());
    fs::write(folder.partial(1), b"half of it").unwrap();
    holds(&Store::open(dir.path(), Options::default()).unwrap(), 10);
    assert!(!folder.partial(1).exists());
}

#[test]
fn a_crash_before_the_raw_form_is_removed_leaves_the_packed_one_in_use() {
    let dir = written(10);
    let folder = folder(dir.path());
    packed::pack(&folder, 1, &Pace::default()).unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    holds(&store, 10);
    assert!(!folder.raw(1).exists());
    append(&store, 10..20);
    holds(&store, 20);
}

#[test]
fn a_damaged_packed_form_beside_its_raw_one_is_made_again() {
    let dir = written(10);
    let folder = folder(dir.path());
    packed::pack(&folder, 1, &Pace::default()).unwrap();
    change(&folder.packed(1), |bytes| *bytes.last_mut().unwrap() ^= 1);
    let store = Store::open(dir.path(), Options::default()).unwrap();
    holds(&store, 10);
    append(&store, 10..20);
    holds(&store, 20);
}

#[test]
fn a_crash_before_a_full_segment_is_closed_leaves_it_to_the_next_opening() {
    let dir = written(200);
    let folder = folder(dir.path());
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    drop(raw::open(&folder, 2).unwrap());
    let store = Store::open(dir.path(), SMALL).unwrap();
    holds(&store, 200);
    drop(store);
    assert!(folder.packed(1).exists() && !folder.raw(1).exists());
    holds(&Store::open(dir.path(), SMALL).unwrap(), 200);
}

#[test]
fn an_index_that_is_lost_is_rebuilt_from_the_segments() {
    let dir = tempfile::tempdir().unwrap();
    append(&Store::open(dir.path(), SMALL).unwrap(), 0..300);
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    holds(&store, 300);
    append(&store, 300..310);
    holds(&store, 310);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cut_at_any_byte_keeps_every_whole_frame_before_it(cut in 0..=16 + 10 * FRAME) {
        let dir = written(10);
        change(&folder(dir.path()).raw(1), |bytes| bytes.truncate(usize::try_from(cut).unwrap()));
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let whole = cut.saturating_sub(16) / FRAME;
        holds(&store, whole);
        append(&store, whole..whole + 5);
        holds(&store, whole + 5);
    }

    #[test]
    fn a_flipped_bit_costs_only_the_frames_from_there_on(at in 16..16 + 10 * FRAME, bit in 0..8_u32) {
        let dir = written(10);
        let place = usize::try_from(at).unwrap();
        change(&folder(dir.path()).raw(1), |bytes| bytes[place] ^= 1_u8 << bit);
        let store = Store::open(dir.path(), Options::default()).unwrap();
        holds(&store, (at - 16) / FRAME);
    }

    #[test]
    fn arbitrary_bytes_at_the_end_cost_nothing(tail in prop::collection::vec(any::<u8>(), 1..200)) {
        let dir = written(10);
        change(&folder(dir.path()).raw(1), |bytes| bytes.extend_from_slice(&tail));
        let store = Store::open(dir.path(), Options::default()).unwrap();
        holds(&store, 10);
        // Zeros at the very end are room that was not used.
        let written = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        prop_assert_eq!(store.recovery().bytes_cut, written as u64);
    }
}
