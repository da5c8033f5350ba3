use super::*;
use crate::{Action, Hooks, Plan};

/// A policy that answers as it was made to.
struct Fixed {
    verdict: Result<Verdict, PolicyFailure>,
    plan: Vec<Action>,
}

impl Policy for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, _: &Command) -> Result<Verdict, PolicyFailure> {
        self.verdict.clone()
    }
    fn plan(&self, _: &Context, _: &Shape) -> Result<Plan, PolicyFailure> {
        Ok(Plan { fields: self.plan.clone(), keys: vec![], rest: Action::Keep })
    }
    fn inspect(&self, _: &Context, _: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(Batch { bytes: vec![1], ends: vec![1] })
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

fn chain(verdict: Result<Verdict, PolicyFailure>, plan: Vec<Action>, mode: Mode) -> Chain {
    let policy = Arc::new(Fixed { verdict, plan });
    let placed = Placed { mode, ..Placed::everywhere(policy) };
    let set = PolicySet { version: 1, policies: vec![placed] };
    Chain::new(Arc::new(set), &Context::default())
}

fn judged(verdict: Result<Verdict, PolicyFailure>, mode: Mode) -> Judged {
    chain(verdict, vec![], mode).judge(&Arc::default())
}

#[test]
fn a_failing_policy_denies_and_is_asked_again_next_time() {
    let judged = judged(Err(PolicyFailure::Time), Mode::Enforce);
    let Ruling::Deny(denial) = judged.ruling else { panic!("denied") };
    assert_eq!(denial.rule, "gateway.policy-failed");
    assert!(denial.reason.contains("\"fixed\" ran over its time limit"), "{}", denial.reason);
    assert!(!judged.memorable);
}

#[test]
fn an_observing_policy_changes_nothing_and_is_heard() {
    let denial = Denial { reason: "no".into(), rule: "r".into(), hint: String::new() };
    let judged = judged(Ok(Verdict::Deny(denial)), Mode::Observe);
    assert_eq!(judged.ruling, Ruling::Allow);
    assert_eq!(judged.observed[0].word, "deny");
}

#[test]
fn a_plan_with_the_wrong_number_of_fields_withholds_the_result() {
    let shape = Shape::Table(vec![Field::default()]);
    let chain = chain(Ok(Verdict::Allow), vec![Action::Keep, Action::Keep], Mode::Enforce);
    assert!(chain.plan(&shape).is_err());
}

#[test]
fn an_inspection_that_loses_values_withholds_the_result() {
    let chain = chain(Ok(Verdict::Allow), vec![], Mode::Enforce);
    let mut two = Batch::default();
    two.push(b"a");
    two.push(b"b");
    assert!(chain.inspect(0, two).is_err());
}

/// A mask that is no function of what it is asked, and counts how often it is.
struct Moody(std::sync::atomic::AtomicU32);

impl Policy for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: false, mask: true, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        false
    }
    fn judge(&self, _: &Context, _: &Command) -> Result<Verdict, PolicyFailure> {
        Ok(Verdict::Allow)
    }
    fn plan(&self, _: &Context, _: &Shape) -> Result<Plan, PolicyFailure> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Plan { fields: vec![], keys: vec![], rest: Action::Keep })
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

#[test]
fn a_mask_that_may_plan_otherwise_is_asked_about_each_result() {
    let moody = Arc::new(Moody(0.into()));
    let placed = Placed::everywhere(Arc::clone(&moody) as Arc<dyn Policy>);
    let set = PolicySet { version: 1, policies: vec![placed] };
    let chain = Chain::new(Arc::new(set), &Context::default());
    assert!(!chain.plans_last());
    chain.plan(&Shape::ByteStream).unwrap();
    chain.plan(&Shape::ByteStream).unwrap();
    assert_eq!(moody.0.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn an_answer_serves_other_sessions_of_the_same_principal_and_nobody_elses() {
    /// Looks at nothing of the context.
    struct Blind(Fixed);
    impl Policy for Blind {
        fn name(&self) -> &str {
            self.0.name()
        }
        fn hooks(&self) -> Hooks {
            self.0.hooks()
        }
        fn is_pure(&self) -> bool {
            true
        }
        fn looks_at(&self) -> ContextParts {
            ContextParts { session: false, principal: false, target: false, client_address: false }
        }
        fn judge(&self, context: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
            assert_eq!(*context, Context::default(), "it sees nothing of the context");
            self.0.judge(context, command)
        }
        fn plan(&self, context: &Context, shape: &Shape) -> Result<Plan, PolicyFailure> {
            self.0.plan(context, shape)
        }
        fn inspect(&self, context: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
            self.0.inspect(context, values)
        }
        fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
            Ok(Review::Undecided)
        }
    }
    let placed =
        Placed::everywhere(Arc::new(Blind(Fixed { verdict: Ok(Verdict::Allow), plan: vec![] })));
    let memory = Arc::clone(&placed.memory);
    let set = Arc::new(PolicySet { version: 1, policies: vec![placed] });
    let judge = |session: &str, subject: &str| {
        let principal = crate::Principal { subject: subject.into(), ..Default::default() };
        let context = Context { session: session.into(), principal, ..Context::default() };
        let _judged = Chain::new(Arc::clone(&set), &context).judge(&Arc::default());
        (memory.counts().asked, memory.counts().remembered)
    };
    assert_eq!(judge("one", "ada"), (1, 0));
    assert_eq!(judge("two", "ada"), (1, 1));
    assert_eq!(judge("three", "bob"), (2, 1));
}

#[test]
fn the_policy_that_decided_is_named() {
    let denial = Denial { reason: "no".into(), rule: "r".into(), hint: String::new() };
    assert_eq!(judged(Ok(Verdict::Deny(denial)), Mode::Enforce).by, "fixed");
    assert_eq!(judged(Ok(Verdict::Allow), Mode::Enforce).by, "");
    assert_eq!(judged(Err(PolicyFailure::Time), Mode::Enforce).by, "fixed");
}

#[test]
fn a_long_verdict_is_good_once() {
    let long = Verdict::Rewrite("x".repeat(LONGEST + 1));
    assert!(!judged(Ok(long), Mode::Enforce).memorable);
}

/// A guard that judges by some parts of a command, and denies what it is given more of.
struct Partly(CommandParts);

impl Policy for Partly {
    fn name(&self) -> &'static str {
        "partly"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: false, reviewer: false }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judges_by(&self) -> CommandParts {
        self.0
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        let CommandParts { text, operations } = self.0;
        assert_eq!(command.text.is_empty(), !text, "the text");
        assert_eq!(command.operations.is_empty(), !operations, "the operations");
        assert!(command.complete, "every guard is told");
        Ok(Verdict::Allow)
    }
    fn plan(&self, _: &Context, _: &Shape) -> Result<Plan, PolicyFailure> {
        Err(PolicyFailure::Time)
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(Review::Undecided)
    }
}

/// How often a guard is asked, in one session after another, about the same with different values in the text, and then about
/// something else.
fn asked_by(parts: CommandParts) -> [u64; 3] {
    let placed = Placed::everywhere(Arc::new(Partly(parts)));
    let memory = Arc::clone(&placed.memory);
    let set = Arc::new(PolicySet { version: 1, policies: vec![placed] });
    let command = |text: &str, action: &str| {
        let operation = crate::Operation { action: action.into(), ..Default::default() };
        Arc::new(Command { text: text.into(), operations: [operation].into(), complete: true })
    };
    [("DELETE 1", "delete"), ("DELETE 2", "delete"), ("DELETE 2", "select")].map(
        |(text, action)| {
            let chain = Chain::new(Arc::clone(&set), &Context::default());
            assert_eq!(chain.judges_by_text(), parts.text);
            assert_eq!(chain.judge(&command(text, action)).ruling, Ruling::Allow);
            memory.counts().asked
        },
    )
}

#[test]
fn a_guard_is_given_what_it_judges_by_and_is_asked_once_for_each_such_part() {
    assert_eq!(asked_by(CommandParts::ALL), [1, 2, 3]);
    assert_eq!(asked_by(CommandParts { text: false, operations: true }), [1, 1, 2]);
    assert_eq!(asked_by(CommandParts { text: true, operations: false }), [1, 2, 2]);
}

/// A reviewer that decides whatever it is asked about.
struct Reviewer(Review);

impl Policy for Reviewer {
    fn name(&self) -> &'static str {
        "reviewer"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: false, mask: false, reviewer: true }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, _: &Command) -> Result<Verdict, PolicyFailure> {
        Ok(Verdict::Allow)
    }
    fn plan(&self, _: &Context, _: &Shape) -> Result<Plan, PolicyFailure> {
        Err(PolicyFailure::Time)
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, _: &Hold) -> Result<Review, PolicyFailure> {
        Ok(self.0.clone())
    }
}

#[test]
fn a_reviewer_is_heard_within_its_scope_and_approves_nothing_that_may_be_outside() {
    let hold = Hold {
        reason: String::new(),
        rule: String::new(),
        approvers: vec![],
        quorum: 1,
        expires_in: 1,
        for_approvers: String::new(),
    };
    let reviewed = |answer: &Review, scope: Scope, fact: &str, complete| {
        let policy = Arc::new(Reviewer(answer.clone()));
        let placed = Placed { scope, ..Placed::everywhere(policy) };
        let set = PolicySet { version: 1, policies: vec![placed] };
        let facts = vec![(fact.to_owned(), "cut".to_owned())];
        let operation = crate::Operation { action: "delete".into(), facts, ..Default::default() };
        let operations = [operation].into();
        let command = Command { operations, complete, ..Command::default() };
        Chain::new(Arc::new(set), &Context::default()).review(&command, &hold)
            != Reviewed::Undecided
    };
    let on = |actions: &str| Scope { actions: Some(vec![actions.into()]), ..Scope::default() };
    let of = |fact: &str| Scope { facts: Some(vec![fact.into()]), ..Scope::default() };
    let (approves, denies) = (Review::Approve(String::new()), Review::Deny(String::new()));
    for (scope, fact, complete, approved, denied) in [
        (on("update"), "x", true, false, false),
        (on("delete"), "x", true, true, true),
        (on("delete"), "x", false, false, true),
        (of("x"), "x", true, true, true),
        (of("x"), "values", true, false, true),
        (of("x"), "y", true, false, false),
        (Scope::default(), "x", false, true, true),
    ] {
        let told = format!("{scope:?} {fact} {complete}");
        assert_eq!(reviewed(&approves, scope.clone(), fact, complete), approved, "{told}");
        assert_eq!(reviewed(&denies, scope, fact, complete), denied, "{told}");
    }
}
