use super::Pattern;

fn check(pattern: &str, name: &str, expected: bool) {
    let parsed = Pattern::try_from(pattern.to_owned()).unwrap();
    assert_eq!(parsed.matches(name), expected, "{pattern} on {name}");
}

#[test]
fn a_plain_pattern_matches_the_same_name_only() {
    check("public.users", "public.users", true);
    check("public.users", "public.user", false);
    check("public.users", "public.users2", false);
}

#[test]
fn case_makes_no_difference() {
    check("Public.USERS", "public.Users", true);
    check("*_ÄNDERUNG", "letzte_änderung", true);
}

#[test]
fn a_star_matches_any_run_and_a_question_mark_one_character() {
    check("audit.*", "audit.log", true);
    check("audit.*", "audits.log", false);
    check("*_token", "api_token", true);
    check("*_token", "token", false);
    check("user?", "users", true);
    check("user?", "user", false);
}

#[test]
fn a_pattern_with_fewer_parts_matches_the_last_parts() {
    check("*.secrets", "public.secrets", true);
    check("*.secrets", "shop.public.secrets", true);
    check("secrets", "public.secrets", true);
    check("secrets", "public.topsecrets", false);
    check("public.users", "public.users.password", false);
}

#[test]
fn a_pattern_with_more_parts_does_not_match() {
    check("*.*.password", "users.password", false);
    check("*.secrets", "secrets", false);
}

#[test]
fn a_name_with_dots_of_its_own_cannot_slip_past_a_star() {
    check("audit.*", "audit.odd.name", true);
    check("public.secrets.*", "public.secrets.odd.column", true);
}

#[test]
fn an_unknown_column_matches_every_column_of_its_table() {
    check("*.*.password", "public.orders.*", true);
    check("public.orders.password", "public.orders.*", true);
    check("orders.pass*", "public.orders.*", true);
    check("password", "public.orders.*", true);
}

#[test]
fn an_unknown_column_of_another_table_does_not_match() {
    check("*.users.password", "public.orders.*", false);
    check("users.password", "public.orders.*", false);
    check("private.*.password", "public.orders.*", false);
}

#[test]
fn an_unknown_table_matches_by_column() {
    check("public.users.password", "?.?.password", true);
    check("*.*.password", "?.?.password", true);
    check("*.*.password", "?.?.city", false);
    check("*.*.password", "?.?.?", true);
}

#[test]
fn an_empty_pattern_is_refused() {
    assert!(Pattern::try_from(String::new()).is_err());
    assert!(Pattern::try_from("  ".to_owned()).is_err());
}

#[test]
fn many_stars_take_no_longer_than_the_product_of_the_lengths() {
    check(&"*a".repeat(100), &"a".repeat(5000).replace("aaaaaaaaaa", "aaaaaaaaab"), false);
}
