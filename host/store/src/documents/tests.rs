use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::{Options, Store};

fn with_store(test: impl FnOnce(&Store)) {
    let dir = tempfile::tempdir().unwrap();
    test(&Store::open(dir.path(), Options::default()).unwrap());
}

fn with_numbers(test: impl FnOnce(&Collection<u32>)) {
    with_store(|store| {
        let numbers = store.collection("numbers").unwrap();
        for (id, number) in [("b", 2), ("a", 1), ("c", 3)] {
            numbers.put(id, &number).unwrap();
        }
        test(&numbers);
    });
}

fn entries(expected: &[(&str, u32)]) -> Vec<(String, u32)> {
    expected.iter().map(|(id, number)| ((*id).to_owned(), *number)).collect()
}

#[test]
fn a_record_reads_back() {
    with_numbers(|numbers| assert_eq!(numbers.get("b").unwrap(), Some(2)));
}

#[test]
fn an_unknown_id_has_no_record() {
    with_numbers(|numbers| assert_eq!(numbers.get("z").unwrap(), None));
}

#[test]
fn the_last_put_counts() {
    with_numbers(|numbers| {
        numbers.put("b", &20).unwrap();
        assert_eq!(numbers.get("b").unwrap(), Some(20));
    });
}

#[test]
fn a_removed_record_is_gone_and_removed_once() {
    with_numbers(|numbers| {
        assert!(numbers.remove("b").unwrap());
        assert!(!numbers.remove("b").unwrap());
        assert_eq!(numbers.get("b").unwrap(), None);
    });
}

#[test]
fn what_cannot_be_read_does_not_keep_the_others_back() {
    with_store(|store| {
        let words = store.collection::<String>("numbers").unwrap();
        words.put("b", &"no number".to_owned()).unwrap();
        let numbers = store.collection::<u32>("numbers").unwrap();
        numbers.put("a", &1).unwrap();
        numbers.put("c", &3).unwrap();
        assert!(numbers.list().is_err());
        assert_eq!(numbers.readable().map(Result::unwrap).collect::<Vec<_>>(), [3, 1]);
    });
}

#[test]
fn a_list_is_in_the_order_of_ids() {
    with_numbers(|numbers| {
        assert_eq!(numbers.list().unwrap(), entries(&[("a", 1), ("b", 2), ("c", 3)]));
    });
}

#[test]
fn the_newest_come_last_id_first() {
    with_numbers(|numbers| {
        assert_eq!(numbers.newest(2).unwrap(), entries(&[("c", 3), ("b", 2)]));
    });
}

#[test]
fn collections_are_apart() {
    with_store(|store| {
        store.collection("one").unwrap().put("id", &1).unwrap();
        assert_eq!(store.collection::<u32>("two").unwrap().get("id").unwrap(), None);
    });
}

#[test]
fn an_update_says_what_was_and_what_is() {
    with_numbers(|numbers| {
        let change = numbers.update("b", |number| number.map(|number| number + 1)).unwrap();
        assert_eq!(change, Change { before: Some(2), after: Some(3) });
    });
}

#[test]
fn an_update_makes_a_record_where_there_was_none() {
    with_numbers(|numbers| {
        let change = numbers.update("z", |_| Some(26)).unwrap();
        assert_eq!(change, Change { before: None, after: Some(26) });
    });
}

#[test]
fn an_update_to_nothing_removes() {
    with_numbers(|numbers| {
        numbers.update("b", |_| None).unwrap();
        assert_eq!(numbers.get("b").unwrap(), None);
    });
}

#[test]
fn of_many_who_decide_at_once_one_alone_finds_it_undecided() {
    with_store(|store| {
        let holds = store.collection::<Option<usize>>("holds").unwrap();
        holds.put("hold", &None).unwrap();
        let deciders = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for me in 0..8 {
                let (holds, deciders) = (&holds, &deciders);
                scope.spawn(move || {
                    let decide = |hold: Option<Option<usize>>| hold.map(|by| by.or(Some(me)));
                    let change = holds.update("hold", decide).unwrap();
                    if change.before == Some(None) {
                        deciders.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(change.after, Some(Some(me)));
                    }
                });
            }
        });
        assert_eq!(deciders.into_inner(), 1);
    });
}

#[test]
fn no_update_is_lost_among_threads() {
    with_store(|store| {
        let numbers = store.collection::<u32>("numbers").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        numbers.update("sum", |sum| Some(sum.unwrap_or(0) + 1)).unwrap();
                    }
                });
            }
        });
        assert_eq!(numbers.get("sum").unwrap(), Some(200));
    });
}

#[test]
fn a_document_beyond_the_limit_is_refused() {
    with_store(|store| {
        let texts = store.collection("texts").unwrap();
        let refused = texts.put("id", &"x".repeat(MAX_DOCUMENT_BYTES));
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
        assert_eq!(texts.get("id").unwrap(), None);
    });
}

#[test]
fn a_record_of_another_form_is_an_error_that_does_not_quote_it() {
    with_store(|store| {
        store.collection("things").unwrap().put("id", &"hunter2".to_owned()).unwrap();
        let error = store.collection::<u32>("things").unwrap().get("id").unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("things") && text.contains("id"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    });
}

#[test]
fn what_has_no_json_form_is_refused() {
    with_store(|store| {
        let maps = store.collection::<BTreeMap<Vec<u8>, u8>>("maps").unwrap();
        let refused = maps.put("id", &BTreeMap::from([(vec![1], 1)]));
        assert!(matches!(refused, Err(StoreError::Document { .. })));
    });
}

#[test]
fn documents_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    store.collection("numbers").unwrap().put("id", &1).unwrap();
    drop(store);
    let store = Store::open(dir.path(), Options::default()).unwrap();
    assert_eq!(store.collection::<u32>("numbers").unwrap().get("id").unwrap(), Some(1));
}
