//! A client may hand its token over by OAUTHBEARER, and none must.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;

use crate::harness::{Gateway, Libpq, Postgres, Provider, Psql, Settings};
use crate::protocol::{read_until, send};

const ISSUER: &str = "https://accounts.palisade.example";
/// How a client asks for it without anybody's configuration.
const ASKS: &str = "options='-c palisade.login=oauth' oauth_client_id=psql require_auth=oauth";

/// A gateway that knows this issuer, which nobody can reach.
fn gateway(postgres: &Postgres, more: &str) -> Gateway {
    let issuer = format!(
        "[[issuer]]\nname = 'cluster'\nurl = 'https://cluster.example'\naudience = ['x']\n\
         jwks = 'https://cluster.example/keys'\n\
         [[issuer]]\nname = 'corp'\nurl = '{ISSUER}'\naudience = ['palisade']\n{more}"
    );
    Gateway::start(postgres, Settings { more: issuer, ..Settings::default() })
}

fn libpq(gateway: &Gateway, token: &str) -> Libpq {
    Libpq::new(gateway.port, token).with(ASKS)
}

fn refused(gateway: &Gateway) -> usize {
    let sessions = gateway.json(&["sessions", "list"]);
    sessions.iter().filter(|session| session["state"] == "refused").count()
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn libpq_18_learns_the_issuer_and_hands_its_token_over_as_a_bearer() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "[limits]\nlogin_failures = 1");
    let token = gateway.token("agent-7", "support-agent");
    let libpq = libpq(&gateway, &token).with(&format!("oauth_issuer={ISSUER}"));
    for _ in 0..3 {
        let told = libpq.run(&["SELECT current_user", "SELECT password FROM secrets WHERE id = 1"]);
        assert_eq!(told["values"], json!(["svc_orders", "********"]), "{told}");
        let configuration = format!("{ISSUER}/.well-known/openid-configuration");
        let asked = json!([{ "configuration": configuration, "scope": "openid" }]);
        assert_eq!(told["asked"], asked, "{told}");
    }
    let sessions = gateway.json(&["sessions", "list"]);
    assert_eq!((sessions.len(), &sessions[0]["subject"]), (3, &json!("agent-7")));
    assert_eq!(refused(&gateway), 0, "to ask for the issuer is no failed login");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn libpq_18_needs_no_issuer_of_the_gateways_to_hand_a_token_over() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::default());
    let libpq = libpq(&gateway, &gateway.token("agent-7", "support-agent"));
    let known = format!("oauth_issuer={ISSUER}/.well-known/openid-configuration");
    let told = libpq.with(&known).run(&["SELECT 1"]);
    assert_eq!(told["values"], json!(["1"]), "{told}");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn libpq_18_may_fetch_its_token_once_it_knows_where() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "");
    let token = gateway.token("agent-7", "support-agent");
    for known in ["", "/.well-known/openid-configuration"] {
        let libpq = libpq(&gateway, &token).with(&format!("oauth_issuer={ISSUER}{known}"));
        let told = libpq.option("LATER", "").run(&["SELECT 1"]);
        assert_eq!(told["values"], json!(["1"]), "{told}");
    }
    assert_eq!(refused(&gateway), 0);
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn a_bearer_token_that_is_not_good_is_refused_counted_and_kept_nowhere() {
    let postgres = Postgres::start();
    let log = Some("trace,cranelift=warn,regalloc2=warn,wasmtime=warn,sled=debug");
    let more = "[limits]\nlogin_failures = 2".to_owned();
    let gateway = Gateway::start(&postgres, Settings { more, log, ..Settings::default() });
    let known = format!("oauth_issuer={ISSUER}/.well-known/openid-configuration");
    let good = gateway.token("agent-7", "support-agent");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let guessed: String = signature.chars().rev().collect();
    let guess = format!("{head}.{guessed}");
    for already in 0..3 {
        assert_eq!(refused(&gateway), already);
        let error = libpq(&gateway, &guess).with(&known).error();
        assert!(error.contains("FATAL:  access to connection \"orders\" is refused"), "{error}");
        assert!(!error.contains(&guessed), "{error}");
    }
    let error = libpq(&gateway, &good).with(&known).error();
    assert!(error.contains("too many failed logins, try again in"), "{error}");
    assert_eq!(refused(&gateway), 3);
    assert_eq!(gateway.log().matches("login refused").count(), 3);
    let kept = gateway.everything_kept();
    assert!(kept.contains("TRACE") && !kept.contains(&guessed), "the token is kept");
    assert!(!kept.contains(signature), "the good one is kept");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn clients_without_oauth_log_in_by_password_with_no_setting() {
    let (postgres, gateway) = crate::harness::baseline();
    assert_eq!(gateway.agent().query("SELECT 1"), "1");
    let token = gateway.token("agent-7", "support-agent");
    let told = Libpq::new(gateway.port, "").option("PGPASSWORD", &token).run(&["SELECT 2"]);
    assert_eq!(told["values"], json!(["2"]), "{told}");
    drop(postgres);
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn a_listener_may_ask_for_oauth_and_a_client_for_the_password_nevertheless() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "");
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("[listen]", "[listen]\npostgres_login = \"oauth\"");
    std::fs::write(&file, text).unwrap();
    let mut gateway = gateway;
    gateway.kill_and_restart();
    let token = gateway.token("agent-7", "support-agent");
    let oauth = format!("oauth_issuer={ISSUER} oauth_client_id=psql require_auth=oauth");
    let told = Libpq::new(gateway.port, &token).with(&oauth).run(&["SELECT 1"]);
    assert_eq!(told["values"], json!(["1"]), "{told}");
    let agent = Psql::new(gateway.port, &token);
    let error = agent.error("SELECT 2");
    assert!(error.contains("SASL authentication mechanisms"), "{error}");
    assert_eq!(agent.option("PGOPTIONS", "-c palisade.login=password").query("SELECT 2"), "2");
}

#[test]
#[cfg_attr(not(have_python3), ignore = "python3 with venv is not installed")]
fn the_server_hears_every_option_but_the_gateways_own() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::default());
    let options = r"-c search_path=audit -c palisade.login=password -c datestyle=ISO,\ DMY";
    let agent = gateway.agent().option("PGOPTIONS", options);
    let outcome = agent.run(&["SHOW search_path", "SHOW datestyle", "SHOW palisade.login"]);
    assert!(outcome.stdout.starts_with("audit\nISO, DMY\n"), "{outcome:?}");
    assert!(outcome.stderr.contains("unrecognized configuration parameter"), "{outcome:?}");
    let error = gateway.agent().option("PGOPTIONS", "-c palisade.login=magic").error("SELECT 1");
    assert!(error.contains("either \"password\" or \"oauth\""), "{error}");
}

/// A connection on which a bearer token is asked for.
fn by_hand(gateway: &Gateway) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    let startup = b"\0\x03\0\0user\0orders\0database\0orders\0palisade.login\0oauth\0\0";
    let mut packet = u32::try_from(startup.len() + 4).unwrap().to_be_bytes().to_vec();
    packet.extend_from_slice(startup);
    stream.write_all(&packet).unwrap();
    let (_, offered) = read_until(&mut stream, b'R');
    assert_eq!(offered, "\0\0\0\x0aOAUTHBEARER\0\0");
    stream
}

fn initial(message: &str) -> Vec<u8> {
    let mut body = b"OAUTHBEARER\0".to_vec();
    body.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend_from_slice(message.as_bytes());
    body
}

#[test]
fn one_connection_has_one_token() {
    let postgres = Postgres::start();
    let gateway = Gateway::start(&postgres, Settings::insecure());
    let token = gateway.token("agent-7", "support-agent");
    for (first, refusals) in [("auth=Bearer guess", 1), ("auth=", 1)] {
        let mut stream = by_hand(&gateway);
        send(&mut stream, b'p', &initial(&format!("n,,\x01{first}\x01\x01")));
        let (_, result) = read_until(&mut stream, b'R');
        assert_eq!(result, "\0\0\0\x0b{\"status\":\"invalid_token\"}");
        let good = format!("n,,\x01auth=Bearer {token}\x01\x01");
        send(&mut stream, b'p', &initial(&good));
        let (seen, told) = read_until(&mut stream, b'Z');
        assert!(seen == "E" && told.contains("FATAL") && told.contains("28000"), "{told}");
        assert_eq!(refused(&gateway), refusals, "{first}");
    }
    let mut stream = by_hand(&gateway);
    send(&mut stream, b'p', &initial(&format!("n,,\x01auth=Bearer {token}\x01\x01")));
    let (seen, _) = read_until(&mut stream, b'Z');
    assert!(seen.starts_with('R') && seen.ends_with('Z'), "{seen}");
}

#[test]
#[cfg_attr(not(all(have_npm, have_python3)), ignore = "npm or python3 with venv is not installed")]
fn a_real_providers_token_goes_over_as_a_bearer() {
    let (postgres, provider) = (Postgres::start(), Provider::start());
    let more = format!(
        "[[issuer]]\nname = 'corp'\nurl = '{}'\naudience = ['urn:palisade']\n\
         [[role]]\nname = 'corp-agent'\nconnections = ['orders']\n\
         [[role.given]]\nissuer = 'corp'\nsubjects = ['agent-7']\n",
        provider.url()
    );
    let gateway = Gateway::start(&postgres, Settings { more, ..Settings::default() });
    let token = provider.token("agent-7", "urn:palisade");
    let libpq = libpq(&gateway, &token).with(&format!("oauth_issuer={}", provider.url()));
    // libpq takes an issuer without TLS only so.
    let told = libpq.option("PGOAUTHDEBUG", "UNSAFE").run(&["SELECT current_user"]);
    assert_eq!(told["values"], json!(["svc_orders"]), "{told}");
    assert_eq!(gateway.json(&["sessions", "list"])[0]["issuer"], provider.url());
}
