use super::*;

fn deny(rule: &str) -> Verdict {
    Verdict::Deny(Denial { reason: "no".into(), rule: rule.into(), hint: String::new() })
}

fn hold(rule: &str) -> Verdict {
    Verdict::Hold(Hold {
        reason: "wait".into(),
        rule: rule.into(),
        approvers: vec![],
        quorum: 1,
        expires_in: 1,
        for_approvers: String::new(),
    })
}

fn check(verdicts: Vec<Verdict>, expected: &str) {
    let forwards = verdicts.iter().cloned().fold(Ruling::Allow, Ruling::and);
    let backwards = verdicts.into_iter().rev().fold(Ruling::Allow, Ruling::and);
    assert_eq!(forwards.word(), expected);
    assert_eq!(backwards.word(), expected, "the order of policies must not weaken a ruling");
}

#[test]
fn deny_beats_everything() {
    check(vec![Verdict::Allow, hold("h"), Verdict::Rewrite("x".into()), deny("d")], "deny");
}

#[test]
fn what_is_held_and_rewritten_is_rewritten_first_and_held_then_whatever_is_said_of_it() {
    check(vec![Verdict::Rewrite("x".into()), hold("h"), Verdict::Allow], "rewrite");
    let both = Ruling::Allow.and(hold("h")).and(Verdict::Rewrite("x".into())).and(hold("i"));
    let Ruling::Rewrite { text, holds } = both else { panic!("rewritten") };
    assert_eq!((text.as_str(), holds.len()), ("x", 2));
    assert_eq!(Ruling::Allow.besides(&holds).word(), "hold");
    let Ruling::Hold(all) = Ruling::Allow.and(hold("h")).besides(&holds) else { panic!("held") };
    assert_eq!(all.len(), 2, "what holds both texts holds once");
    assert_eq!(Ruling::Allow.and(deny("d")).besides(&holds).word(), "deny");
}

#[test]
fn rewrite_beats_allow() {
    check(vec![Verdict::Allow, Verdict::Rewrite("x".into())], "rewrite");
}

#[test]
fn holds_add_up() {
    let Ruling::Hold(holds) = Ruling::Allow.and(hold("a")).and(hold("b")) else {
        panic!("two holds must hold")
    };
    assert_eq!(holds.len(), 2);
}

#[test]
fn first_denial_speaks() {
    let Ruling::Deny(denial) = Ruling::Allow.and(deny("first")).and(deny("second")) else {
        panic!("denied")
    };
    assert_eq!(denial.rule, "first");
}
