use super::*;

fn grow(meter: &mut Meter, current: usize, desired: usize) -> bool {
    meter.memory_growing(current, desired, None).unwrap()
}

fn meter(memory: usize) -> Meter {
    Meter::new(Limits { memory, ..Limits::default() }, Caller::default())
}

#[test]
fn a_memory_may_have_exactly_its_limit() {
    let mut meter = meter(100);
    assert!(grow(&mut meter, 0, 60) && grow(&mut meter, 60, 100) && !meter.has_refused());
}

#[test]
fn one_byte_more_is_refused_and_remembered() {
    let mut meter = meter(100);
    assert!(!grow(&mut meter, 0, 101) && meter.has_refused());
}

#[test]
fn several_memories_share_one_limit() {
    let mut meter = meter(100);
    assert!(grow(&mut meter, 0, 60) && !grow(&mut meter, 0, 60));
}

#[test]
fn a_refused_growth_takes_nothing() {
    let mut meter = meter(100);
    assert!(!grow(&mut meter, 0, 200) && grow(&mut meter, 0, 100));
}

#[test]
fn a_table_has_a_limit_too() {
    let mut meter = meter(0);
    assert!(meter.table_growing(0, TABLE_ELEMENTS, None).unwrap() && !meter.has_refused());
    assert!(!meter.table_growing(0, TABLE_ELEMENTS + 1, None).unwrap() && meter.has_refused());
}
