use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::MAX_EVENT_BYTES;

const SMALL: Options = Options { durability: Durability::Process, segment_bytes: 4096 };
const DISK: Options = Options { durability: Durability::Disk, segment_bytes: 4096 };

fn session(number: usize) -> SessionId {
    SessionId(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128)
}

fn payloads(store: &Store, of: SessionId) -> Vec<Vec<u8>> {
    store.events(of, 0).unwrap().map(|event| event.unwrap().payload).collect()
}

fn append_many(store: &Store, of: SessionId, count: usize) {
    for number in 0..count {
        let _ = store.append(of, 7, format!("event {number} of {of}").as_bytes()).unwrap();
    }
}

fn files(dir: &Path, ending: &str) -> usize {
    let names = fs::read_dir(dir.join("segments")).unwrap();
    names.filter(|name| name.as_ref().unwrap().path().extension().unwrap() == ending).count()
}

#[test]
fn an_event_reads_back_as_it_was_appended() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let _ = store.append(session(1), 1_700_000_000_000_001, b"select 1").unwrap();
    let event = store.events(session(1), 0).unwrap().next().unwrap().unwrap();
    assert_eq!((event.sequence, event.at_micros), (0, 1_700_000_000_000_001));
    assert_eq!(event.payload, b"select 1");
}

#[test]
fn a_session_without_events_reads_as_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(store.events(session(1), 0).unwrap().count(), 0);
    assert_eq!(store.end(session(1)).unwrap(), 0);
}

#[test]
fn a_session_ends_where_its_next_event_begins_whichever_segments_it_is_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    append_many(&store, session(1), 500);
    assert_eq!(store.end(session(1)).unwrap(), 500);
    append_many(&store, session(2), 500);
    assert_eq!(store.end(session(1)).unwrap(), 500);
    drop(store);
    let store = Store::open(dir.path(), SMALL).unwrap();
    assert_eq!(store.end(session(1)).unwrap(), 500);
    assert_eq!(store.append(session(1), 7, b"").unwrap().sequence, 500);
}

#[test]
fn numbers_go_on_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    append_many(&store, session(1), 3);
    drop(store);
    let store = Store::open(dir.path(), SMALL).unwrap();
    assert_eq!(store.append(session(1), 7, b"").unwrap().sequence, 3);
}

#[test]
fn numbers_go_on_after_the_segment_was_closed_and_the_store_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    append_many(&store, session(1), 3);
    append_many(&store, session(2), 500);
    drop(store);
    let store = Store::open(dir.path(), SMALL).unwrap();
    assert_eq!(store.append(session(1), 7, b"").unwrap().sequence, 3);
    assert_eq!(store.events(session(1), 0).unwrap().count(), 4);
}

#[test]
fn a_full_segment_is_compressed_and_its_raw_form_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    append_many(&store, session(1), 500);
    drop(store);
    assert!(files(dir.path(), "pack") > 5);
    assert_eq!(files(dir.path(), "seg"), 1, "only the active one is left raw");
}

#[test]
fn clones_are_the_same_store_and_keep_it_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let clone = store.clone();
    append_many(&store, session(1), 2);
    drop(store);
    append_many(&clone, session(1), 2);
    assert_eq!(payloads(&clone, session(1)).len(), 4);
}

#[test]
fn a_store_that_is_open_elsewhere_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let _store = Store::open(dir.path(), Options::default()).unwrap();
    match Store::open(dir.path(), Options::default()) {
        Err(StoreError::Locked { dir: named }) => assert_eq!(named, dir.path()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_store_can_be_closed_and_opened_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let store = Store::open(dir.path(), SMALL).unwrap();
        append_many(&store, session(1), 5);
        store.collection::<u32>("numbers").unwrap().put("one", &1).unwrap();
    }
    let store = Store::open(dir.path(), SMALL).unwrap();
    assert_eq!(payloads(&store, session(1)).len(), 100);
}

#[cfg(unix)]
#[test]
fn a_new_store_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _store = Store::open(&dir.path().join("store"), Options::default()).unwrap();
    let mode = fs::metadata(dir.path().join("store")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn an_event_beyond_the_limit_is_refused_and_the_store_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let refused = store.append(session(1), 7, &vec![0; MAX_EVENT_BYTES + 1]);
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
    assert_eq!(store.append(session(1), 7, b"small").unwrap().sequence, 0);
}

#[test]
fn an_event_larger_than_a_segment_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    let large = vec![b'x'; 1 << 20];
    let _ = store.append(session(1), 7, &large).unwrap();
    let _ = store.append(session(1), 7, b"next").unwrap();
    drop(store);
    let store = Store::open(dir.path(), SMALL).unwrap();
    assert_eq!(payloads(&store, session(1)), [large, b"next".to_vec()]);
}

#[test]
fn an_event_kept_from_the_process_only_is_durable_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), SMALL).unwrap();
    let receipt = store.append(session(1), 7, b"").unwrap();
    assert!(store.is_durable(receipt));
}

#[test]
fn an_event_kept_from_power_failures_is_durable_after_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DISK).unwrap();
    let receipt = store.append(session(1), 7, b"").unwrap();
    assert!(!store.is_durable(receipt));
    store.wait_durable(receipt).unwrap();
    assert!(store.is_durable(receipt));
}

#[test]
fn waiting_for_an_event_makes_the_earlier_ones_durable() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), DISK).unwrap();
    let earlier = store.append(session(1), 7, b"").unwrap();
    append_many(&store, session(1), 200);
    let later = store.append(session(2), 7, b"").unwrap();
    store.wait_durable(later).unwrap();
    assert!(store.is_durable(earlier));
}

/// Appends from four threads, twenty sessions each, with a reader beside them.
fn append_on_threads(store: &Store) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in 0..600_usize {
                    let of = session(thread * 100 + number % 20);
                    let payload = format!("{thread}/{number}");
                    let receipt = store.append(of, number as u64, payload.as_bytes()).unwrap();
                    assert_eq!(receipt.sequence, number as u64 / 20);
                    if number % 50 == 0 {
                        store.wait_durable(receipt).unwrap();
                    }
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..100 {
                let seen = payloads(store, session(7)).len();
                assert!(payloads(store, session(7)).len() >= seen);
            }
        });
    });
}

fn threads_are_kept_apart(options: Options) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), options).unwrap();
    append_on_threads(&store);
    for thread in 0..4 {
        for place in 0..20 {
            let expected: Vec<_> =
                (place..600).step_by(20).map(|n| format!("{thread}/{n}").into_bytes()).collect();
            assert_eq!(payloads(&store, session(thread * 100 + place)), expected);
        }
    }
}

#[test]
fn sessions_on_many_threads_read_back_in_order_while_segments_close() {
    threads_are_kept_apart(SMALL);
}

#[test]
fn sessions_on_many_threads_read_back_in_order_when_synced() {
    threads_are_kept_apart(DISK);
}

/// What happens to a store in the property below.
#[derive(Debug, Clone)]
enum Step {
    Append { of: usize, payload: Vec<u8> },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        20 => (0..5_usize, payload).prop_map(|(of, payload)| Step::Append { of, payload }),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_interleaving_reads_back_exactly(
        steps in prop::collection::vec(step(), 1..120),
        segment_bytes in 100..3000_u64,
        from in 0..10_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes, ..SMALL };
        let mut store = Some(Store::open(dir.path(), options).unwrap());
        let mut expected = HashMap::<usize, Vec<Vec<u8>>>::new();
        for step in steps {
            match step {
                Step::Append { of, payload } => {
                    let _ = store.as_ref().unwrap().append(session(of), 7, &payload).unwrap();
                    expected.entry(of).or_default().push(payload);
                }
                Step::Reopen => {
                    store.take();
                    store = Some(Store::open(dir.path(), options).unwrap());
                }
            }
        }
        let store = store.unwrap();
        for (of, expected) in expected {
            prop_assert_eq!(payloads(&store, session(of)), expected.clone());
            let rest = store.events(session(of), from as u64).unwrap();
            let rest: Vec<_> = rest.map(|event| event.unwrap().payload).collect();
            prop_assert_eq!(rest, expected.into_iter().skip(from).collect::<Vec<_>>());
        }
    }
}
