use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context as TaskContext, Poll, Waker};

use super::*;
use crate::{
    Batch, Hold, Hooks, Operations, Outcome, Plan, Policy, PolicyFailure, Review, Ticket, Verdict,
};

/// Judges by what a text contains, or denies whatever it is.
#[derive(Default)]
struct ByText {
    denies_all: bool,
    /// It holds what another rewrites, and nothing else.
    holds_rewrites: bool,
    /// How many more than one must approve what it holds.
    more_approvers: u32,
    /// It reviews whatever is held by this rule, as it says.
    reviews: Option<(&'static str, Review)>,
}

/// A policy that approves what a rule holds.
fn approving(rule: &'static str) -> ByText {
    let reviews = Some((rule, Review::Approve("fine".into())));
    ByText { reviews, ..ByText::default() }
}

/// A policy that refuses what a rule holds.
fn refusing(rule: &'static str) -> ByText {
    ByText { reviews: Some((rule, Review::Deny("no ticket".into()))), ..ByText::default() }
}

fn alone(policy: ByText) -> Vec<Placed> {
    vec![Placed::everywhere(Arc::new(policy))]
}

impl Policy for ByText {
    fn name(&self) -> &'static str {
        "by-text"
    }
    fn hooks(&self) -> Hooks {
        Hooks { guard: true, mask: false, reviewer: self.reviews.is_some() }
    }
    fn is_pure(&self) -> bool {
        true
    }
    fn judge(&self, _: &Context, command: &Command) -> Result<Verdict, PolicyFailure> {
        Ok(match command.text.as_str() {
            _ if self.denies_all => Verdict::Deny(Denial {
                reason: "new".into(),
                rule: "new".into(),
                hint: String::new(),
            }),
            text if self.holds_rewrites => match text.contains("rewrite to") {
                true => Verdict::Hold(held_by("careful")),
                false => Verdict::Allow,
            },
            text if text.contains("deny") => Verdict::Deny(Denial {
                reason: "no".into(),
                rule: "deny".into(),
                hint: String::new(),
            }),
            text if text.contains("hold") => {
                Verdict::Hold(Hold { quorum: 1 + self.more_approvers, ..held_by("hold") })
            }
            text if text.contains("loop") => Verdict::Rewrite(format!("{text}!")),
            text if text.contains("rewrite to") => {
                Verdict::Rewrite(text.replace("rewrite to ", ""))
            }
            _ => Verdict::Allow,
        })
    }
    fn plan(&self, _: &Context, _: &Shape) -> Result<Plan, PolicyFailure> {
        Err(PolicyFailure::Time)
    }
    fn inspect(&self, _: &Context, values: &Batch) -> Result<Batch, PolicyFailure> {
        Ok(values.clone())
    }
    fn review(&self, _: &Context, _: &Command, hold: &Hold) -> Result<Review, PolicyFailure> {
        Ok(match &self.reviews {
            Some((rule, review)) if hold.rule == *rule => review.clone(),
            _ => Review::Undecided,
        })
    }
}

/// Tells in words what it was told, and can be broken.
#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    broken: Mutex<bool>,
    /// What it says of each entry later: whether it is kept.
    later: Option<bool>,
}

impl Journal for Told {
    fn put(&self, _: &str, entry: &Entry<'_>) -> Kept {
        if *self.broken.lock().unwrap() {
            return Err(JournalFailure("full".into()));
        }
        let line = match entry {
            Entry::Command { ruling, command, .. } => format!("{ruling} {}", command.text),
            Entry::Held { hold, .. } => format!("held {hold}"),
            Entry::Decided { outcome: Outcome::Refused { by, reason }, .. } => {
                format!("refused by {by}: {reason}")
            }
            Entry::Decided { outcome, .. } => outcome.word().to_owned(),
            Entry::Result { .. } => "result".to_owned(),
            Entry::Error { .. } => "error".to_owned(),
        };
        self.lines.lock().unwrap().push(line);
        let told = |kept| if kept { Ok(()) } else { Err(JournalFailure("no disk".into())) };
        Ok(self.later.map(|kept| Box::pin(async move { told(kept) }) as Later<_>))
    }
}

/// Opens holds that end as they are told to.
#[derive(Default)]
struct Desk {
    outcome: Arc<Mutex<Option<Outcome>>>,
}

struct Paper(Arc<Mutex<Option<Outcome>>>);

impl Ticket for Paper {
    fn id(&self) -> &'static str {
        "h1"
    }
    fn how(&self) -> String {
        "approve h1".into()
    }
    fn outcome(&mut self) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(std::future::poll_fn(|_| {
            self.0.lock().unwrap().clone().map_or(Poll::Pending, Poll::Ready)
        }))
    }
}

impl Approvals for Desk {
    fn open(&self, _: HoldRequest) -> Result<Box<dyn Ticket>, String> {
        Ok(Box::new(Paper(Arc::clone(&self.outcome))))
    }
}

fn held_by(rule: &str) -> Hold {
    Hold {
        reason: "wait".into(),
        rule: rule.into(),
        approvers: vec![],
        quorum: 1,
        expires_in: 60,
        for_approvers: String::new(),
    }
}

struct Setup {
    gate: Arc<Gate>,
    session: GateSession,
    told: Arc<Told>,
    outcome: Arc<Mutex<Option<Outcome>>>,
}

fn placed() -> Vec<Placed> {
    vec![Placed::everywhere(Arc::new(ByText::default()))]
}

fn setup() -> Setup {
    setup_with(Told::default())
}

fn setup_with(told: Told) -> Setup {
    let told = Arc::new(told);
    let desk = Desk::default();
    let outcome = Arc::clone(&desk.outcome);
    let gate = Arc::new(Gate::new(Arc::new(desk), Arc::clone(&told) as Arc<dyn Journal>));
    gate.install(placed());
    let session = gate.session(Context::default());
    Setup { gate, session, told, outcome }
}

fn command(text: &str) -> Arc<Command> {
    Arc::new(Command { text: text.to_owned(), operations: Operations::default(), complete: true })
}

impl Setup {
    fn ask(&mut self, text: &str) -> Asked {
        self.session.renew();
        self.session.ask(&command(text), Moment::Run, &command)
    }

    fn decided(&mut self, text: &str) -> Decision {
        match self.ask(text) {
            Asked::Decided(decision) => decision,
            Asked::Waiting(_) => panic!("{text} waits"),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.told.lines.lock().unwrap().clone()
    }
}

fn poll(waiting: &mut Waiting) -> Poll<Decision> {
    waiting.decision.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()))
}

fn denied_by(decision: Decision) -> String {
    match decision {
        Decision::Deny(denial) => denial.rule,
        Decision::Allow(_) => panic!("allowed"),
    }
}

#[test]
fn what_is_allowed_is_recorded_first() {
    let mut setup = setup();
    assert!(matches!(setup.decided("SELECT 1"), Decision::Allow(_)));
    assert_eq!(setup.lines(), ["allow SELECT 1"]);
}

#[test]
fn what_cannot_be_recorded_is_denied() {
    let mut setup = setup();
    *setup.told.broken.lock().unwrap() = true;
    assert_eq!(denied_by(setup.decided("SELECT 1")), "gateway.record");
    assert_eq!(denied_by(setup.decided("hold")), "gateway.record");
}

#[test]
fn a_held_command_runs_once_it_is_granted() {
    let mut setup = setup();
    let Asked::Waiting(mut waiting) = setup.ask("hold") else { panic!("it must wait") };
    assert_eq!(waiting.notices[0].how, "approve h1");
    assert!(poll(&mut waiting).is_pending());
    *setup.outcome.lock().unwrap() = Some(Outcome::Granted { by: vec!["alice".into()] });
    let Poll::Ready(Decision::Allow(allowed)) = poll(&mut waiting) else { panic!("granted") };
    assert!(allowed.once);
    assert_eq!(setup.lines(), ["hold hold", "held h1", "granted"]);
}

#[test]
fn a_refused_an_expired_and_a_failed_hold_deny() {
    for outcome in [
        Outcome::Refused { by: "alice".into(), reason: "no".into() },
        Outcome::Expired,
        Outcome::Failed("lost".into()),
    ] {
        let mut setup = setup();
        let Asked::Waiting(mut waiting) = setup.ask("hold") else { panic!("it must wait") };
        *setup.outcome.lock().unwrap() = Some(outcome);
        let Poll::Ready(decision) = poll(&mut waiting) else { panic!("decided") };
        assert_eq!(denied_by(decision), "hold");
    }
}

#[test]
fn a_hold_that_nobody_waits_for_any_more_is_withdrawn() {
    let mut setup = setup();
    let asked = setup.ask("hold");
    drop(asked);
    assert_eq!(setup.lines().last().unwrap(), "withdrawn");
}

#[test]
fn a_grant_that_cannot_be_recorded_denies() {
    let mut setup = setup();
    let Asked::Waiting(mut waiting) = setup.ask("hold") else { panic!("it must wait") };
    *setup.outcome.lock().unwrap() = Some(Outcome::Granted { by: vec![] });
    *setup.told.broken.lock().unwrap() = true;
    let Poll::Ready(decision) = poll(&mut waiting) else { panic!("decided") };
    assert_eq!(denied_by(decision), "gateway.record");
}

#[test]
fn a_rewrite_is_judged_again_from_the_start() {
    let mut setup = setup();
    assert_eq!(denied_by(setup.decided("rewrite to deny")), "deny");
    let Decision::Allow(allowed) = setup.decided("rewrite to SELECT 1") else { panic!("allowed") };
    assert!(allowed.rewritten);
    assert_eq!(allowed.command.text, "SELECT 1");
}

#[test]
fn rewriting_without_end_is_denied() {
    assert_eq!(denied_by(setup().decided("loop")), "gateway.rewrite-loop");
}

#[test]
fn a_session_meets_new_policies_at_its_next_command() {
    let mut setup = setup();
    let Decision::Allow(allowed) = setup.decided("SELECT 1") else { panic!("allowed") };
    assert!(setup.session.still_allows(&allowed));
    setup.gate.install(vec![]);
    assert!(!setup.session.still_allows(&allowed));
    assert!(matches!(setup.decided("deny"), Decision::Allow(_)));
}

#[test]
fn policies_that_changed_while_a_command_was_held_judge_it_again() {
    let mut setup = setup();
    let Asked::Waiting(mut waiting) = setup.ask("hold") else { panic!("it must wait") };
    let policy = Arc::new(ByText { denies_all: true, ..ByText::default() });
    setup.gate.install(vec![Placed::everywhere(policy)]);
    *setup.outcome.lock().unwrap() = Some(Outcome::Granted { by: vec![] });
    let Poll::Ready(decision) = poll(&mut waiting) else { panic!("decided") };
    assert_eq!(denied_by(decision), "new");
}

#[test]
fn an_approval_counts_only_where_the_new_policies_ask_for_no_more_approvers() {
    for (more_approvers, runs) in [(0, true), (1, false)] {
        let mut setup = setup();
        let Asked::Waiting(mut waiting) = setup.ask("hold") else { panic!("it must wait") };
        let policy = Arc::new(ByText { more_approvers, ..ByText::default() });
        setup.gate.install(vec![Placed::everywhere(policy)]);
        *setup.outcome.lock().unwrap() = Some(Outcome::Granted { by: vec!["alice".into()] });
        let Poll::Ready(decision) = poll(&mut waiting) else { panic!("decided") };
        match decision {
            Decision::Allow(_) => assert!(runs),
            Decision::Deny(denial) => assert!(!runs && denial.rule == "gateway.policy-changed"),
        }
    }
}

#[test]
fn preparing_what_nobody_objects_to_is_not_recorded_since_nothing_runs() {
    let mut setup = setup();
    setup.session.ask(&command("SELECT 1"), Moment::Prepare, &command);
    assert!(setup.lines().is_empty());
    setup.session.ask(&command("deny"), Moment::Prepare, &command);
    assert_eq!(setup.lines(), ["deny deny"]);
}

#[test]
fn a_context_that_was_exchanged_counts_from_the_next_command_on() {
    let mut setup = setup();
    let Decision::Allow(allowed) = setup.decided("SELECT 1") else { panic!("allowed") };
    let same = Context::default();
    setup.session.exchange().change(same.clone());
    assert!(setup.session.still_allows(&allowed));
    let other = Context { client_address: "127.0.0.1:9".into(), ..same };
    setup.session.exchange().change(other.clone());
    assert!(!setup.session.still_allows(&allowed));
    assert_ne!(**setup.session.context(), other);
    setup.session.renew();
    assert_eq!(**setup.session.context(), other);
    assert!(!setup.session.still_allows(&allowed));
}

fn own_hold() -> Hold {
    let (reason, rule) = ("changed".into(), "gateway.changed".into());
    Hold {
        reason,
        rule,
        approvers: vec![],
        quorum: 1,
        expires_in: 60,
        for_approvers: String::new(),
    }
}

#[test]
fn what_the_gateway_holds_is_held_whoever_allows_it_and_denied_by_whoever_denies_it() {
    let mut setup = setup();
    let own = own_hold();
    let ask = |setup: &mut Setup, text: &str| {
        setup.session.ask_with(&command(text), Moment::Run, &command, Some(&own))
    };
    let Asked::Waiting(waiting) = ask(&mut setup, "SELECT 1") else { panic!("it must wait") };
    assert_eq!(waiting.notices.first().unwrap().rule, "gateway.changed");
    let Asked::Waiting(waiting) = ask(&mut setup, "hold") else { panic!("it must wait") };
    assert_eq!(waiting.notices.len(), 2);
    let Asked::Decided(Decision::Deny(denial)) = ask(&mut setup, "deny") else { panic!("denied") };
    assert_eq!(denial.rule, "deny");
}

#[test]
fn a_policy_does_not_approve_what_only_people_are_shown() {
    for (for_approvers, waits) in [("", 0), ("+ description: new", 1)] {
        let mut setup = setup();
        setup.gate.install(alone(approving("gateway.changed")));
        setup.session.renew();
        let own = Hold { for_approvers: for_approvers.to_owned(), ..own_hold() };
        let asked = setup.session.ask_with(&command("SELECT 1"), Moment::Run, &command, Some(&own));
        let Asked::Waiting(waiting) = asked else { panic!("it must wait") };
        assert_eq!(waiting.notices.len(), waits);
    }
}

#[test]
fn what_a_policy_approves_runs_only_once_that_is_kept() {
    for kept in [true, false] {
        let mut setup = setup_with(Told { later: Some(kept), ..Told::default() });
        setup.gate.install(alone(approving("hold")));
        let Asked::Waiting(mut waiting) = setup.ask("hold") else { panic!("it must wait") };
        let Poll::Ready(decision) = poll(&mut waiting) else { panic!("nobody is asked") };
        match decision {
            Decision::Allow(_) => assert!(kept),
            Decision::Deny(denial) => assert_eq!((kept, &*denial.rule), (false, "gateway.record")),
        }
    }
}

#[test]
fn what_a_policy_refuses_is_on_record_by_its_name_and_with_its_reason() {
    let mut setup = setup();
    setup.gate.install(alone(refusing("hold")));
    assert_eq!(denied_by(setup.decided("hold")), "hold");
    assert_eq!(setup.lines(), ["hold hold", "refused by by-text: no ticket"]);
}

#[test]
fn a_grant_of_a_policys_is_worth_what_the_policies_say_when_the_command_would_run() {
    let both = [alone(approving("hold")), alone(refusing("gateway.changed"))].concat();
    for (newest, denied) in [
        (alone(approving("hold")), None),
        (alone(approving("something else")), Some("gateway.policy-changed")),
        (alone(ByText::default()), Some("gateway.policy-changed")),
        (alone(refusing("hold")), Some("hold")),
        // Nothing holds it any more.
        (vec![], None),
        // What a person granted may be refused by now as well.
        (both, Some("gateway.changed")),
    ] {
        let mut setup = setup();
        setup.gate.install(alone(approving("hold")));
        setup.session.renew();
        let own = own_hold();
        let asked = setup.session.ask_with(&command("hold"), Moment::Run, &command, Some(&own));
        let Asked::Waiting(mut waiting) = asked else { panic!("a person must decide") };
        assert_eq!(waiting.notices.len(), 1);
        setup.gate.install(newest);
        *setup.outcome.lock().unwrap() = Some(Outcome::Granted { by: vec!["alice".into()] });
        let Poll::Ready(decision) = poll(&mut waiting) else { panic!("decided") };
        match decision {
            Decision::Allow(_) => assert_eq!(denied, None),
            Decision::Deny(denial) => assert_eq!(Some(&*denial.rule), denied),
        }
    }
}

#[test]
fn what_the_gateway_holds_is_what_a_rewrite_made_of_it() {
    let mut setup = setup();
    let own = own_hold();
    let asked =
        setup.session.ask_with(&command("rewrite to SELECT 1"), Moment::Run, &command, Some(&own));
    let Asked::Waiting(mut waiting) = asked else { panic!("it must wait") };
    *setup.outcome.lock().unwrap() = Some(Outcome::Granted { by: vec![] });
    let Poll::Ready(Decision::Allow(allowed)) = poll(&mut waiting) else { panic!("allowed") };
    assert_eq!(allowed.command.text, "SELECT 1");
}

#[test]
fn what_is_foreseen_is_not_recorded() {
    let setup = setup();
    assert_eq!(setup.session.foresee(&command("deny")).word(), "deny");
    assert_eq!(setup.session.foresee(&command("SELECT 1")).word(), "allow");
    assert!(setup.lines().is_empty());
}

#[test]
fn what_one_policy_holds_and_another_rewrites_is_approved_and_runs_as_it_was_rewritten() {
    let mut setup = setup();
    let careful = ByText { holds_rewrites: true, ..ByText::default() };
    setup.gate.install([placed(), vec![Placed::everywhere(Arc::new(careful))]].concat());
    let Asked::Waiting(mut waiting) = setup.ask("rewrite to SELECT 1") else {
        panic!("it must wait, though the new text alone would not")
    };
    assert_eq!(waiting.notices.len(), 1);
    assert!(setup.lines().contains(&"hold SELECT 1".to_owned()), "{:?}", setup.lines());
    *setup.outcome.lock().unwrap() = Some(Outcome::Granted { by: vec![] });
    let Poll::Ready(Decision::Allow(allowed)) = poll(&mut waiting) else { panic!("allowed") };
    assert_eq!(allowed.command.text, "SELECT 1");
    assert!(allowed.rewritten && allowed.once);
    assert_eq!(denied_by(setup.decided("rewrite to deny")), "deny");
}

#[test]
fn what_is_asked_apart_has_numbers_of_its_own_and_is_known_once_it_is_learned() {
    let mut setup = setup();
    let mut apart = setup.session.apart();
    let number = |asked| match asked {
        Asked::Decided(Decision::Allow(allowed)) => allowed.number,
        other => panic!("{other:?}"),
    };
    let ask = |gate: &mut GateSession, text: &str| {
        number(gate.ask(&command(text), Moment::Run, &|text| command(text)))
    };
    let numbers = [ask(&mut apart, "a"), ask(&mut setup.session, "b"), ask(&mut apart, "c")];
    assert_eq!(numbers, [1, 2, 3]);
    assert!(!setup.session.knows(&command("a")));
    setup.session.learn(apart);
    assert!(setup.session.knows(&command("a")) && setup.session.knows(&command("b")));
    // What was learned by other policies is worth nothing.
    let mut apart = setup.session.apart();
    ask(&mut apart, "d");
    setup.gate.install(placed());
    setup.session.renew();
    setup.session.learn(apart);
    assert!(!setup.session.knows(&command("d")));
}
