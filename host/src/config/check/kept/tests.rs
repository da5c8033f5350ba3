use super::*;

fn check(table: &str, sealed: SealedParts) -> Result<Connection, String> {
    kept(toml::from_str(table).unwrap(), sealed, None)
}

#[test]
fn what_is_sealed_counts_as_what_the_file_would_refer_to() {
    let table = "name = \"api\"\nprotocol = \"http\"\naddress = \"https://api.internal\"\nlogin = \"bearer\"";
    let missing = check(table, SealedParts::default()).unwrap_err();
    assert!(missing.contains("`login` needs a `password`"), "{missing}");
    let sealed = SealedParts { password: true, ..SealedParts::default() };
    assert_eq!(check(table, sealed.clone()).unwrap().http.unwrap().login.name(), "bearer");
    let clear = check(&table.replace("https", "http"), sealed).unwrap_err();
    assert!(clear.contains("clear text"), "{clear}");
}

#[test]
fn sealed_variables_are_part_of_the_programs_environment() {
    let table = "name = \"wiki\"\nprotocol = \"mcp\"\ncommand = [\"wiki\"]\nenv = { A = \"1\" }";
    let sealed = |name: &str| SealedParts { password: false, variables: vec![name.to_owned()] };
    let mcp = check(table, sealed("TOKEN")).unwrap().mcp.unwrap();
    let McpPlace::Program { environment, .. } = mcp.place else { panic!("it is started") };
    assert!(environment.contains(&("TOKEN".to_owned(), Variable::Kept)));
    assert!(check(table, sealed("A")).unwrap_err().contains("there twice"));
    assert!(check(table, sealed("A=B")).unwrap_err().contains("no name of a variable"));
}

#[test]
fn paths_that_depend_on_where_the_gateway_was_started_are_refused() {
    let table = "name = \"wiki\"\nprotocol = \"mcp\"\ncommand = [\"./wiki\"]";
    assert!(check(table, SealedParts::default()).unwrap_err().contains("absolute"));
    let reference = "name = \"wiki\"\nprotocol = \"mcp\"\ncommand = [\"wiki\"]\nenv = { A = { file = \"secret\" } }";
    assert!(check(reference, SealedParts::default()).unwrap_err().contains("absolute"));
}

#[test]
fn a_key_that_no_connection_has_is_named() {
    let table = "name = \"a\"\nprotocol = \"http\"\naddress = \"https://a\"\nadress = 1";
    let refused = check(table, SealedParts::default()).unwrap_err();
    assert!(refused.contains("adress") && refused.contains("address"), "{refused}");
}

#[test]
fn a_value_that_does_not_fit_is_not_quoted() {
    let table = "name = \"a\"\nprotocol = \"postgres\"\naddress = \"a:1\"\ntls = \"hunter2\"";
    let refused = check(table, SealedParts::default()).unwrap_err();
    assert!(refused.starts_with("`tls` has a value that it cannot have"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
}
