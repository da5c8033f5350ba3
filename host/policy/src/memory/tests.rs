use super::*;

fn command(text: &str) -> Arc<Command> {
    Arc::new(Command { text: text.into(), ..Command::default() })
}

fn view(subject: &str) -> Arc<Context> {
    let principal = crate::Principal { subject: subject.into(), ..Default::default() };
    Arc::new(Context { principal, ..Context::default() })
}

#[test]
fn an_answer_is_remembered_for_equal_questions_and_equal_views() {
    let memory = Memory::default();
    memory.keep_verdict(&view("a"), &command("x"), &Verdict::Rewrite("y".into()));
    let found = memory.verdict(&view("a"), &command("x"));
    assert_eq!(found, Some(Verdict::Rewrite("y".into())));
    assert_eq!(memory.verdict(&view("b"), &command("x")), None);
    assert_eq!(memory.verdict(&view("a"), &command("z")), None);
    assert_eq!(memory.counts().remembered, 1);
}

#[test]
fn a_long_question_is_not_remembered() {
    let memory = Memory::default();
    let long = command(&"x".repeat(LONGEST + 1));
    memory.keep_verdict(&view("a"), &long, &Verdict::Allow);
    assert_eq!(memory.verdict(&view("a"), &long), None);
}

#[test]
fn a_long_answer_is_not_remembered_either() {
    let memory = Memory::default();
    let long = Verdict::Rewrite("x".repeat(LONGEST + 1));
    memory.keep_verdict(&view("a"), &command("x"), &long);
    assert_eq!(memory.verdict(&view("a"), &command("x")), None);
    let plan = Plan {
        fields: vec![],
        keys: vec![(String::new(), Action::Keep); LONGEST / 50],
        rest: Action::Keep,
    };
    memory.keep_plan(&view("a"), &Shape::ByteStream, &plan);
    assert_eq!(memory.plan(&view("a"), &Shape::ByteStream), None);
}

#[test]
fn what_is_remembered_is_bounded() {
    let memory = Memory::default();
    for number in 0..MOST_BYTES / ENTRY {
        memory.keep_verdict(&view("a"), &command(&number.to_string()), &Verdict::Allow);
    }
    let kept = memory.answers().known.values().map(|known| known.verdicts.len()).sum::<usize>();
    assert!(kept * ENTRY <= MOST_BYTES, "{kept}");
    assert!(memory.answers().bytes <= MOST_BYTES);
}

#[test]
fn failures_are_counted_by_their_kind() {
    let memory = Memory::default();
    let _ = memory.count::<()>(Err(PolicyFailure::Time));
    let _ = memory.count::<()>(Err(PolicyFailure::Trap("x".into())));
    let _ = memory.count(Ok(()));
    let counts = PolicyCounts { asked: 3, time: 1, trap: 1, ..PolicyCounts::default() };
    assert_eq!(memory.counts(), counts);
}
