use super::*;
use crate::{Ruling, Verdict};

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
