use std::fs;
use std::path::Path;

use super::*;
use crate::{Durability, Options, Store};

const ONE: SessionId = SessionId(1);
const SMALL: Options = Options { durability: Durability::Process, segment_bytes: 500 };

/// A store with 30 events of the session in closed segments of ten, 50 bytes a frame, and more behind.
fn written() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    for number in 0..35 {
        let _ = store.append(ONE, number, format!("{number:010}").as_bytes()).unwrap();
    }
    dir
}

fn packed(dir: &Path, segment: u64) -> std::path::PathBuf {
    Folder::open(dir.join("segments")).unwrap().packed(segment)
}

fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[16 + 12 + 20] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// The sequence numbers that are read from `from` on, and the errors between them.
fn read(dir: &Path, from: u64) -> (Vec<u64>, Vec<StoreError>) {
    let store = Store::open(dir, SMALL).unwrap();
    let (mut seen, mut errors) = (Vec::new(), Vec::new());
    for event in store.events(ONE, from).unwrap() {
        match event {
            Ok(event) => seen.push(event.sequence),
            Err(error) => errors.push(error),
        }
    }
    (seen, errors)
}

#[test]
fn a_page_begins_where_it_is_asked_to() {
    let dir = written();
    for from in [0, 1, 9, 10, 11, 29, 34, 35, 99] {
        assert_eq!(read(dir.path(), from).0, (from..35).collect::<Vec<_>>(), "from {from}");
    }
}

#[test]
fn a_damaged_block_is_reported_and_other_segments_are_read() {
    let dir = written();
    damage(&packed(dir.path(), 2));
    let (seen, errors) = read(dir.path(), 0);
    assert_eq!(seen, (0..10).chain(20..35).collect::<Vec<_>>());
    assert!(
        matches!(errors[..], [StoreError::Damaged { segment: 2, offset: 16, .. }]),
        "{errors:?}"
    );
}

#[test]
fn damage_in_a_segment_that_is_not_read_is_not_in_the_way() {
    let dir = written();
    damage(&packed(dir.path(), 1));
    assert!(
        matches!(read(dir.path(), 10), (seen, errors) if seen.len() == 25 && errors.is_empty())
    );
}

#[test]
fn a_segment_that_was_deleted_is_reported() {
    let dir = written();
    fs::remove_file(packed(dir.path(), 2)).unwrap();
    let (seen, errors) = read(dir.path(), 0);
    assert_eq!(seen.len(), 25);
    assert!(matches!(errors[..], [StoreError::Damaged { segment: 2, .. }]), "{errors:?}");
}

#[test]
fn events_cut_from_a_closed_segment_are_reported_as_missing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    for _ in 0..10 {
        let _ = store.append(ONE, 7, b"0123456789").unwrap();
    }
    drop(store);
    let folder = Folder::open(dir.path().join("segments")).unwrap();
    let whole = fs::read(folder.raw(1)).unwrap();
    // Closes segment 1, writes 10 and more to segment 2; then segment 1 is as before it was closed, but torn.
    let store = Store::open(dir.path(), SMALL).unwrap();
    for _ in 0..3 {
        let _ = store.append(ONE, 7, b"0123456789").unwrap();
    }
    drop(store);
    fs::remove_file(folder.packed(1)).unwrap();
    fs::write(folder.raw(1), &whole[..16 + 7 * 50 + 3]).unwrap();
    let (seen, errors) = read(dir.path(), 0);
    assert_eq!(seen, (0..7).chain(11..13).collect::<Vec<_>>());
    assert!(matches!(errors[..], [StoreError::Missing { from: 7, to: 10, .. }]), "{errors:?}");
}

#[test]
fn reading_sees_the_moment_it_began() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    let _ = store.append(ONE, 7, b"before").unwrap();
    let events = store.events(ONE, 0).unwrap();
    let _ = store.append(ONE, 7, b"after").unwrap();
    assert_eq!(events.count(), 1);
}

#[test]
fn reading_goes_on_while_its_segment_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    for _ in 0..9 {
        let _ = store.append(ONE, 7, b"0123456789").unwrap();
    }
    let mut events = store.events(ONE, 0).unwrap();
    events.next().unwrap().unwrap();
    let _ = store.append(ONE, 7, b"0123456789").unwrap();
    // Dropping waits until the segment is compressed and its raw form gone.
    drop(store);
    assert_eq!(events.map(Result::unwrap).count(), 8);
}

#[test]
fn several_sessions_are_read_together_without_what_is_damaged_and_without_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    for number in 0..36_u64 {
        let session = SessionId((number % 3).into());
        let _ = store.append(session, number, format!("{number:010}").as_bytes()).unwrap();
    }
    drop(store);
    damage(&packed(dir.path(), 2));
    let store = Store::open(dir.path(), SMALL).unwrap();
    let mut seen = vec![];
    store
        .read_together(&[SessionId(0), SessionId(2)], |_, event| seen.push(event.at_micros))
        .unwrap();
    let expected: Vec<_> = (0..10).chain(20..36).filter(|number| number % 3 != 1).collect();
    assert_eq!(seen, expected);
}
