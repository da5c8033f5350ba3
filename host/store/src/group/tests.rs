use super::*;

fn act(work: &mut Vec<u64>, up_to: u64) -> Result<u64, StoreError> {
    work.push(up_to);
    Ok(up_to)
}

#[test]
fn one_act_serves_everybody_it_covered() {
    let group = Group::new(0, Vec::new());
    group.reach(1, |work| act(work, 5)).unwrap();
    group.reach(5, |work| act(work, 9)).unwrap();
    assert_eq!(*group.lead.lock().unwrap(), [5]);
}

#[test]
fn what_is_not_covered_needs_another_act() {
    let group = Group::new(0, Vec::new());
    group.reach(1, |work| act(work, 1)).unwrap();
    group.reach(2, |work| act(work, 2)).unwrap();
    assert_eq!(*group.lead.lock().unwrap(), [1, 2]);
}

#[test]
fn a_failed_act_covers_nothing() {
    let group = Group::new(0, Vec::<u64>::new());
    group.reach(1, |_| Err(StoreError::poisoned())).unwrap_err();
    assert!(!group.reached(1));
}

#[test]
fn many_threads_all_return_with_their_work_done() {
    let group = Group::new(0, Vec::new());
    let queued = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let mine = queued.fetch_add(1, Ordering::SeqCst) + 1;
                    group.reach(mine, |work| act(work, queued.load(Ordering::SeqCst))).unwrap();
                    assert!(group.reached(mine));
                }
            });
        }
    });
    let work = group.lead.lock().unwrap();
    assert!(work.is_sorted_by(|a, b| a < b), "every act moves forward");
}

#[test]
fn a_panic_at_work_leaves_nobody_waiting_and_refuses_everybody() {
    let group = Group::new(0, ());
    std::thread::scope(|scope| {
        let panics = || group.reach(1, |()| panic!("at work"));
        scope.spawn(panics).join().unwrap_err();
    });
    assert!(matches!(group.reach(1, |()| Ok(1)), Err(StoreError::Failed { .. })));
}
