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
