//! A new master key takes over, with the gateway running or not.

use super::kept::add;
use crate::harness::{Gateway, Postgres, Psql, Settings};

const ROLE: &str = "[[role]]\nname = \"everywhere\"\nconnections = [\"*\"]\n";

fn key(folder: &std::path::Path, name: &str, byte: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, byte.repeat(32)).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private).unwrap();
    file.display().to_string()
}

fn name_key(gateway: &Gateway, before: &str, after: &str) {
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(before));
    std::fs::write(file, text.replace(before, after)).unwrap();
}

fn works(gateway: &Gateway) {
    let psql = Psql::new(gateway.port, &gateway.token("agent-7", "everywhere")).user("ledger");
    assert_eq!(psql.query("SELECT 1"), "1");
}

#[test]
fn a_new_master_key_takes_over_while_the_gateway_runs_and_while_it_does_not() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let keys =
        [("a", "a1"), ("b", "b2"), ("c", "c3")].map(|(it, byte)| key(folder.path(), it, byte));
    let more = format!("{ROLE}[vault]\nmaster_key = {{ file = \"{}\" }}\n", keys[0]);
    let mut gateway = Gateway::start(&postgres, Settings { more, ..Settings::default() });
    assert!(add(&gateway, &postgres, "ledger", &[]).ok);
    name_key(&gateway, &keys[0], &keys[1]);
    let rotated = gateway.json(&["vault", "rotate", "--old", &keys[0]]);
    assert_eq!(rotated[0]["secrets"], 1);
    works(&gateway);
    let reloaded = gateway.cli(&["reload"]);
    assert!(reloaded.ok, "the file names the key that seals: {reloaded:?}");
    name_key(&gateway, &keys[1], &keys[2]);
    let refused = gateway.cli(&["reload"]);
    assert!(refused.stderr.contains("[vault] master_key, unless"), "{refused:?}");
    name_key(&gateway, &keys[2], &keys[1]);
    assert!(add(&gateway, &postgres, "second", &[]).ok);
    gateway.kill_and_restart();
    works(&gateway);
    let again = gateway.json(&["vault", "rotate", "--old", &keys[0]]);
    assert_eq!(again[0]["secrets"], 0);
    gateway.kill();
    name_key(&gateway, &keys[1], &keys[2]);
    let wrong = gateway.cli(&["vault", "rotate", "--old", &keys[0]]);
    assert!(wrong.stderr.contains("nothing was changed"), "{}", wrong.stderr);
    let rotated = gateway.json(&["vault", "rotate", "--old", &keys[1]]);
    assert_eq!(rotated[0]["secrets"], 2);
    gateway.restart();
    works(&gateway);
}

#[test]
fn what_a_rotation_left_half_done_is_finished_by_the_next_one() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let keys = [("a", "a1"), ("b", "b2")].map(|(it, byte)| key(folder.path(), it, byte));
    let more = format!("{ROLE}[vault]\nmaster_key = {{ file = \"{}\" }}\n", keys[0]);
    let mut gateway = Gateway::start(&postgres, Settings { more, ..Settings::default() });
    assert!(add(&gateway, &postgres, "ledger", &[]).ok);
    gateway.kill();
    name_key(&gateway, &keys[0], &keys[1]);
    gateway.restart();
    // One record takes the new key and one the old, as after a rotation that was killed between them.
    assert!(add(&gateway, &postgres, "second", &[]).ok);
    let psql =
        |name: &str| Psql::new(gateway.port, &gateway.token("agent-7", "everywhere")).user(name);
    assert_eq!(psql("second").query("SELECT 1"), "1");
    let error = psql("ledger").error("SELECT 1");
    assert!(error.contains("no session at the server"), "{error}");
    let rotated = gateway.json(&["vault", "rotate", "--old", &keys[0]]);
    assert_eq!(rotated[0]["secrets"], 1);
    for name in ["ledger", "second"] {
        assert_eq!(psql(name).query("SELECT 1"), "1", "{name}");
    }
}

#[test]
fn a_master_key_that_others_can_read_is_refused() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let file = key(folder.path(), "a", "a1");
    let more = format!("{ROLE}[vault]\nmaster_key = {{ file = \"{file}\" }}\n");
    let mut gateway = Gateway::start(&postgres, Settings { more, ..Settings::default() });
    gateway.kill();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, open).unwrap();
    let refused = gateway.cli(&["serve"]);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("a1a1"));
}
