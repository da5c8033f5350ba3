use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use super::super::{certificates, make, write_anew};
use super::*;

/// Another certificate for the gateway, and another authority for its forward proxy.
fn made_in(dir: &Path) {
    let files = TlsFiles { certificate: dir.join("c.pem"), key: dir.join("k.pem") };
    make(&files, &["localhost".to_owned()].into()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&key).unwrap();
    write_anew(&dir.join("ca.pem"), &authority.pem(), 0o644).unwrap();
    write_anew(&dir.join("ca.key"), &key.serialize_pem(), 0o600).unwrap();
}

fn read(dir: &Path) -> Config {
    let file = dir.join("palisade.toml");
    let listen = "http_proxy = '127.0.0.1:0'\nca = { certificate = 'ca.pem', key = 'ca.key' }";
    let tls = "certificate = 'c.pem'\nkey = 'k.pem'";
    std::fs::write(&file, format!("[listen]\n{listen}\n[tls]\n{tls}\n")).unwrap();
    Config::read(&file).unwrap()
}

#[test]
fn what_is_replaced_is_shown_to_whoever_comes_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    made_in(dir.path());
    let before = read(dir.path());
    let shown = Shown::open(&before).unwrap();
    let now = || (shown.certificate.0.load_full(), shown.authority().unwrap());
    let first = now();
    shown.renew(Renewed::of(&read(dir.path()), &before).unwrap());
    assert!(Arc::ptr_eq(&first.0, &now().0) && Arc::ptr_eq(&first.1, &now().1), "it is the same");
    made_in(dir.path());
    shown.renew(Renewed::of(&read(dir.path()), &before).unwrap());
    assert_eq!(now().0.cert, certificates(&dir.path().join("c.pem")).unwrap());
    assert_ne!(now().0.cert, first.0.cert);
    assert!(!Arc::ptr_eq(&first.1, &now().1));
}
