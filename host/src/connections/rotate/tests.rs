use std::os::unix::fs::PermissionsExt;

use palisade_identity::{Credential, OPERATOR};
use palisade_postgres::Trusted;
use palisade_store::{Options, Store};
use palisade_vault::{Owner, Place};

use super::*;
use crate::config::Config;
use crate::connections::NewConnection;
use crate::connections::stored::Kept;

const NAMES: [&str; 3] = ["a", "b", "c"];
const AUTHOR: Author<'_> = Author { name: OPERATOR, operator: true };

/// A folder with two master keys and a configuration that names one of them.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for (name, byte) in [("old.key", "a1"), ("new.key", "b2")] {
            let file = scene.0.path().join(name);
            std::fs::write(&file, byte.repeat(32)).unwrap();
            std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
        }
        scene
    }

    fn key(&self, name: &str) -> MasterKey {
        keys::read(&self.reference(name)).unwrap()
    }

    fn reference(&self, name: &str) -> Reference {
        Reference::to(Place::Local(Credential::File(self.0.path().join(name))))
    }

    fn rotation(&self) -> Rotation {
        Rotation { new: self.reference("new.key"), old: self.reference("old.key") }
    }

    /// The connections, as a gateway that starts on this key finds them.
    fn open(&self, key: &str) -> Connections {
        let file = self.0.path().join("palisade.toml");
        let key = self.0.path().join(key);
        let text = format!("[vault]\nmaster_key = {{ file = \"{}\" }}\n", key.display());
        std::fs::write(&file, text).unwrap();
        let store = Store::open(&self.0.path().join("store"), Options::default()).unwrap();
        let trusted = Trusted::new(std::iter::empty::<String>());
        Connections::open(&Config::read(&file).unwrap(), &store, trusted).unwrap()
    }

    /// How many secrets open by the new key; the others must by the old one.
    fn opened_by_new(&self, connections: &Connections) -> usize {
        let (old, new) = (self.key("old.key"), self.key("new.key"));
        let stored = connections.documents.list().unwrap();
        assert_eq!(stored.len(), NAMES.len());
        let opened = stored.into_iter().filter(|(name, stored)| {
            let Some(Kept::Sealed(sealed)) = &stored.password else { panic!("{name} has none") };
            let owner = Owner { name, version: stored.version };
            let by = |key| sealed.open(owner, key).ok();
            let (by_old, by_new) = (by(&old), by(&new));
            assert!(by_old.is_some() != by_new.is_some(), "{name} opens by one of them");
            let secret = by_old.as_ref().or(by_new.as_ref()).map(|it| it.expose().clone());
            assert_eq!(secret, Some(format!("secret of {name}")));
            by_new.is_some()
        });
        opened.count()
    }
}

fn add(connections: &Connections, name: &str) {
    let body = format!(
        r#"{{"name": "{name}", "protocol": "postgres", "address": "127.0.0.1:1", "database": "d",
            "username": "u", "password": "secret of {name}"}}"#
    );
    let new: NewConnection = serde_json::from_str(&body).unwrap();
    connections.add(new, AUTHOR).unwrap();
}

/// A rotation that ends after so many records, and everything with it.
fn broken_off(scene: &Scene, after: usize) {
    let connections = scene.open("old.key");
    NAMES.iter().for_each(|name| add(&connections, name));
    let moved = connections.moved(&scene.key("old.key"), &scene.key("new.key")).unwrap();
    assert_eq!(moved.len(), NAMES.len());
    for stored in moved.iter().take(after) {
        connections.documents.put(&stored.name, stored).unwrap();
    }
}

#[test]
fn wherever_a_rotation_breaks_off_every_secret_opens_and_a_second_one_finishes_it() {
    for after in 0..=NAMES.len() {
        let scene = Scene::new();
        broken_off(&scene, after);
        let connections = scene.open("new.key");
        assert_eq!(scene.opened_by_new(&connections), after);
        let done = connections.rotate(&scene.rotation(), AUTHOR).unwrap();
        assert_eq!(done["secrets"], NAMES.len() - after);
        assert_eq!(scene.opened_by_new(&connections), NAMES.len());
        drop(connections);
        let connections = scene.open("new.key");
        let again = connections.rotate(&scene.rotation(), AUTHOR).unwrap();
        assert_eq!(again["secrets"], 0, "there is nothing left to do");
    }
}

#[test]
fn a_gateway_that_still_has_the_old_key_finishes_a_rotation_as_well() {
    let scene = Scene::new();
    broken_off(&scene, 1);
    let connections = scene.open("old.key");
    let done = connections.rotate(&scene.rotation(), AUTHOR).unwrap();
    assert_eq!(done["secrets"], NAMES.len() - 1);
    assert_eq!(scene.opened_by_new(&connections), NAMES.len());
    add(&connections, "a-later-one");
    let stored = connections.documents.get("a-later-one").unwrap().unwrap();
    let Some(Kept::Sealed(sealed)) = stored.password else { panic!("it has none") };
    assert_eq!(sealed.key, scene.key("new.key").id(), "what is added is sealed by the new key");
}

#[test]
fn a_connection_whose_secret_was_rotated_leads_where_it_did() {
    let scene = Scene::new();
    let connections = scene.open("old.key");
    add(&connections, "a");
    let destination = || connections.destination(&connections.get("a").unwrap());
    let before = destination();
    connections.rotate(&scene.rotation(), AUTHOR).unwrap();
    assert!(before.leads_as(&destination()));
}
