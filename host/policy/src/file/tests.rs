use super::*;

fn parse(text: &str) -> Result<PolicyFile, Mistake> {
    PolicyFile::parse(Path::new("p.toml"), text)
}

#[test]
fn a_use_keeps_its_order_scope_and_configuration() {
    let file = parse(
        "[[use]]\nplugin = 'mask-secrets'\nmode = 'observe'\non = { roles = ['*'] }\n[use.config]\nprotect = ['*.*.password']\n[[use]]\nplugin = 'sql-guard'\n",
    )
    .unwrap();
    assert_eq!(file.uses.len(), 2);
    assert_eq!(file.uses[0].mode, Mode::Observe);
    assert_eq!(file.uses[0].config["protect"][0], "*.*.password");
    assert_eq!(file.uses[0].scope.roles.as_deref(), Some(&["*".to_owned()][..]));
    assert_eq!(file.uses[1].config, serde_json::json!({}));
    assert_eq!((file.uses[0].line, file.uses[1].line), (2, 8));
}

#[test]
fn a_misspelt_key_is_named_with_its_line() {
    let mistake = parse("[[use]]\nplugin = 'x'\nmod = 'observe'\n").unwrap_err();
    assert_eq!(mistake.line, Some(3));
    assert!(mistake.problem.contains("mod"), "{mistake}");
}

#[test]
fn a_misspelt_mode_is_named_with_its_choices() {
    let mistake = parse("[[use]]\nplugin = 'x'\nmode = 'watch'\n").unwrap_err();
    assert!(mistake.problem.contains("enforce"), "{mistake}");
    assert_eq!(mistake.line, Some(3));
}

#[test]
fn a_value_that_does_not_fit_is_named_by_its_key_and_line_and_never_quoted() {
    for (text, line, key) in [
        ("plugin = 'x'\nname = ['S3cr3t']", 3, "`name`"),
        ("plugin = 'x'\nmode = 'S3cr3t, expected S3cr3t'", 3, "`mode`"),
        ("plugin = 'x'\non = 'S3cr3t = S3cr3t'", 3, "`on`"),
        ("plugin = 'x'\non = { roles = ['a', { S3cr3t = 1 }] }", 3, "`on`"),
        ("plugin = 'x'\non = { roles = [\n'S3cr3t', 5] }", 4, "a key here"),
        ("plugin = 'x'\nlimits = { time_ms = 'S3cr3t' }", 3, "`limits`"),
        ("plugin = 'x'\nlimits = { time_ms = -4321 }", 3, "`limits`"),
    ] {
        let mistake = parse(&format!("[[use]]\n{text}\n")).unwrap_err();
        let told = mistake.to_string();
        assert!(!told.contains("S3cr3t") && !told.contains("4321"), "{told}");
        assert_eq!(mistake.line, Some(line), "{told}");
        assert!(mistake.problem.starts_with(key) && told.contains("expected"), "{told}");
    }
}
