use proptest::prelude::*;

use super::*;

fn operations(document: &str, name: Option<&str>) -> Result<Vec<Operation>, &'static str> {
    let mut walk = Walk::default();
    let operation = name.map(str::to_owned);
    let document = Document { text: document.to_owned(), operation, ..Document::default() };
    walk.document(&document)?;
    Ok(walk.found())
}

fn shown(document: &str, name: Option<&str>) -> Result<Vec<String>, &'static str> {
    let shown = |operation: Operation| {
        let Operation { action, object, fields, .. } = operation;
        format!("{action} {object} ({})", fields.join(", "))
    };
    Ok(operations(document, name)?.into_iter().map(shown).collect())
}

#[test]
fn each_field_at_the_root_is_an_operation_under_its_own_name() {
    let shown = shown("mutation { safe: deleteUser(id: 1) { id user { email } } ping }", None);
    assert_eq!(
        shown.unwrap(),
        ["mutation deleteUser (arguments.id, id, user, user.email)", "mutation ping ()"]
    );
    let operations = operations("{ user(id: 1, name: $n) { id } }", None).unwrap();
    let argument = |name: &str| ("argument".to_owned(), name.to_owned());
    assert_eq!(operations[0].facts, [argument("id"), argument("name")]);
}

#[test]
fn what_arguments_name_is_told_where_they_stand() {
    let document = "mutation { set(role: $r, to: { a: [{ b: 1 }, { c: E }] }) { posts(by: { d: 1 }) { id } } }";
    assert_eq!(
        shown(document, None).unwrap(),
        [
            "mutation set (arguments.role, arguments.to, arguments.to.a, arguments.to.a.b, arguments.to.a.c, \
          posts, posts.arguments.by, posts.arguments.by.d, posts.id)"
        ]
    );
    // Each default is told where its variable stands, and not by itself.
    let document = "query($a: A = { b: { c: 1 } }, $x: A = { y: 1 }) { q(p: $a) }";
    assert_eq!(
        shown(document, None).unwrap(),
        ["query q (arguments.p, arguments.p.b, arguments.p.b.c)"]
    );
}

#[test]
fn what_a_variable_is_filled_with_counts_wherever_it_stands() {
    let names = |number: usize| (0..number).map(|it| it.to_string()).collect::<Vec<_>>();
    let many = "f(a: $v) ".repeat(1000);
    let document = |number| Document {
        text: format!("{{ {many} }}"),
        variables: Arc::new([("v".to_owned(), names(number))].into()),
        ..Document::default()
    };
    assert_eq!(Walk::default().document(&document(10)), Ok(()));
    assert_eq!(Walk::default().document(&document(10_000)), Err(TOO_MUCH));
}

#[test]
fn fields_in_fragments_are_found() {
    let document = "query { ...A ... on Query { b { ...C } } } fragment A on Query { a } fragment C on B { c }";
    assert_eq!(shown(document, None).unwrap(), ["query a ()", "query b (c)"]);
}

#[test]
fn only_the_named_operation_runs_and_all_are_judged_where_none_is_named() {
    let document = "query A { a } mutation B { b }";
    assert_eq!(shown(document, Some("B")).unwrap(), ["mutation b ()"]);
    assert_eq!(shown(document, None).unwrap().len(), 2);
    assert_eq!(shown(document, Some("C")).unwrap().len(), 2);
}

#[test]
fn what_cannot_be_accounted_for_is_said() {
    let bomb = (0..40).map(|n| format!("fragment F{n} on Q {{ ...F{0} ...F{0} }} ", n + 1));
    let bomb = format!("{{ ...F0 }} {} fragment F40 on Q {{ a }}", bomb.collect::<String>());
    let deep = format!("{}{}", "{a".repeat(200), "}".repeat(200));
    for document in
        ["{", "type A { b: C }", "{ ...A } fragment A on Q { ...A }", "{ ...X }", &bomb, &deep]
    {
        assert!(operations(document, None).is_err(), "{document}");
    }
}

/// Several documents of one request; how many operations they make.
fn all(documents: &[&str]) -> Result<usize, &'static str> {
    let mut walk = Walk::default();
    let document = |text: &&str| Document { text: (*text).to_owned(), ..Document::default() };
    documents.iter().map(document).try_for_each(|document| walk.document(&document))?;
    Ok(walk.found().len())
}

#[test]
fn the_documents_of_a_request_share_what_they_may_ask_for() {
    let doubling = (0..9).map(|n| format!("fragment F{n} on Q {{ ...F{0} ...F{0} }} ", n + 1));
    let doubling: String = doubling.collect();
    let document = format!("{{ ...F0 }} {doubling} fragment F9 on Q {{ a }}");
    assert_eq!(all(&[&document]), Ok(512));
    assert_eq!(all(&[document.as_str(); 2]), Err(TOO_MUCH));
    assert_eq!(all(&["{ a b }"; 900]), Ok(1800));
}

#[test]
fn a_long_word_counts_wherever_it_is_told() {
    let long = "x".repeat(450_000);
    let names: String = (0..1000).map(|number| format!("a{number} ")).collect();
    let again = |inner: &str| {
        let many = "...G ".repeat(400);
        format!("{{r{{...F}} ...F}} fragment F on Q {{{many}}} fragment G on Q {{{inner}}}")
    };
    for document in [
        // Before the paths of those that lie within it.
        format!("{{r{{{long}{{{names}}}}}}}"),
        // As a field, as an argument, and as a fragment that is looked up again and again.
        again(&long),
        again(&format!("a({long}: 1)")),
        again(&format!("...{long}")) + &format!("fragment {long} on Q {{a}}"),
        // As a variable, and in a list whose values are looked at.
        again(&format!("a(b: ${long})")),
        again(&format!("a(b: [{}])", "1 ".repeat(9000))),
    ] {
        assert_eq!(operations(&document, None).unwrap_err(), TOO_MUCH);
    }
    // What is short may be there as often.
    assert!(operations(&again("a(b: [1 2 $c])"), None).is_ok());
    // Once it is nothing but long.
    assert!(operations(&format!("{{r{{{long}}}}}"), None).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[{}a-c.()$:@\" \\n#0-9]{0,60}") {
        let _ = operations(&text, None);
    }
}
