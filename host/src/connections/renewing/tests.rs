use std::path::Path;

use palisade_identity::OPERATOR;
use palisade_postgres::Trusted;
use palisade_store::{Options, Store};

use super::*;
use crate::config::Config;
use crate::connections::{Author, NewConnection};

const AUTHOR: Author<'_> = Author { name: OPERATOR, operator: true };

/// A folder with two authorities, and connections that trust them: one of the file and one of the store the first, another of
/// the store the second, and one of the file nobody of its own.
struct Scene {
    dir: tempfile::TempDir,
    connections: Connections,
}

fn certify(file: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(file, made.cert.pem()).unwrap();
}

impl Scene {
    fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        ["first.pem", "second.pem"].iter().for_each(|name| certify(&dir.path().join(name)));
        let keys = "protocol = 'postgres'\naddress = 'a:1'\ndatabase = 'd'\nusername = 'u'\n";
        let text = format!(
            "[[connection]]\nname = 'written'\n{keys}tls_ca = 'first.pem'\n\
             [[connection]]\nname = 'plain'\n{keys}"
        );
        std::fs::write(dir.path().join("palisade.toml"), text).unwrap();
        let store = Store::open(&dir.path().join("store"), Options::default()).unwrap();
        let trusted = Trusted::new(std::iter::empty::<String>());
        let config = Config::read(&dir.path().join("palisade.toml")).unwrap();
        let connections = Connections::open(&config, &store, trusted).unwrap();
        let scene = Self { dir, connections };
        scene.keep("kept", "first.pem");
        scene.keep("other", "second.pem");
        scene
    }

    fn keep(&self, name: &str, authority: &str) {
        let body = format!(
            r#"{{"name": "{name}", "protocol": "postgres", "address": "a:1", "database": "d",
                "username": "u", "tls_ca": "{}", "replace": true}}"#,
            self.dir.path().join(authority).display()
        );
        let new: NewConnection = serde_json::from_str(&body).unwrap();
        self.connections.add(new, AUTHOR).unwrap();
    }

    fn server(&self, name: &str) -> Arc<Server> {
        self.connections.get(name).unwrap().server
    }

    fn prepared(&self) -> crate::connections::Prepared {
        let config = Config::read(&self.dir.path().join("palisade.toml")).unwrap();
        self.connections.prepare(&config).unwrap()
    }

    fn put(&self, prepared: crate::connections::Prepared) {
        self.connections.begin(prepared).unwrap().put(|| ());
    }
}

#[test]
fn a_connection_whose_authority_is_replaced_is_made_anew_and_no_other() {
    let scene = Scene::new();
    let names = ["written", "kept", "other", "plain"];
    let before = names.map(|name| scene.server(name));
    assert!(!scene.prepared().renews());
    certify(&scene.dir.path().join("first.pem"));
    let prepared = scene.prepared();
    assert!(prepared.renews());
    scene.put(prepared);
    for (name, before) in names.iter().zip(before) {
        let now = scene.server(name);
        let anew = ["written", "kept"].contains(name);
        assert_eq!(!Arc::ptr_eq(&now, &before), anew, "{name}");
        assert!(now.connection.leads_as(&before.connection), "open sessions go on");
    }
    assert!(!scene.prepared().renews(), "it is once");
}

#[test]
fn a_kept_connection_goes_on_where_its_new_authority_is_none() {
    let scene = Scene::new();
    let before = scene.server("other");
    std::fs::write(scene.dir.path().join("second.pem"), "nothing").unwrap();
    let prepared = scene.prepared();
    assert!(!prepared.renews());
    scene.put(prepared);
    assert!(Arc::ptr_eq(&scene.server("other"), &before));
}

#[test]
fn what_was_kept_or_removed_meanwhile_stays_so() {
    let scene = Scene::new();
    certify(&scene.dir.path().join("first.pem"));
    scene.keep("more", "first.pem");
    certify(&scene.dir.path().join("first.pem"));
    let prepared = scene.prepared();
    scene.keep("kept", "second.pem");
    scene.connections.remove("more", AUTHOR).unwrap();
    let replaced = scene.server("kept");
    scene.put(prepared);
    assert!(Arc::ptr_eq(&scene.server("kept"), &replaced));
    assert!(scene.connections.get("more").is_none());
}
