use super::*;

fn parse(text: &str) -> Result<CaseFile, String> {
    CaseFile::parse(Path::new("f.toml"), text)
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn mistake(text: &str, told: &str) {
    let mistake = parse(text).unwrap_err();
    assert!(mistake.contains(told), "{mistake}");
}

#[test]
fn a_case_takes_what_it_does_not_say_from_its_file() {
    let file = parse(
        r#"
        config = { a = 1 }
        grants = ["log"]
        [[case]]
        name = "one"
        command = { text = "x" }
        expect = { verdict = "allow" }
        [[case]]
        name = "two"
        config = { b = 2 }
        grants = []
        context = { labels = { env = "prod" } }
        command = { text = "x", operations = [{ action = "a", facts = { how = ["x", "y"], z = "1" } }], complete = false }
        expect = { verdict = "allow" }
        "#,
    )
    .unwrap();
    let [one, two] = file.cases.as_slice() else { panic!("two cases") };
    assert_eq!(one.config.to_string(), r#"{"a":1}"#);
    assert!(one.grants.has(palisade_policy::Grant::Log));
    assert_eq!(one.context.target.protocol, "postgres");
    assert_eq!(two.config.to_string(), r#"{"b":2}"#);
    assert!(!two.grants.has(palisade_policy::Grant::Log));
    assert_eq!(two.context.target.labels, [("env".to_owned(), "prod".to_owned())]);
    let Input::Command(command) = &two.input else { panic!("a command") };
    assert!(!command.complete);
    let facts: Vec<_> =
        command.operations[0].facts.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(facts, ["how=x", "how=y", "z=1"]);
    assert_eq!((one.line, two.line), (5, 9));
}

#[test]
fn what_is_asked_is_told_by_what_a_case_has() {
    let input = |text: &str| {
        let text = format!("[[case]]\nname = 'x'\n{text}");
        parse(&text).unwrap().cases.remove(0).input
    };
    let held = "command = { text = 'x' }\nhold = { reason = 'r', rule = 'r', approvers = ['a'] }\n";
    assert!(
        matches!(input(&format!("{held}expect = {{ decision = 'undecided' }}")), Input::Held(_, hold) if hold.quorum == 1)
    );
    let table = "result = { fields = [{ name = 'a', sources = ['t.a'], type = 'text' }] }\nexpect = { rest = 'keep' }";
    assert!(matches!(input(table), Input::Result(palisade_policy::Shape::Table(_))));
    let stream = "result = { byte_stream = true }\nexpect = { rest = 'keep' }";
    assert!(matches!(input(stream), Input::Result(palisade_policy::Shape::ByteStream)));
    let values = "inspect = { values = ['a', 'bc'] }\nexpect = { values = ['a', 'bc'] }";
    assert!(matches!(input(values), Input::Inspect(batch) if batch.ends == [1, 3]));
    assert!(matches!(input("expect = { configuration = 'refused' }"), Input::Configuration));
}

#[test]
fn limits_are_wide_unless_the_file_says_otherwise() {
    let case = "[[case]]\nname = 'x'\nexpect = { configuration = 'refused' }\n";
    let usual = parse(case).unwrap().limits;
    assert_eq!((usual.time.as_secs(), usual.memory), (1, 512 << 20));
    let own =
        parse(&format!("limits = {{ time_ms = 10, memory_mib = 64 }}\n{case}")).unwrap().limits;
    assert_eq!((own.time.as_millis(), own.memory), (10, 64 << 20));
}

#[test]
fn every_mistake_is_told_with_its_line() {
    mistake("[[case]]\nnam = 'x'", "f.toml:2: unknown key `nam`\n  fix: did you mean `name`?");
    mistake(
        "[[case]]\nname = 'x'\n[case.context]\nrole = []",
        "f.toml:4: unknown key `role`\n  fix: did you mean `roles`?",
    );
    mistake("", "there is no case in it");
    mistake("[[case]]\nname = 'x'", "f.toml:1: missing field `expect`");
    mistake(
        "[[case]]\nname = 'x'\n[case.expect]\n\nverdict = 'allow'",
        "f.toml:5: unknown key `verdict` for a configuration",
    );
    mistake(
        "[[case]]\nname = 'x'\n[case.command]\ntext = ''\n[case.expect]\nverdict = 'no'",
        "f.toml:6: `verdict` is not one of",
    );
    mistake(
        "[[case]]\nname = 'x'\ncommand = { text = '' }\ninspect = { values = [] }\nexpect = {}",
        "f.toml:2: x: it asks for several things",
    );
    mistake(
        "[[case]]\nname = 'x'\nresult = {}\nexpect = { rest = 'keep' }",
        "f.toml:2: x: what form the result has",
    );
    mistake(
        "grants = ['files']\n[[case]]\nname = 'x'\nexpect = {}",
        "f.toml:1: grants: no such grant",
    );
    mistake(
        "[[case]]\nname = 'x'\ncommand = { text = '', operations = [{ action = 'a', facts = { a = 1 } }] }\nexpect = { verdict = 'allow' }",
        "expected a text or a list of texts",
    );
}
