use std::os::unix::fs::PermissionsExt;

use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::*;
use crate::config::TlsFiles;

/// 2026-01-01.
const NOW: u64 = 1_767_225_600;

/// An authority of its own, in a folder.
fn made() -> (tempfile::TempDir, Config, Ca) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("palisade.toml");
    std::fs::write(&file, "").unwrap();
    let config = Config::read(&file).unwrap();
    let ca = of(&config, NOW).unwrap();
    (dir, config, ca)
}

#[test]
fn it_is_made_once_for_its_owner_alone_and_may_sign_hosts_but_no_authority() {
    let (dir, config, ca) = made();
    let again = of(&config, NOW + 1).unwrap();
    assert_eq!(ca.chain, again.chain);
    let path = dir.path().join("data/ca.pem");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, certificate) = parse_x509_certificate(&ca.chain[0]).unwrap();
    let constraints = certificate.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    assert!(certificate.key_usage().unwrap().unwrap().value.key_cert_sign());
    assert!(certificate.subject().to_string().starts_with("CN=Palisade gateway CA ("));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(of(&config, NOW).unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn a_hosts_certificate_is_for_that_host_for_a_week_and_for_servers() {
    let (_dir, _, ca) = made();
    for (host, name) in [
        ("api.internal", GeneralName::DNSName("api.internal")),
        ("127.0.0.1", GeneralName::IPAddress(&[127, 0, 0, 1])),
        ("::1", GeneralName::IPAddress(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
    ] {
        let (der, _) = ca.sign(host, NOW).unwrap();
        let (_, leaf) = parse_x509_certificate(&der).unwrap();
        let names = leaf.subject_alternative_name().unwrap().unwrap();
        assert_eq!(names.value.general_names, [name]);
        let (from, to) = (leaf.validity().not_before, leaf.validity().not_after);
        assert_eq!((from.timestamp(), to.timestamp()), (NOW as i64 - 3600, NOW as i64 + 604_800));
        assert!(!leaf.basic_constraints().unwrap().is_some_and(|it| it.value.ca));
        assert!(leaf.extended_key_usage().unwrap().unwrap().value.server_auth);
        let (_, authority) = parse_x509_certificate(&ca.chain[0]).unwrap();
        assert_eq!(leaf.issuer(), authority.subject());
    }
}

#[test]
fn a_certificate_is_kept_until_it_is_half_over() {
    let (_dir, _, ca) = made();
    let first = ca.acceptor("a", NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &ca.acceptor("a", NOW + RENEWED - 1).unwrap()));
    assert!(!Arc::ptr_eq(&first, &ca.acceptor("a", NOW + RENEWED).unwrap()));
    assert!(ca.acceptor("a", ca.until).is_err());
    let late = ca.sign("a", ca.until - 10).unwrap().0;
    let (_, leaf) = parse_x509_certificate(&late).unwrap();
    assert_eq!(leaf.validity().not_after.timestamp(), ca.until as i64);
}

#[test]
fn an_operators_own_is_taken_where_it_is_one_and_its_key_its_own() {
    let (dir, _, own) = made();
    let text = std::fs::read_to_string(dir.path().join("data/ca.pem")).unwrap();
    let files = TlsFiles { certificate: dir.path().join("data/ca.pem"), key: dir.path().join("k") };
    std::fs::write(&files.key, &text).unwrap();
    assert!(check(&files, NOW).unwrap_err().to_string().contains("chmod 600"));
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o600)).unwrap();
    check(&files, NOW).unwrap();
    assert!(check(&files, own.until).is_err());
    std::fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let error = check(&files, NOW).unwrap_err().to_string();
    assert!(error.ends_with("is not the certificate's key"), "{error}");
    let plain = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    std::fs::write(&files.key, plain.signing_key.serialize_pem()).unwrap();
    let files = TlsFiles { certificate: dir.path().join("c"), ..files };
    std::fs::write(&files.certificate, plain.cert.pem()).unwrap();
    assert!(check(&files, NOW).unwrap_err().to_string().contains("none of an authority"));
}
