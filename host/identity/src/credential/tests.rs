use super::*;

fn read(content: &[u8]) -> Result<String, CredentialUnreadable> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    Credential::File(file.path().into()).read().map(|secret| secret.expose().clone())
}

fn check(content: &str, expected: &str) {
    assert_eq!(read(content.as_bytes()).unwrap(), expected);
}

#[test]
fn a_files_newline_is_not_part_of_the_secret() {
    check("hunter2\n", "hunter2");
    check("hunter2\r\n", "hunter2");
    check("hunter2", "hunter2");
}

#[test]
fn only_one_newline_is_taken_off() {
    check("hunter2\n\n", "hunter2\n");
    check(" hunter2 \r", " hunter2 \r");
}

#[test]
fn a_variable_is_read() {
    let secret = Credential::Env("PATH".into()).read().unwrap();
    assert_eq!(*secret.expose(), std::env::var("PATH").unwrap());
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let refused = Credential::Env("PALISADE_NOT_SET".into()).read().unwrap_err();
    assert_eq!(refused.to_string(), "the environment variable PALISADE_NOT_SET is not set");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let refused = Credential::File("/no/such/file".into()).read().unwrap_err();
    assert!(refused.to_string().contains("/no/such/file"), "{refused}");
}

#[test]
fn an_empty_secret_is_refused() {
    assert!(matches!(read(b""), Err(CredentialUnreadable::Empty(_))));
    assert!(matches!(read(b"\n"), Err(CredentialUnreadable::Empty(_))));
}

#[test]
fn the_largest_secret_is_read_and_a_larger_one_refused() {
    let largest = "x".repeat(64 * 1024);
    check(&format!("{largest}\r\n"), &largest);
    let refused = read(format!("{largest}x\n").as_bytes());
    assert!(matches!(refused, Err(CredentialUnreadable::TooLarge(_))));
}

#[test]
fn an_error_never_shows_the_content() {
    let refused = read(b"hunter2\xff").unwrap_err();
    assert!(matches!(refused, CredentialUnreadable::NotText(_)));
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));
}

#[test]
fn both_places_are_read_from_the_configuration() {
    #[derive(Deserialize)]
    struct Connection {
        password: Credential,
    }
    let parse = |text| toml::from_str::<Connection>(text).map(|connection| connection.password);
    assert_eq!(
        parse("password = { env = \"ORDERS_PASSWORD\" }"),
        Ok(Credential::Env("ORDERS_PASSWORD".into()))
    );
    assert_eq!(parse("password = { file = \"pw\" }"), Ok(Credential::File("pw".into())));
    assert!(parse("password = \"hunter2\"").is_err());
    assert!(parse("password = { env = \"A\", file = \"b\" }").is_err());
}

#[test]
fn a_pipe_is_no_file_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    for path in [pipe, "/dev/zero".into(), folder.path().into()] {
        let refused = Credential::File(path).read().unwrap_err().to_string();
        assert!(refused.contains("it is no regular file"), "{refused}");
    }
}
