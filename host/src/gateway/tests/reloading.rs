//! What a reload puts in force together, and which open sessions go on.

use super::*;
use crate::door::{Arrival, Door, Opened};

/// Writes something else into the configuration.
fn rewrite(gateway: &Gateway, from: &str, to: &str) {
    let settings = gateway.settings.load_full();
    let text = std::fs::read_to_string(&settings.config.file).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(&settings.config.file, text.replacen(from, to, 1)).unwrap();
}

/// A policy file that the configuration names from now on.
fn name_policies(fixture: &Fixture, policies: &str) {
    std::fs::write(fixture._dir.path().join("p.toml"), policies).unwrap();
    let named = "administers = true\n[policies]\nfiles = [\"p.toml\"]\n";
    rewrite(&fixture.gateway, "administers = true\n", named);
}

fn open(door: &Door, key: &SigningKey, connection: &str) -> Opened {
    let issued = issue(key, &grant("agent", "agent"), clock::now_seconds()).unwrap();
    let arrival = Arrival { connection, token: issued.token.expose(), client: CLIENT };
    let standing = door.identify(arrival).unwrap();
    door.open(arrival, standing).unwrap()
}

fn told(opened: &Opened) -> Option<String> {
    opened.ends.borrow().clone().map(|ending| ending.reason)
}

const REPLACED: &str = "the connection was replaced by another of its name";

#[test]
fn a_session_ends_when_its_connection_leads_elsewhere_and_goes_on_when_its_labels_change() {
    let user = "username = \"x\"\n";
    for (from, to, ends) in [
        ("127.0.0.1:1", "127.0.0.1:2", true),
        ("database = \"x\"", "database = \"y\"", true),
        (user, "username = \"y\"\n", true),
        (user, "username = \"x\"\ntls = \"require\"\n", true),
        (user, "username = \"x\"\nlabels = { env = \"staging\" }\n", false),
        (user, "username = \"x\"\npassword = { env = \"PATH\" }\n", false),
    ] {
        let Fixture { gateway, key, _dir } = fixture();
        let door = Door { gateway: Arc::new(gateway), protocol: "postgres" };
        let opened = open(&door, &key, "orders");
        rewrite(&door.gateway, from, to);
        assert!(door.gateway.reload("ada").unwrap().is_some());
        assert_eq!(told(&opened).as_deref(), ends.then_some(REPLACED), "{to}");
        let labels = opened.gate.exchange().get().target.labels.len();
        assert_eq!(labels, usize::from(to.contains("labels")), "{to}");
    }
}

#[test]
fn a_session_with_tools_ends_when_what_is_believed_of_them_changes_at_any_of_its_servers() {
    const TOOLS: &str = r#"
[listen]
http = "127.0.0.1:0"
[[connection]]
name = "files"
protocol = "mcp"
command = ["true"]
[[connection]]
name = "wiki"
protocol = "mcp"
command = ["true"]
[[connection]]
name = "all"
protocol = "mcp"
servers = ["files", "wiki"]
[[role]]
name = "agent"
connections = ["*"]
"#;
    let files = "name = \"files\"\n";
    for (from, to, ended) in [
        (files, "name = \"files\"\nreads = [\"list_*\"]\n", &["files", "all"][..]),
        (files, "name = \"files\"\nnew_tools = \"hold\"\n", &["files", "all"]),
        (files, "name = \"files\"\nlabels = { env = \"staging\" }\n", &[]),
        ("[\"files\", \"wiki\"]", "[\"files\"]", &["all"]),
    ] {
        let Fixture { gateway, key, _dir } = fixture_of(TOOLS);
        let door = Door { gateway: Arc::new(gateway), protocol: "mcp" };
        let sessions = ["files", "wiki", "all"].map(|name| (name, open(&door, &key, name)));
        rewrite(&door.gateway, from, to);
        assert!(door.gateway.reload("ada").unwrap().is_some());
        let over = |(name, opened): &(&'static str, Opened)| {
            told(opened).map(|reason| {
                assert_eq!(reason, REPLACED, "{to}");
                *name
            })
        };
        let over: Vec<_> = sessions.iter().filter_map(over).collect();
        assert_eq!(over, ended, "{to}");
    }
}

#[test]
fn a_reload_that_fails_late_leaves_policies_connections_and_roles_as_they_were() {
    let fixture = fixture();
    let gateway = &fixture.gateway;
    let in_force = || {
        let version = gateway.gate.policies().version;
        (version, gateway.connections.names(), gateway.settings.load().config.hash.clone())
    };
    let before = in_force();
    name_policies(&fixture, "[[use]]\nplugin = 'sql-guard'\n");
    rewrite(gateway, "name = \"billing\"", "name = \"payments\"");
    // The first connection of the store is none any more: whoever reads it fails.
    let broken = gateway.store.collection::<u8>("connections").unwrap();
    broken.put("z", &0).unwrap();
    assert!(gateway.reload("ada").is_err());
    assert_eq!(in_force(), before);
    let changes = gateway.changes.newest("configuration", 9).unwrap();
    assert!(changes.iter().all(|change| change["problem"].is_string()), "{changes:?}");
    broken.remove("z").unwrap();
    assert!(gateway.reload("ada").unwrap().is_some());
    let (version, names, hash) = in_force();
    assert!(version > before.0 && hash != before.2);
    assert_eq!(names, ["orders", "payments"]);
}

#[test]
fn a_reload_says_what_looks_wrong_and_knows_the_connections_of_the_store() {
    let fixture = fixture();
    let kept = r#"{"name": "kept", "protocol": "postgres", "address": "127.0.0.1:1", "database": "d", "username": "u"}"#;
    let author = Author { name: OPERATOR, operator: true };
    fixture.gateway.connections.add(serde_json::from_str(kept).unwrap(), author).unwrap();
    let policies = "[[use]]\nplugin = 'sql-guard'\n\
        on = { connections = ['orders', 'kept', 'bilings'], roles = ['agen'] }\n";
    name_policies(&fixture, policies);
    let told = fixture.gateway.reload("ada").unwrap().unwrap();
    let told: Vec<_> = told["warnings"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("no role is called `agen`") && told[0].contains("`agent`"),
        "{told:?}"
    );
    assert!(
        told[1].contains("no connection is called `bilings`") && told[1].contains("`billing`"),
        "{told:?}"
    );
    assert!(told.iter().all(|warning| warning.contains("p.toml:2:")), "{told:?}");
}
