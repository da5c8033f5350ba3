use super::*;

fn check(method: Method, target: &str, body: &str, expected: Result<Ask, u16>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let asked = find(&method, path).and_then(|(route, id)| {
        (route.ask)(Input { id, query: query.to_owned(), body: body.to_owned().into() })
    });
    assert_eq!(asked.map_err(|problem| problem.status), expected, "{method} {target}");
}

#[test]
fn a_list_has_a_limit_also_where_the_caller_names_none() {
    let newest = |limit| Ok(Ask::Sessions { limit, filter: SessionFilter::default() });
    check(Method::GET, "/v1/sessions", "", newest(100));
    check(Method::GET, "/v1/sessions?limit=7", "", newest(7));
    check(Method::GET, "/v1/sessions?limit=99999999", "", newest(1000));
    check(Method::GET, "/v1/sessions?limit=-1", "", Err(400));
}

#[test]
fn sessions_are_asked_for_by_their_connection_subject_and_time() {
    let filter = SessionFilter {
        before: Some("01h-x".into()),
        connection: Some("crm-*".into()),
        subject: Some("auth0|ann b".into()),
    };
    let query = "before=01h-x&connection=crm-*&subject=auth0%7Cann+b";
    let asked = Ok(Ask::Sessions { limit: 100, filter });
    check(Method::GET, &format!("/v1/sessions?{query}"), "", asked);
    check(Method::GET, "/v1/sessions?before=%2F", "", Err(400));
    check(Method::GET, "/v1/sessions?subject=%7", "", Err(400));
}

#[test]
fn an_id_in_the_path_reaches_the_question() {
    check(Method::GET, "/v1/holds/01h-x", "", Ok(Ask::Hold { id: "01h-x".into() }));
    let events = Ask::Events { id: "a".into(), from: 5, limit: 100 };
    check(Method::GET, "/v1/sessions/a/events?from=5", "", Ok(events));
}

#[test]
fn a_path_with_escapes_dots_or_empty_parts_is_unknown() {
    for path in ["/v1/holds/%2e%2e", "/v1/holds/", "/v1//holds", "/v1/holds/a/b/c", "/", ""] {
        check(Method::GET, path, "", Err(404));
    }
}

#[test]
fn a_known_path_with_another_method_says_which_it_takes() {
    check(Method::POST, "/v1/sessions", "", Err(405));
    check(Method::GET, "/v1/holds/x/approve", "", Err(405));
}

#[test]
fn a_decision_takes_a_reason_and_nothing_else() {
    let ask = |reason: &str| Ask::Decide { id: "x".into(), grant: false, reason: reason.into() };
    check(Method::POST, "/v1/holds/x/deny", r#"{"reason":"no"}"#, Ok(ask("no")));
    check(Method::POST, "/v1/holds/x/deny", "{}", Ok(ask("")));
    check(Method::POST, "/v1/holds/x/deny", r#"{"reasn":"no"}"#, Err(400));
    check(Method::POST, "/v1/holds/x/deny", "", Err(400));
}

#[test]
fn either_a_token_or_a_subject_is_revoked() {
    let ask = Ask::RevokeTokens { token: Some("x".into()), subject: None, issuer: None };
    check(Method::POST, "/v1/tokens/revoke", r#"{"token":"x"}"#, Ok(ask));
    let (subject, issuer) = (Some("x".into()), Some("https://y".into()));
    let ask = Ask::RevokeTokens { token: None, subject, issuer };
    check(Method::POST, "/v1/tokens/revoke", r#"{"subject":"x","issuer":"https://y"}"#, Ok(ask));
    check(Method::POST, "/v1/tokens/revoke", r#"{"token":"x","issuer":"https://y"}"#, Err(400));
    check(Method::POST, "/v1/tokens/revoke", r#"{"issuer":"https://y"}"#, Err(400));
    check(Method::POST, "/v1/tokens/revoke", r#"{"token":"x","subject":"y"}"#, Err(400));
    check(Method::POST, "/v1/tokens/revoke", r#"{"subject":""}"#, Err(400));
    check(Method::POST, "/v1/tokens/revoke", "{}", Err(400));
}

#[test]
fn a_plugin_is_loaded_under_a_plain_name_only() {
    let ask = Ask::LoadPlugin { name: Some("sql-guard".into()), file: "x".into() };
    check(Method::POST, "/v1/plugins?name=sql-guard", "x", Ok(ask));
    check(Method::POST, "/v1/plugins?name=../x", "x", Err(400));
}

#[test]
fn a_question_with_a_token_in_it_is_not_shown() {
    let (path, body) = ("/v1/explain", r#"{"connection":"x","token":"ey.a.b"}"#);
    let (route, id) = find(&Method::POST, path).unwrap();
    let asked = (route.ask)(Input { id, query: String::new(), body: body.into() }).unwrap();
    assert!(!format!("{asked:?}").contains("ey.a.b"));
    let who_can = Ask::WhoCan { connection: "my db".into() };
    check(Method::POST, "/v1/who-can", r#"{"connection":"my db"}"#, Ok(who_can));
    check(Method::POST, "/v1/who-can", r#"{"connection":"x","token":"y"}"#, Err(400));
}
