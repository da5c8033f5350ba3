use super::*;
use palisade_policy::{Cover, Plan, Shape};

fn scan(name: &str) -> Action {
    Action::Scan(vec![name.to_owned()])
}

fn mask(plans: &[(&[(&str, Action)], Action)]) -> DocumentMask {
    let mut masking = Masking::default();
    for (index, (keys, rest)) in plans.iter().enumerate() {
        let keys = keys.iter().map(|(key, action)| ((*key).to_owned(), action.clone())).collect();
        let plan = Plan { fields: vec![], keys, rest: rest.clone() };
        masking.add(index, &Shape::Document("application/json".into()), &plan).unwrap();
    }
    DocumentMask::new(&masking).unwrap()
}

/// The treatment at the end of a path such as `a.b.[].c`.
fn at<'m>(mask: &'m DocumentMask, steps: &str) -> &'m CellMask {
    let mut path = Path::default();
    let mut chosen = Chosen::default();
    for step in steps.split('.') {
        if step == "[]" {
            path.push_element();
            chosen = mask.at_elements(chosen, &path);
            continue;
        }
        let folded = fold_name(step);
        let candidates: Vec<_> = mask.candidates(&folded).collect();
        chosen = mask.at_key(chosen, &candidates, &path, &folded);
        path.push_key(&folded);
    }
    &mask.get(chosen).mask
}

fn check(pattern: &str, covered: &[&str], kept: &[&str]) {
    let mask = mask(&[(&[(pattern, Action::Nullify)], Action::Keep)]);
    covered.iter().for_each(|path| assert!(at(&mask, path).covers(), "{pattern} {path}"));
    kept.iter().for_each(|path| assert!(!at(&mask, path).covers(), "{pattern} {path}"));
}

#[test]
fn a_key_is_covered_at_any_depth_with_all_that_is_in_it() {
    check("*token", &["token", "a.[].Access_Token", "token.x", "token.[]"], &["a", "tokens.a"]);
}

#[test]
fn a_path_is_covered_where_it_ends_so() {
    check(
        "user.password",
        &["user.password", "a.User.password.x", "user.[].password"],
        &["password", "user.x.password", "user"],
    );
    check(
        "users[].name",
        &["users.[].name", "a.users.[].[].name"],
        &["users.name", "users", "name"],
    );
    check("tags[]", &["tags.[]", "a.tags.[].b"], &["tags", "tags.b"]);
    check("a[][]", &["a.[].[]"], &["a.[]"]);
}

#[test]
fn a_path_from_the_root_is_covered_there_alone() {
    check("$.user.name", &["user.name", "[].user.name"], &["a.user.name", "name"]);
    check("$.key", &["key"], &["a.key"]);
    check("$[].key", &["[].key"], &["key", "a.[].key"]);
}

#[test]
fn a_path_step_may_be_a_glob_on_one_key() {
    check("*.secret", &["a.secret"], &["secret"]);
    check("u*.id", &["users.id"], &["a.id", "users.a.id"]);
}

#[test]
fn the_first_rule_that_matches_counts_and_a_deeper_one_where_it_is() {
    let rules = [("public_key", Action::Keep), ("*key", Action::Nullify), ("a", scan("email"))];
    let mask = mask(&[(&rules, Action::Pseudonym)]);
    assert!(at(&mask, "public_key").is_keep());
    assert!(at(&mask, "public_key.key").covers());
    assert!(at(&mask, "key.public_key").is_keep());
    assert!(!at(&mask, "a").covers());
    assert!(at(&mask, "b").covers());
}

#[test]
fn what_one_policy_keeps_another_may_still_cover() {
    let one = [("a", Action::Keep)];
    let two = [("b", Action::Partial(1, 1)), ("a", scan("email"))];
    let mask = mask(&[
        (&one, scan("card")),
        (&two, Action::Keep),
        (&[("b", Action::Nullify)], Action::Keep),
    ]);
    let of = |path| format!("{:?}", at(&mask, path));
    let treat = |actions: &[Action]| {
        let mut treatment = Treatment::default();
        actions.iter().for_each(|action| treatment.add(0, action));
        format!("{:?}", CellMask::new(&treatment).unwrap())
    };
    assert_eq!(of("a"), treat(&[scan("email")]));
    assert_eq!(of("b"), treat(&[Action::Nullify, scan("card")]));
    assert_eq!(of("c"), treat(&[scan("card")]));
    assert!(of("b").contains(&format!("{:?}", Cover::Nullify)));
}

#[test]
fn a_key_may_have_dots_and_brackets_in_it() {
    let mask = mask(&[(&[("user.email", Action::Nullify)], Action::Keep)]);
    let candidates: Vec<_> = mask.candidates("user.email").collect();
    let chosen = mask.at_key(Chosen::default(), &candidates, &Path::default(), "user.email");
    assert!(mask.get(chosen).mask.covers());
}

#[test]
fn a_plan_that_cannot_be_carried_out_is_refused() {
    let mut masking = Masking::default();
    let plan =
        Plan { fields: vec![], keys: vec![("a".into(), Action::Inspect)], rest: Action::Keep };
    masking.add(0, &Shape::ByteStream, &plan).unwrap();
    assert_eq!(DocumentMask::new(&masking).unwrap_err(), PlanRefused::Inspects);
    let mut masking = Masking::default();
    let plan = Plan { fields: vec![], keys: vec![("a".into(), scan("emial"))], rest: Action::Keep };
    masking.add(0, &Shape::ByteStream, &plan).unwrap();
    assert!(matches!(DocumentMask::new(&masking), Err(PlanRefused::Detector(_))));
}
