use super::*;

fn treat(actions: &[Action]) -> Treatment {
    let mut treatment = Treatment::default();
    for (index, action) in actions.iter().enumerate() {
        treatment.add(index, action);
    }
    treatment
}

#[test]
fn the_stricter_cover_wins_in_any_order() {
    let actions = [Action::Partial(2, 2), Action::Replace("x".into()), Action::Pseudonym];
    let mut reversed = actions.clone();
    reversed.reverse();
    assert_eq!(treat(&actions).cover, Some(Cover::Replace("x".into())));
    assert_eq!(treat(&reversed).cover, Some(Cover::Replace("x".into())));
}

#[test]
fn two_partial_covers_reveal_only_what_both_allow() {
    assert_eq!(
        treat(&[Action::Partial(4, 0), Action::Partial(1, 4)]).cover,
        Some(Cover::Partial(1, 0))
    );
}

#[test]
fn detectors_add_up_beside_an_inspection() {
    let treatment = treat(&[
        Action::Scan(vec!["email".into()]),
        Action::Inspect,
        Action::Scan(vec!["card".into()]),
    ]);
    assert_eq!(treatment.inspect, [1]);
    assert_eq!(treatment.scan.len(), 2);
    assert!(!treatment.is_keep());
}

#[test]
fn a_plan_with_too_few_fields_is_refused() {
    let shape = Shape::Table(vec![Field::default(), Field::default()]);
    let plan = Plan { fields: vec![Action::Keep], keys: vec![], rest: Action::Keep };
    assert!(Masking::default().add(0, &shape, &plan).is_err());
}

#[test]
fn the_key_rules_of_each_policy_stay_apart() {
    let mut masking = Masking::default();
    for (index, action) in [(0, Action::Keep), (3, Action::Nullify)] {
        let plan = Plan { fields: vec![], keys: vec![("a".into(), action)], rest: Action::Keep };
        masking.add(index, &Shape::ByteStream, &plan).unwrap();
    }
    let of = |at: usize| (masking.documents[at].policy, masking.documents[at].keys[0].1.clone());
    assert_eq!((of(0), of(1)), ((0, Action::Keep), (3, Action::Nullify)));
}

#[test]
fn a_batch_gives_back_what_was_pushed() {
    let mut batch = Batch::default();
    for value in [&b"one"[..], b"", b"three"] {
        batch.push(value);
    }
    assert!(batch.is_well_formed(3));
    assert!(!batch.is_well_formed(2));
    assert_eq!(batch.values().collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
}
