//! What the configuration says of roles and connections changes while the gateway runs, open sessions included.

use crate::harness::{Gateway, Interactive, Outcome, Postgres, Psql, Settings, until};

fn start(settings: Settings) -> (Postgres, Gateway) {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, settings);
    (postgres, gateway)
}

/// Writes something else into the configuration.
fn change(gateway: &Gateway, from: &str, to: &str) {
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

fn reload(gateway: &Gateway) -> Outcome {
    gateway.cli(&["reload"])
}

/// An agent's session in which this text runs.
fn running(gateway: &Gateway, agent: &Psql, text: &str) -> Interactive {
    let mut session = agent.interactive();
    session.say(text);
    gateway.wait_for_a_first_command();
    session
}

fn the_last_commands_of_the_record(gateway: &Gateway) -> Vec<String> {
    let events = gateway.events();
    let texts = events.iter().filter_map(|event| event["text"].as_str());
    texts.map(str::to_owned).collect()
}

const AGENT: &str = "name = \"support-agent\"\nconnections = [\"orders\"]";

#[test]
fn a_session_whose_role_is_taken_away_finishes_its_command_and_begins_no_other() {
    let (_postgres, gateway) = start(Settings::policy(""));
    let agent = gateway.agent();
    let mut session = running(&gateway, &agent, "SELECT 'last', pg_sleep(3);");
    change(&gateway, AGENT, "name = \"support-agent\"\nconnections = [\"payments\"]");
    let reloaded = reload(&gateway);
    assert!(reloaded.stdout.contains("1 open session may no longer go on"), "{reloaded:?}");
    session.say("SELECT 'another';");
    let outcome = session.end();
    assert!(outcome.stdout.contains("last|"), "{outcome:?}");
    assert!(!outcome.stdout.contains("another"), "{outcome:?}");
    assert!(
        outcome.stderr.contains("57P01")
            && outcome.stderr.contains("access to this connection was withdrawn"),
        "{outcome:?}"
    );
    assert_eq!(the_last_commands_of_the_record(&gateway), ["SELECT 'last', pg_sleep(3);"]);
    let error = agent.error("SELECT 1");
    assert!(error.contains("access to connection \"orders\" is refused"), "{error}");
    assert_eq!(agent.user("payments").query("SELECT 1"), "1");
}

#[test]
fn a_session_that_may_only_read_from_now_on_ends_and_the_next_one_reads() {
    let (postgres, gateway) = start(Settings::policy(""));
    let agent = gateway.agent();
    let mut session = running(&gateway, &agent, "SELECT 1;");
    change(&gateway, AGENT, &format!("{AGENT}\nread_only = [\"*\"]"));
    assert!(reload(&gateway).ok);
    session.say("SELECT 2;");
    let outcome = session.end();
    assert!(outcome.stderr.contains("was narrowed to reading"), "{outcome:?}");
    let error = agent.error("DELETE FROM orders");
    assert!(error.contains("gateway.read-only"), "{error}");
    assert_eq!(agent.query("SHOW transaction_read_only"), "on");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[test]
fn a_session_that_only_read_ends_when_it_may_write_and_the_next_one_writes() {
    let (postgres, gateway) = start(Settings::policy(""));
    let agent = gateway.agent();
    let reading = format!("{AGENT}\nread_only = [\"*\"]");
    change(&gateway, AGENT, &reading);
    assert!(reload(&gateway).ok);
    let mut session = running(&gateway, &agent, "SHOW transaction_read_only;");
    change(&gateway, &reading, AGENT);
    assert!(reload(&gateway).ok);
    session.say("SELECT 'another';");
    let outcome = session.end();
    assert!(!outcome.stdout.contains("another"), "{outcome:?}");
    assert!(outcome.stderr.contains("was widened to writing"), "{outcome:?}");
    agent.query("DELETE FROM orders WHERE id = 1");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "99");
}

#[test]
fn a_session_at_a_server_that_its_connection_has_left_is_not_judged_by_the_new_ones_labels() {
    let policy = "[[use]]\nplugin = \"sql-guard\"\non = { labels = { env = \"prod\" } }\n[use.config]\n\
        deny = [\"delete\"]\n";
    let (postgres, gateway) = start(Settings::policy(policy));
    let agent = gateway.agent();
    let mut session = running(&gateway, &agent, "SELECT 'before';");
    change(&gateway, &format!("127.0.0.1:{}", postgres.port), "127.0.0.1:1");
    change(&gateway, "labels = { env = \"prod\" }", "labels = { env = \"staging\" }");
    let reloaded = reload(&gateway);
    assert!(reloaded.stdout.contains("1 open session may no longer go on"), "{reloaded:?}");
    session.say("DELETE FROM orders;");
    let outcome = session.end();
    assert!(outcome.stderr.contains("replaced by another of its name"), "{outcome:?}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[test]
fn a_session_whose_connections_labels_change_goes_on_and_is_judged_by_them() {
    let policy = "[[use]]\nplugin = \"sql-guard\"\non = { labels = { env = \"staging\" } }\n[use.config]\n\
        deny = [\"delete\"]\n";
    let (postgres, gateway) = start(Settings::policy(policy));
    let mut session = running(&gateway, &gateway.agent(), "SELECT 'before';");
    change(&gateway, "labels = { env = \"prod\" }", "labels = { env = \"staging\" }");
    assert!(reload(&gateway).ok);
    session.say("DELETE FROM orders;");
    session.say("SELECT 'after';");
    let outcome = session.end();
    assert!(outcome.stderr.contains("42501") && outcome.stdout.contains("after"), "{outcome:?}");
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "100");
}

#[test]
fn a_reload_says_what_looks_wrong() {
    let (_postgres, gateway) = start(Settings::policy(""));
    let policy = "[[use]]\nplugin = \"sql-guard\"\non = { roles = [\"suport-agent\"] }\n";
    std::fs::write(gateway.folder.path().join("policy.toml"), policy).unwrap();
    let reloaded = reload(&gateway);
    assert!(reloaded.ok && reloaded.stdout.contains("in force"), "{reloaded:?}");
    assert_eq!(reloaded.stderr.lines().count(), 1, "{reloaded:?}");
    assert!(reloaded.stderr.starts_with("warning: "), "{reloaded:?}");
    assert!(reloaded.stderr.contains("no role is called `suport-agent`"), "{reloaded:?}");
    assert!(gateway.log().contains("no role is called `suport-agent`"));
}

#[test]
fn what_changes_nothing_for_a_session_leaves_it_alone() {
    let (_postgres, gateway) = start(Settings::policy(""));
    let mut session = running(&gateway, &gateway.agent(), "SELECT 'before';");
    assert!(reload(&gateway).stdout.contains("nothing changed"));
    change(&gateway, AGENT, &format!("{AGENT}\naudits = [\"orders\"]"));
    let reloaded = reload(&gateway);
    assert!(reloaded.stdout.contains("in force") && !reloaded.stdout.contains("no longer"));
    session.say("SELECT 'after';");
    let outcome = session.end();
    assert!(outcome.stdout.contains("before") && outcome.stdout.contains("after"), "{outcome:?}");
}

#[test]
fn connections_of_the_file_come_and_go_without_a_restart() {
    let (postgres, gateway) = start(Settings::policy(""));
    let agent = gateway.agent();
    let mut session = running(&gateway, &agent, "SELECT 1;");
    let (port, now) = (postgres.port, "\"archive\"");
    let archive = format!(
        "[[connection]]\nname = {now}\nprotocol = \"postgres\"\naddress = \"127.0.0.1:{port}\"\n\
         database = \"orders\"\nusername = \"svc_orders\"\npassword = {{ env = \"ORDERS_PASSWORD\" }}\n\
         tls = \"disable\"\n[policies]"
    );
    change(&gateway, "[policies]", &archive);
    change(&gateway, AGENT, &AGENT.replace("[\"orders\"]", "[\"archive\"]"));
    change(&gateway, "name = \"orders\"", "name = \"elsewhere\"");
    change(&gateway, "connections = [\"orders\"]", "connections = [\"elsewhere\"]");
    let reloaded = reload(&gateway);
    assert!(reloaded.ok, "{reloaded:?}");
    assert_eq!(agent.user("archive").query("SELECT 1"), "1");
    session.say("SELECT 2;");
    let outcome = session.end();
    assert!(outcome.stderr.contains("was withdrawn"), "{outcome:?}");
}

#[test]
fn a_configuration_that_is_wrong_or_needs_a_restart_changes_nothing() {
    let (_postgres, gateway) = start(Settings::policy(""));
    let agent = gateway.agent();
    change(&gateway, "administers = true", "administers = 3");
    let refused = reload(&gateway);
    assert!(!refused.ok && refused.stderr.contains("palisade.toml"), "{refused:?}");
    change(&gateway, "administers = 3", "administers = true");
    change(&gateway, "insecure = false", "insecure = true");
    change(&gateway, AGENT, "name = \"support-agent\"\nconnections = []");
    let refused = reload(&gateway);
    assert!(refused.stderr.contains("needs a restart: [listen]"), "{refused:?}");
    assert_eq!(agent.query("SELECT 1"), "1");
    let nobody = gateway.cli_as(&gateway.token("agent-7", "support-agent"), &["reload"]);
    assert!(nobody.stderr.contains("administers = true"), "{nobody:?}");
}

#[test]
fn the_configuration_is_taken_up_where_it_is_watched() {
    let (_postgres, gateway) = start(Settings { watch: true, ..Settings::policy("") });
    let agent = gateway.agent();
    let payments = agent.clone().user("payments");
    assert!(payments.error("SELECT 1").contains("is refused"));
    change(&gateway, AGENT, "name = \"support-agent\"\nconnections = [\"payments\"]");
    until("the new role", || payments.run(&["SELECT 1"]).ok.then_some(()));
    assert!(agent.error("SELECT 1").contains("is refused"));
}
