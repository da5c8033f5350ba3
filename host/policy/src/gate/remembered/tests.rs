use super::*;
use crate::{Operation, Ruling, Verdict};

const BLIND: CommandParts = CommandParts { text: false, operations: true };

fn command(text: &str, action: &str) -> Arc<Command> {
    let operation = Operation { action: action.into(), ..Operation::default() };
    Arc::new(Command { text: text.into(), operations: [operation].into(), complete: true })
}

fn judged() -> Arc<Judged> {
    let ruling = Ruling::Allow.and(Verdict::Allow);
    Arc::new(Judged { ruling, observed: vec![], by: String::new(), memorable: true })
}

#[test]
fn a_verdict_is_that_of_one_text_where_texts_are_looked_at() {
    let mut remembered = Remembered::default();
    remembered.keep_verdict(&command("one", "a"), CommandParts::ALL, &judged());
    assert!(remembered.verdict(&command("one", "a"), CommandParts::ALL).is_some());
    assert!(remembered.verdict(&command("two", "a"), CommandParts::ALL).is_none());
}

#[test]
fn it_is_that_of_the_operations_where_none_is() {
    let mut remembered = Remembered::default();
    let one = command("one", "a");
    remembered.keep_verdict(&one, BLIND, &judged());
    let same = Arc::new(Command { text: "two".into(), ..(*one).clone() });
    for other in [same, command("three", "a")] {
        assert!(remembered.verdict(&other, BLIND).is_some());
        let incomplete = Arc::new(Command { complete: false, ..(*other).clone() });
        assert!(remembered.verdict(&incomplete, BLIND).is_none());
    }
    assert!(remembered.verdict(&command("one", "b"), BLIND).is_none());
    remembered.forget();
    assert!(remembered.verdict(&one, BLIND).is_none());
}

/// A command whose text is short and whose operations are not.
fn large(number: usize) -> Arc<Command> {
    let fields = (0..2000).map(|field| format!("{number}.{field}")).collect();
    let operation = Operation { fields, ..Operation::default() };
    Arc::new(Command { operations: [operation].into(), ..Command::default() })
}

#[test]
fn a_verdict_on_large_operations_is_not_kept_whether_or_not_texts_are_looked_at() {
    for parts in [BLIND, CommandParts::ALL] {
        let (mut remembered, mut apart) = (Remembered::default(), Remembered::default());
        for number in 0..3 {
            remembered.keep_verdict(&large(number), parts, &judged());
            apart.keep_verdict(&large(number), parts, &judged());
        }
        remembered.learn(apart);
        assert!(remembered.verdicts.is_empty(), "{parts:?}");
        assert!(remembered.last.is_none(), "{parts:?}");
    }
}

#[test]
fn many_small_operations_are_large_together() {
    let operation = Operation { action: "query".into(), ..Operation::default() };
    let operations = vec![operation; 1000].into();
    let command = Arc::new(Command { operations, ..Command::default() });
    let mut remembered = Remembered::default();
    remembered.keep_verdict(&command, BLIND, &judged());
    assert!(remembered.verdicts.is_empty());
}

#[test]
fn a_large_judgement_is_not_kept() {
    let long = "x".repeat(LONGEST);
    let hold = crate::Hold {
        reason: long.clone(),
        rule: String::new(),
        approvers: vec![],
        quorum: 1,
        expires_in: 1,
        for_approvers: String::new(),
    };
    let denial = crate::Denial { reason: long.clone(), rule: "r".into(), hint: "h".into() };
    let rulings = [
        Ruling::Deny(denial),
        Ruling::Hold(vec![hold]),
        Ruling::Rewrite { text: format!("{long}."), holds: vec![] },
    ];
    for ruling in rulings {
        let mut remembered = Remembered::default();
        let large = Arc::new(Judged { ruling, ..(*judged()).clone() });
        remembered.keep_verdict(&command("one", "a"), BLIND, &large);
        assert!(remembered.verdicts.is_empty() && remembered.last.is_none(), "{large:?}");
    }
}

#[test]
fn a_plan_for_a_large_shape_is_not_kept() {
    let long = || "x".repeat(LONGEST_SHAPE);
    let field = crate::Field { sources: vec![long()], ..crate::Field::default() };
    let mut remembered = Remembered::default();
    for shape in [Shape::Table(vec![field]), Shape::Document(long())] {
        remembered.keep_plan(&shape, &Arc::default(), &Arc::default());
        assert!(remembered.plan(&shape).is_none());
    }
    remembered.keep_plan(&Shape::ByteStream, &Arc::default(), &Arc::default());
    assert!(remembered.plan(&Shape::ByteStream).is_some());
}

/// A plan that scans each of so many columns by ten detectors.
fn scanning(columns: usize) -> Arc<Masking> {
    let detectors = (0..10).map(|number| format!("detector-{number}")).collect();
    let scanned = crate::Treatment { scan: detectors, ..crate::Treatment::default() };
    Arc::new(Masking { fields: vec![scanned; columns], ..Masking::default() })
}

fn table(first: &str, columns: usize) -> Shape {
    let field = |name: &str| crate::Field { name: name.into(), ..crate::Field::default() };
    let mut fields = vec![field("a"); columns];
    fields.extend([field(first)]);
    Shape::Table(fields)
}

#[test]
fn a_large_plan_for_a_small_shape_is_not_kept() {
    let mut remembered = Remembered::default();
    remembered.keep_plan(&table("c", 1600), &scanning(1600), &Arc::default());
    assert!(remembered.plans.is_empty());
    let told = Observation {
        policy: String::new(),
        word: "mask",
        rule: String::new(),
        reason: "x".repeat(LONGEST_PLAN),
    };
    remembered.keep_plan(&table("c", 1), &scanning(1), &[told].into());
    assert!(remembered.plans.is_empty());
}

#[test]
fn what_a_session_remembers_is_bounded_in_bytes_also_of_what_it_learned() {
    let (mut remembered, large) = (Remembered::default(), scanning(400));
    assert!(size_of_masking(&large) < LONGEST_PLAN);
    let taken = |remembered: &Remembered| {
        let plans = remembered.plans.values().map(|(masking, _)| size_of_masking(masking));
        plans.sum::<usize>()
    };
    for round in 0..10 {
        let mut apart = Remembered::default();
        for number in 0..10 {
            let shape = table(&format!("{round}.{number}"), 400);
            apart.keep_plan(&shape, &large, &Arc::default());
            assert!(taken(&apart) <= MOST_BYTES);
        }
        remembered.learn(apart);
        assert!(taken(&remembered) <= MOST_BYTES && !remembered.plans.is_empty());
    }
}

#[test]
fn a_plan_for_a_wide_table_is_kept() {
    let mut remembered = Remembered::default();
    remembered.keep_plan(&table("c", 400), &scanning(400), &Arc::default());
    assert!(remembered.plan(&table("c", 400)).is_some());
}
