use super::*;
use crate::Durability;

const ONE: SessionId = SessionId(1);
const TWO: SessionId = SessionId(2);

fn with_index(test: impl FnOnce(&Index)) {
    let dir = tempfile::tempdir().unwrap();
    let lock = std::fs::File::create(dir.path().join("lock")).unwrap();
    let engine = Engine::open(dir.path().join("index"), Durability::Process, lock).unwrap();
    test(&Index::open(Arc::new(engine)).unwrap());
}

fn spans(frames: &[(SessionId, u64, u64)]) -> Spans {
    let mut spans = Spans::default();
    for (session, sequence, offset) in frames {
        spans.add(*session, *sequence, *offset);
    }
    spans
}

#[test]
fn a_span_goes_from_the_first_frame_to_after_the_last() {
    let spans = spans(&[(ONE, 4, 16), (TWO, 0, 66), (ONE, 5, 116)]);
    assert_eq!(spans.get(ONE), Some(Span { offset: 16, first: 4, end: 6 }));
}

#[test]
fn spans_are_found_the_same_before_and_after_they_are_persisted() {
    with_index(|index| {
        index.seal(1, spans(&[(ONE, 0, 16), (TWO, 0, 66)]));
        index.seal(2, spans(&[(ONE, 1, 16)]));
        let before = index.of(ONE).unwrap();
        assert_eq!(before.keys().copied().collect::<Vec<_>>(), [1, 2]);
        index.persist(1).unwrap();
        index.persist(2).unwrap();
        assert_eq!(index.of(ONE).unwrap(), before);
    });
}

#[test]
fn numbers_go_on_from_the_newest_segment() {
    with_index(|index| {
        index.seal(1, spans(&[(ONE, 0, 16)]));
        index.persist(1).unwrap();
        assert_eq!(index.next_sequence(ONE).unwrap(), 1);
        index.seal(2, spans(&[(ONE, 1, 16), (ONE, 2, 99)]));
        assert_eq!(index.next_sequence(ONE).unwrap(), 3);
        assert_eq!(index.next_sequence(TWO).unwrap(), 0);
    });
}

#[test]
fn numbers_go_on_from_the_newest_segment_also_where_an_older_one_could_not_be_persisted() {
    with_index(|index| {
        index.seal(1, spans(&[(ONE, 0, 16)]));
        index.seal(2, spans(&[(ONE, 1, 16), (ONE, 2, 99)]));
        index.persist(2).unwrap();
        assert_eq!(index.next_sequence(ONE).unwrap(), 3);
    });
}

#[test]
fn a_segment_is_complete_once_it_is_persisted() {
    with_index(|index| {
        index.seal(1, spans(&[(ONE, 0, 16)]));
        assert!(!index.is_complete(1).unwrap());
        index.persist(1).unwrap();
        assert!(index.is_complete(1).unwrap());
    });
}
