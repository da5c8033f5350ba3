//! Files that are replaced under their paths, such as certificates that are renewed: a reload takes up what is in them.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Authority, Certificate, Gateway, Postgres, Psql, Settings, run, until};

/// A gateway that shows a certificate of the operator's, to clients of PostgreSQL and of HTTP.
struct Front {
    files: TempDir,
    gateway: Gateway,
    /// Its token is from a time when the configuration was good.
    agent: Psql,
    _postgres: Postgres,
}

fn put(folder: &Path, shown: &Certificate) {
    std::fs::write(folder.join("front.pem"), &shown.certificate).unwrap();
    std::fs::write(folder.join("front.key"), &shown.key).unwrap();
}

impl Front {
    fn of(authority: &Authority, watch: bool) -> Self {
        let files = TempDir::new().unwrap();
        put(files.path(), &authority.vouch("127.0.0.1"));
        let at = files.path().display();
        let more = format!("[tls]\ncertificate = \"{at}/front.pem\"\nkey = \"{at}/front.key\"\n");
        let listen = "http = \"127.0.0.1:0\"".to_owned();
        let postgres = Postgres::start();
        let settings = Settings { more, listen, watch, ..Settings::policy("") };
        let gateway = Gateway::start(&postgres, settings);
        let agent = gateway.agent();
        Self { files, gateway, agent, _postgres: postgres }
    }

    /// Whether a client of PostgreSQL that trusts nobody but this authority comes through.
    fn lets_in(&self, authority: &Authority) -> bool {
        let agent = self.agent.clone().sslmode("verify-ca");
        let agent = agent.option("PGSSLROOTCERT", authority.file().to_str().unwrap());
        agent.run(&["SELECT 1"]).ok
    }

    /// The same of clients of both.
    fn is_trusted_by(&self, authority: &Authority) -> bool {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "30", "--cacert"]).arg(authority.file());
        let curl = run(curl.arg(format!("https://{}/", self.gateway.address("http"))));
        assert_eq!(curl.ok, self.lets_in(authority), "{curl:?}");
        curl.ok
    }
}

#[test]
fn a_certificate_that_is_renewed_is_shown_after_a_reload_and_open_sessions_go_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let front = Front::of(&old, false);
    assert!(front.is_trusted_by(&old) && !front.is_trusted_by(&new));
    let mut session = front.agent.interactive();
    session.say("SELECT 'before';");
    front.gateway.wait_for_a_first_command();
    assert!(front.gateway.cli(&["reload"]).stdout.contains("nothing changed"));
    put(front.files.path(), &new.vouch("127.0.0.1"));
    assert!(!front.is_trusted_by(&new), "nobody said so yet");
    let reloaded = front.gateway.cli(&["reload"]);
    assert!(reloaded.ok && reloaded.stdout.contains("in force"), "{reloaded:?}");
    assert!(front.is_trusted_by(&new) && !front.is_trusted_by(&old));
    session.say("SELECT 'after';");
    let outcome = session.end();
    assert!(outcome.stdout.contains("before") && outcome.stdout.contains("after"), "{outcome:?}");
}

#[test]
fn a_certificate_without_its_key_changes_nothing_and_is_shown_once_both_are_there() {
    let (old, new) = (Authority::new(), Authority::new());
    let front = Front::of(&old, true);
    let renewed = new.vouch("127.0.0.1");
    std::fs::write(front.files.path().join("front.pem"), &renewed.certificate).unwrap();
    until("the refusal", || front.gateway.log().contains("was refused").then_some(()));
    assert!(front.is_trusted_by(&old));
    std::fs::write(front.files.path().join("front.key"), &renewed.key).unwrap();
    // Nobody but a watching gateway reads it now.
    until("the new certificate", || front.lets_in(&new).then_some(()));
}

#[test]
fn what_a_refused_configuration_misses_is_taken_up_when_it_comes() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings { watch: true, ..Settings::policy("") });
    let payments = gateway.agent().user("payments");
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let role = "name = \"support-agent\"\nconnections = [\"orders\"]";
    let text = text.replace(role, &role.replace("orders", "payments"));
    let tls = "tls = \"disable\"\n";
    assert!(text.contains(tls) && text.contains("[\"payments\"]"), "{text}");
    std::fs::write(&file, text.replace(tls, &format!("{tls}tls_ca = \"later.pem\"\n"))).unwrap();
    until("the refusal", || gateway.log().contains("cannot read the tls_ca").then_some(()));
    assert!(payments.error("SELECT 1").contains("is refused"));
    std::fs::copy(Authority::new().file(), gateway.folder.path().join("later.pem")).unwrap();
    until("the new role", || payments.run(&["SELECT 1"]).ok.then_some(()));
}
