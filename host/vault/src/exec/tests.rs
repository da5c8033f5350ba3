use super::*;

fn sh(script: &str) -> Result<String, String> {
    let command = ["/bin/sh", "-c", script].map(str::to_owned);
    let said = run(&command, Duration::from_millis(700)).map_err(|failed| failed.to_string())?;
    Ok(String::from_utf8(said.to_vec()).unwrap())
}

#[test]
fn what_is_printed_is_the_secret_without_its_newline() {
    assert_eq!(sh("echo hunter2").unwrap(), "hunter2");
    assert_eq!(sh("printf 'hunter2\\r\\n'").unwrap(), "hunter2");
    assert_eq!(sh("printf 'two\\n\\n'").unwrap(), "two\n");
}

#[test]
fn a_failure_names_the_program_and_nothing_that_it_said() {
    let failed = sh("echo hunter2; echo hunter3 >&2; exit 3").unwrap_err();
    assert_eq!(failed, "/bin/sh ended with exit status: 3");
    assert_eq!(sh(":").unwrap_err(), "/bin/sh printed nothing");
    assert!(run(&["/no/such".into()], TIME).unwrap_err().to_string().contains("cannot run"));
}

#[test]
fn time_and_size_are_bounded() {
    let begun = Instant::now();
    assert!(sh("sleep 30").unwrap_err().contains("did not end"));
    assert!(sh("sleep 30 & wait").unwrap_err().contains("did not end"));
    assert!(sh("echo x; exec >&-; sleep 30").unwrap_err().contains("did not end"));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(sh("exec yes").unwrap_err().contains("more than 64 KiB"));
    assert_eq!(sh("head -c 65536 /dev/zero | tr '\\0' x").unwrap().len(), 65536);
}
