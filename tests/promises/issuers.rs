//! Tokens of an OpenID provider that the gateway is told of.
#![cfg_attr(not(have_npm), allow(dead_code, unused_imports, reason = "the provider needs npm"))]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::harness::{Gateway, Postgres, Provider, Psql, Settings, until};

/// Roles for the agents of a provider.
fn settings(provider: &Provider) -> Settings {
    let more = format!(
        r#"
[[issuer]]
name = "corp"
url = "{}"
audience = ["urn:palisade"]
groups = "realm.groups"
longest_seconds = 3600
client_id = "palisade-cli"
[[role]]
name = "corp-agent"
labels = {{ env = "prod" }}
[[role.given]]
issuer = "corp"
subjects = ["nobody"]
[[role.given]]
issuer = "corp"
groups = ["agents"]
claims = {{ client_id = "agent-*" }}
"#,
        provider.url()
    );
    Settings { more, ..Settings::default() }
}

fn start() -> (Postgres, Provider, Gateway) {
    let (postgres, provider) = (Postgres::start(), Provider::start());
    let gateway = Gateway::start(&postgres, settings(&provider));
    (postgres, provider, gateway)
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn a_providers_token_opens_what_rules_give_it() {
    let (_postgres, provider, gateway) = start();
    let token = provider.token("agent-7", "urn:palisade");
    let agent = Psql::new(gateway.port, &token);
    assert_eq!(agent.query("SELECT current_user"), "svc_orders");
    let error = agent.user("payments").error("SELECT 1");
    assert!(error.contains("access to connection \"payments\" is refused"), "{error}");
    let sessions = gateway.json(&["sessions", "list"]);
    let open = sessions.iter().find(|session| session["state"] == "ended").unwrap();
    assert_eq!(open["subject"], "agent-7");
    assert_eq!(open["issuer"], provider.url());
    assert_eq!(open["roles"], serde_json::json!(["corp-agent"]));
    let kept = gateway.everything_kept();
    let signature = token.rsplit('.').next().unwrap();
    assert!(!kept.contains(signature), "the token is kept");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn what_a_providers_token_says_of_its_roles_counts_for_nothing() {
    let (_postgres, provider, gateway) = start();
    // It claims to be an administrator.
    let token = provider.token("agent-7", "urn:palisade");
    let outcome = gateway.cli_as(&token, &["plugins", "list"]);
    assert!(!outcome.ok && outcome.stderr.contains("administers = true"), "{outcome:?}");
    assert!(gateway.cli_as(&token, &["sessions", "list"]).ok, "it is somebody nevertheless");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn a_providers_token_that_is_not_for_the_gateway_is_refused() {
    let (_postgres, provider, gateway) = start();
    let good = provider.token("agent-7", "urn:palisade");
    let (head, _) = good.rsplit_once('.').unwrap();
    let cases = [
        ("no rule names it", provider.token("stranger", "urn:palisade"), "no role of the token"),
        ("another audience", provider.token("agent-7", "urn:other"), "audience"),
        ("an unlisted algorithm", provider.token("agent-7", "urn:unlisted"), "not listed"),
        ("too long a life", provider.token("agent-7", "urn:long"), "longer than allowed"),
        ("a changed signature", format!("{head}.{}", "A".repeat(342)), "forged"),
    ];
    for (case, token, cause) in cases {
        let error = Psql::new(gateway.port, &token).error("SELECT 1");
        assert!(error.contains("access to connection \"orders\" is refused"), "{case}: {error}");
        assert!(gateway.log().contains(cause), "{case}");
    }
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn a_session_ends_with_its_providers_token() {
    let (_postgres, provider, gateway) = start();
    let token = provider.token("agent-7", "urn:short");
    let outcome =
        Psql::new(gateway.port, &token).run(&["SELECT 'before', pg_sleep(4)", "SELECT 'after'"]);
    assert!(outcome.stdout.contains("before"), "{outcome:?}");
    assert!(!outcome.stdout.contains("after"), "{outcome:?}");
    assert!(outcome.stderr.contains("token's time is over"), "{outcome:?}");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn keys_outlive_the_provider_and_new_ones_are_found_when_it_is_back() {
    let (_postgres, mut provider, gateway) = start();
    let token = provider.token("agent-7", "urn:palisade");
    let before = Psql::new(gateway.port, &token);
    assert_eq!(before.query("SELECT 1"), "1");
    provider.stop();
    assert_eq!(before.query("SELECT 2"), "2", "its keys are kept");
    provider.restart();
    let token = provider.token("agent-7", "urn:palisade");
    let after = Psql::new(gateway.port, &token);
    // Nothing is fetched for a few seconds after a fetch.
    until("the new keys", || after.run(&["SELECT 3"]).ok.then_some(()));
    let error = before.error("SELECT 4");
    assert!(error.contains("is refused"), "the old key is gone: {error}");
    assert!(gateway.log().contains("not in its issuer's key set"), "{}", gateway.log());
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn a_provider_that_is_not_there_lets_nobody_in_and_keeps_nobody_else_out() {
    let (_postgres, mut provider, gateway) = start();
    let token = provider.token("agent-7", "urn:palisade");
    provider.stop();
    let error = Psql::new(gateway.port, &token).error("SELECT 1");
    assert!(error.contains("is refused"), "{error}");
    assert!(gateway.log().contains("keys cannot be had"), "{}", gateway.log());
    assert_eq!(gateway.agent().query("SELECT 1"), "1");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn which_rule_gives_a_token_its_role_is_told_and_what_another_lacks() {
    let (_postgres, provider, gateway) = start();
    let explain = |client: &str| {
        let token = provider.token(client, "urn:palisade");
        let told = gateway.cli_as(&token, &["explain", "--connection", "orders"]);
        assert!(told.ok, "{told:?}");
        told.stdout
    };
    let agent = explain("agent-7");
    assert!(agent.contains("read and write") && agent.contains("given by rule 2"), "{agent}");
    let stranger = explain("stranger");
    assert!(stranger.contains("no role of the token reaches it"), "{stranger}");
    assert!(stranger.contains("rule 1: the subject is none of: nobody"), "{stranger}");
    assert!(stranger.contains("rule 2: no group is one of: agents"), "{stranger}");
    assert!(stranger.contains("the claim `client_id` is not `agent-*`"), "{stranger}");
    let can = gateway.cli(&["who-can", "orders"]).stdout;
    assert!(can.contains("by rule 2: of corp, group agents, client_id = agent-*"), "{can}");
}

/// Writes something else into the configuration, and has it taken up.
fn reconfigure(gateway: &Gateway, from: &str, to: &str) {
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
    let reloaded = gateway.cli(&["reload"]);
    assert!(reloaded.ok, "{reloaded:?}");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn roles_that_rules_give_and_issuers_change_for_open_sessions() {
    let (postgres, mut provider) = (Postgres::start(), Provider::start());
    let policy = "[[use]]\nplugin = \"sql-guard\"\non = { roles = [\"watched\"] }\n[use.config]\nread_only = [\"*\"]\n";
    let mut settings = Settings { policy: Some(policy.to_owned()), ..settings(&provider) };
    settings.more.push_str("[[role]]\nname = \"watched\"\n");
    let gateway = Gateway::start(&postgres, settings);
    let token = provider.token("agent-7", "urn:palisade");
    let agent = Psql::new(gateway.port, &token);
    let mut session = agent.interactive();
    session.say("DELETE FROM orders WHERE id = 1;");
    let ran = |count: u64| {
        until("the command", || {
            let sessions = gateway.json(&["sessions", "list"]);
            let ran = |it: &serde_json::Value| it["commands"].as_u64() >= Some(count);
            sessions.iter().any(|it| ran(it) && it["state"] == "open").then_some(())
        });
    };
    ran(1);
    let watched = "name = \"watched\"";
    let rule = "[[role.given]]\nissuer = \"corp\"\nsubjects = [\"agent-*\"]";
    // Nothing is fetched for it anew: the issuer is as it was.
    provider.stop();
    reconfigure(&gateway, watched, &format!("{watched}\n{rule}"));
    session.say("DELETE FROM orders WHERE id = 2;");
    session.say("SELECT 'reads on';");
    ran(3);
    assert_eq!(agent.query("SELECT 1"), "1", "its keys are kept");
    reconfigure(&gateway, "audience = [\"urn:palisade\"]", "audience = [\"urn:elsewhere\"]");
    session.say("SELECT 'not any more';");
    let outcome = session.end();
    assert!(outcome.stderr.contains("42501"), "the new role is judged by: {outcome:?}");
    assert!(outcome.stdout.contains("reads on"), "{outcome:?}");
    assert!(!outcome.stdout.contains("not any more"), "{outcome:?}");
    assert!(outcome.stderr.contains("settings for the token's issuer changed"), "{outcome:?}");
    assert!(agent.error("SELECT 1").contains("is refused"));
    assert_eq!(postgres.direct("SELECT count(*) FROM orders"), "99");
}

/// A file with a token in it.
fn file(gateway: &Gateway, name: &str, token: &str) -> String {
    let path = gateway.folder.path().join(name);
    std::fs::write(&path, token).unwrap();
    path.display().to_string()
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn an_agent_acts_for_a_person_by_exchange() {
    let (_postgres, provider, gateway) = start();
    let person = file(&gateway, "person", &provider.token("agent-1", "urn:palisade"));
    let agent = file(&gateway, "agent", &provider.token("agent-7", "urn:palisade"));
    let exchanged = gateway.cli(&["token", "--exchange", &person, "--actor", &agent]);
    assert!(exchanged.ok, "{exchanged:?}");
    let psql = Psql::new(gateway.port, exchanged.stdout.trim());
    assert_eq!(psql.query("SELECT 1"), "1");
    let session = gateway.json(&["sessions", "list"]).remove(0);
    assert_eq!(
        (&session["subject"], &session["acting_for"]),
        (&"agent-7".into(), &"agent-1".into())
    );
    assert_eq!(session["issuer"], provider.url());
    let stranger = file(&gateway, "stranger", &provider.token("stranger", "urn:palisade"));
    let exchanged = gateway.cli(&["token", "--exchange", &person, "--actor", &stranger]);
    let psql = Psql::new(gateway.port, exchanged.stdout.trim());
    assert!(psql.error("SELECT 1").contains("is refused"), "no role is given by one alone");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn a_subject_of_one_issuer_is_revoked_and_its_namesake_is_not() {
    let (_postgres, provider, mut gateway) = start();
    let foreign = Psql::new(gateway.port, &provider.token("agent-7", "urn:palisade"));
    let exchanged = |actor: &str| {
        let person = file(&gateway, "person", &provider.token("agent-7", "urn:palisade"));
        let actor = file(&gateway, "actor", &provider.token(actor, "urn:palisade"));
        let given = gateway.cli(&["token", "--exchange", &person, "--actor", &actor]);
        Psql::new(gateway.port, given.stdout.trim())
    };
    let acting = exchanged("agent-1");
    for psql in [&foreign, &acting, &gateway.agent()] {
        assert_eq!(psql.query("SELECT 1"), "1");
    }
    let own = gateway.agent();
    let wrong = gateway.cli(&["tokens", "revoke", "--subject", "agent-7", "--issuer", "https://x"]);
    assert!(wrong.stderr.contains(&provider.url()), "which there are: {wrong:?}");
    assert_eq!(foreign.query("SELECT 1"), "1");
    let revoke = ["tokens", "revoke", "--subject", "agent-7", "--issuer", &provider.url()];
    assert!(gateway.cli(&revoke).ok);
    for psql in [&foreign, &acting] {
        assert!(psql.error("SELECT 1").contains("is refused"));
    }
    assert_eq!(own.query("SELECT 1"), "1", "its namesake is somebody else");
    let listed = gateway.json(&["tokens", "revocations"]);
    assert_eq!(listed[0]["issuer"], provider.url());
    let shown = gateway.cli(&["tokens", "revocations"]).stdout;
    assert!(shown.contains(&format!("all tokens of agent-7 (of {})", provider.url())), "{shown}");
    gateway.kill_and_restart();
    let again = Psql::new(gateway.port, &gateway.token("agent-7", "support-agent"));
    assert_eq!(again.query("SELECT 1"), "1");
}

#[test]
#[cfg_attr(not(have_npm), ignore = "npm is not installed")]
fn a_person_logs_in_by_a_device() {
    let (postgres, provider) = (Postgres::start(), Provider::start());
    let mut settings = settings(&provider);
    settings.more.push_str(
        "[[role]]\nname = 'people'\nconnections = ['orders']\naudits = ['*']\n\
         [[role.given]]\nissuer = 'corp'\nsubjects = ['ada']\n",
    );
    let gateway = Gateway::start(&postgres, settings);
    let state = gateway.folder.path().join("state");
    let palisade = || {
        let mut command = crate::harness::cli(gateway.folder.path());
        command.env("XDG_STATE_HOME", &state);
        command
    };
    let mut login = palisade();
    let mut process = login.arg("login").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let code = lines.find_map(|line| line.strip_prefix("and enter the code ").map(str::to_owned));
    provider.approve(&code.unwrap());
    assert!(process.wait().unwrap().success());
    let kept = state.join("palisade/token");
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = std::fs::read_to_string(&kept).unwrap();
    assert_eq!(Psql::new(gateway.port, token.trim()).query("SELECT 1"), "1");
    // Who cannot read the gateway's key is who logged in.
    std::fs::rename(gateway.folder.path().join("data/signing.key"), state.join("key")).unwrap();
    let sessions = crate::harness::run(palisade().args(["sessions", "list", "--json"]));
    assert!(sessions.ok && sessions.stdout.contains("\"ada\""), "{sessions:?}");
    assert!(crate::harness::run(palisade().arg("logout")).ok);
    assert!(!kept.exists());
    let nobody = crate::harness::run(palisade().args(["sessions", "list"]));
    assert!(!nobody.ok, "{nobody:?}");
}
