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
