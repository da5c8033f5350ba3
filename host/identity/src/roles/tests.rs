use super::*;

fn role(name: &str) -> Role {
    Role { name: name.into(), ..Role::default() }
}

fn roles() -> Roles {
    Roles::new(vec![
        Role { connections: vec!["orders".into(), "dev-*".into()], ..role("support-agent") },
        Role { approves: vec!["*".into()], ..role("approver") },
        Role { approves: vec!["orders".into()], ..role("orders-approver") },
        Role { audits: vec!["dev-?".into()], ..role("auditor") },
        Role { administers: true, ..role("admin") },
    ])
    .unwrap()
}

fn bearer(subject: &str, roles: &[&str]) -> Identity {
    Identity {
        principal: Principal {
            subject: subject.into(),
            issuer: "palisade".into(),
            roles: roles.iter().map(|&name| name.into()).collect(),
            ..Principal::default()
        },
        token_id: "0190a".into(),
        ..Identity::default()
    }
}

fn operator() -> Identity {
    Identity { operator: true, ..bearer("operator", &[]) }
}

fn decide(decider: &Identity, connection: &str, approvers: &[&str]) -> Result<(), DecideRefused> {
    let approvers: Vec<_> = approvers.iter().map(|&name| name.to_owned()).collect();
    let requester = bearer("agent-7", &["support-agent"]).principal;
    roles().may_decide(decider, connection, &approvers, &requester)
}

#[test]
fn a_role_reaches_the_connections_that_its_globs_name() {
    let agent = bearer("agent-7", &["support-agent"]);
    assert!(roles().reaches(&agent, "orders"));
    assert!(roles().reaches(&agent, "dev-42"));
    assert!(!roles().reaches(&agent, "billing"));
    assert!(!roles().reaches(&agent, "orders2"));
}

#[test]
fn without_a_role_nothing_is_reached() {
    assert!(!roles().reaches(&bearer("agent-7", &[]), "orders"));
}

#[test]
fn an_undefined_role_gives_nothing() {
    let agent = bearer("agent-7", &["root"]);
    assert!(!roles().reaches(&agent, "orders"));
    assert!(!roles().may_audit(&agent, "orders"));
    assert!(!roles().may_administer(&agent));
    assert!(decide(&bearer("bob", &["root"]), "orders", &["root"]).is_err());
}

#[test]
fn one_of_several_roles_is_enough() {
    assert!(roles().reaches(&bearer("agent-7", &["auditor", "support-agent"]), "orders"));
}

#[test]
fn a_named_approver_decides() {
    assert_eq!(decide(&bearer("bob", &["approver"]), "orders", &["approver"]), Ok(()));
}

#[test]
fn where_no_approver_is_named_any_approving_role_decides() {
    assert_eq!(decide(&bearer("bob", &["orders-approver"]), "orders", &[]), Ok(()));
}

#[test]
fn a_role_that_the_hold_does_not_name_cannot_decide() {
    assert_eq!(
        decide(&bearer("bob", &["orders-approver"]), "orders", &["approver"]),
        Err(DecideRefused::NotAnApprover(vec!["approver".into()]))
    );
}

#[test]
fn a_role_decides_only_for_the_connections_that_it_approves() {
    let refused = Err(DecideRefused::OtherConnection("billing".into()));
    assert_eq!(decide(&bearer("bob", &["orders-approver"]), "billing", &[]), refused);
    let approvers = ["orders-approver"];
    assert_eq!(decide(&bearer("bob", &["orders-approver"]), "billing", &approvers), refused);
}

#[test]
fn a_named_role_that_approves_nothing_cannot_decide() {
    assert_eq!(
        decide(&bearer("bob", &["support-agent"]), "orders", &["support-agent"]),
        Err(DecideRefused::OtherConnection("orders".into()))
    );
}

#[test]
fn the_named_role_and_the_approving_role_must_be_the_same() {
    let bob = bearer("bob", &["support-agent", "approver"]);
    assert!(decide(&bob, "orders", &["support-agent"]).is_err());
}

#[test]
fn nobody_decides_on_their_own_command() {
    let same = bearer("agent-7", &["approver"]);
    assert_eq!(decide(&same, "orders", &[]), Err(DecideRefused::OwnCommand));
}

#[test]
fn nobody_decides_on_a_command_of_the_agent_that_acts_for_them() {
    let mut agent = bearer("agent-9", &[]).principal;
    agent.acting_for = Some("bob".into());
    let decided = roles().may_decide(&bearer("bob", &["approver"]), "orders", &[], &agent);
    assert_eq!(decided, Err(DecideRefused::OwnCommand));
}

#[test]
fn the_operator_decides_for_any_connection_and_approver() {
    assert_eq!(decide(&operator(), "billing", &["approver"]), Ok(()));
}

#[test]
fn the_operator_does_not_decide_on_their_own_command_either() {
    let decided = roles().may_decide(&operator(), "orders", &[], &operator().principal);
    assert_eq!(decided, Err(DecideRefused::OwnCommand));
}

#[test]
fn the_operator_reaches_no_connection() {
    assert!(!roles().reaches(&operator(), "orders"));
}

#[test]
fn an_auditor_sees_the_sessions_of_its_connections_only() {
    let auditor = bearer("eve", &["auditor"]);
    assert!(roles().may_audit(&auditor, "dev-1"));
    assert!(!roles().may_audit(&auditor, "dev-42"));
    assert!(roles().may_audit(&operator(), "dev-42"));
}

#[test]
fn only_administrators_and_the_operator_administer() {
    assert!(roles().may_administer(&bearer("dora", &["admin"])));
    assert!(roles().may_administer(&operator()));
    assert!(!roles().may_administer(&bearer("bob", &["approver", "auditor"])));
}

#[test]
fn a_role_defined_twice_is_refused() {
    let refused = Roles::new(vec![role("approver"), role("approver")]).unwrap_err();
    assert_eq!(refused, DuplicateRole("approver".into()));
}

#[test]
fn a_role_is_read_from_the_configuration() {
    let read: Role = toml::from_str("name = \"approver\"\napproves = [\"*\"]").unwrap();
    assert_eq!(read, Role { approves: vec!["*".into()], ..role("approver") });
}

#[test]
fn a_misspelt_right_is_refused() {
    assert!(toml::from_str::<Role>("name = \"approver\"\naproves = [\"*\"]").is_err());
}

#[test]
fn labels_reach_connections_and_narrow_what_globs_reach() {
    let labels = |env: &str| BTreeMap::from([("env".to_owned(), env.to_owned())]);
    let all = BTreeMap::from([
        ("orders".to_owned(), labels("prod")),
        ("dev-1".to_owned(), labels("dev")),
        ("bare".to_owned(), BTreeMap::new()),
    ]);
    let roles = Roles::new(vec![
        Role { labels: labels("d*"), ..role("by-label") },
        Role { labels: labels("dev"), connections: vec!["orders".into()], ..role("by-both") },
        Role { labels: labels("*"), ..role("any-env") },
    ])
    .unwrap()
    .with_labels(all);
    let check = |role: &str, expected: &[&str]| {
        let reached = ["orders", "dev-1", "bare"].into_iter();
        let reached: Vec<_> =
            reached.filter(|name| roles.reaches(&bearer("a", &[role]), name)).collect();
        assert_eq!(reached, expected, "{role}");
    };
    check("by-label", &["dev-1"]);
    check("by-both", &[]);
    check("any-env", &["orders", "dev-1"]);
}

#[test]
fn a_token_for_some_connections_is_good_for_nothing_else() {
    let narrowed = |roles: &[&str]| Identity {
        connections: Some(vec!["dev-1".into()]),
        ..bearer("ada", roles)
    };
    let agent = narrowed(&["support-agent"]);
    assert!(roles().reaches(&agent, "dev-1"));
    assert!(!roles().reaches(&agent, "orders"));
    assert!(roles().may_audit(&narrowed(&["auditor"]), "dev-1"));
    assert!(!roles().may_audit(&narrowed(&["auditor"]), "dev-2"));
    assert!(!roles().may_administer(&narrowed(&["admin"])));
    assert!(decide(&narrowed(&["approver"]), "dev-1", &[]).is_ok());
    assert!(decide(&narrowed(&["approver"]), "orders", &[]).is_err());
}
