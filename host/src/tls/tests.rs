use std::os::unix::fs::PermissionsExt;

use super::*;

fn made_in(dir: &Path, names: &[&str]) -> (TlsFiles, BTreeSet<String>) {
    let files = TlsFiles { certificate: dir.join("c.pem"), key: dir.join("k.pem") };
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    (files, names)
}

fn provider() {
    let _ = ring::default_provider().install_default();
}

#[test]
fn a_made_certificate_serves_covers_its_names_and_hides_its_key() {
    provider();
    let dir = tempfile::tempdir().unwrap();
    let (files, names) = made_in(dir.path(), &["localhost", "127.0.0.1", "::1", "10.1.2.3"]);
    make(&files, &names).unwrap();
    assert!(covers(&files, &names));
    assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_certificate_that_lacks_a_name_is_made_anew() {
    provider();
    let dir = tempfile::tempdir().unwrap();
    let (files, names) = made_in(dir.path(), &["localhost"]);
    make(&files, &names).unwrap();
    let more = names.iter().cloned().chain(["10.0.0.1".to_owned()]).collect();
    assert!(!covers(&files, &more));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    provider();
    let dir = tempfile::tempdir().unwrap();
    let (files, names) = made_in(dir.path(), &["localhost"]);
    make(&files, &names).unwrap();
    let other = TlsFiles { certificate: dir.path().join("o.pem"), key: dir.path().join("ok.pem") };
    make(&other, &names).unwrap();
    assert!(load(&TlsFiles { certificate: files.certificate, key: other.key }).is_err());
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.pem");
    fs::write(&path, "nothing").unwrap();
    let error = certificates(&path).unwrap_err().to_string();
    assert!(error.contains("empty.pem"), "{error}");
}
