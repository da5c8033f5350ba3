//! Whoever guesses is slowed and then not looked at; whoever is silent keeps nobody out.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Gateway, Postgres, Psql, Settings};

fn gateway(postgres: &Postgres, limits: &str) -> Gateway {
    let more = format!("[limits]\n{limits}\n");
    Gateway::start(postgres, Settings { more, ..Settings::policy("") })
}

/// What somebody hears who has no good token.
fn guess(gateway: &Gateway) -> String {
    Psql::new(gateway.port, "no-token").run(&["SELECT 1"]).stderr
}

#[test]
fn a_few_slips_keep_nobody_out_and_more_are_not_looked_at() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "login_failures = 4");
    for _ in 0..3 {
        assert!(guess(&gateway).contains("is refused"));
    }
    assert_eq!(gateway.agent().query("SELECT 1"), "1", "a good token waits for nothing");
    let token = gateway.token("agent-7", "support-agent");
    for _ in 0..2 {
        assert!(guess(&gateway).contains("is refused"));
    }
    let heard = guess(&gateway);
    assert!(heard.contains("too many failed logins, try again in"), "{heard}");
    let heard = Psql::new(gateway.port, &token).run(&["SELECT 1"]).stderr;
    assert!(heard.contains("too many failed logins"), "from this address nobody: {heard}");
    let refused = gateway.json(&["sessions", "list"]);
    let refused = refused.iter().filter(|session| session["state"] == "refused").count();
    assert_eq!(refused, 5, "what was not looked at fills no record");
}

#[test]
fn whoever_guesses_at_the_admin_api_is_not_looked_at_either() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "login_failures = 2");
    for _ in 0..3 {
        assert!(gateway.cli_as("no-token", &["status"]).stderr.contains("not valid"));
    }
    let heard = gateway.cli_as("no-token", &["status"]).stderr;
    assert!(heard.contains("too many failed logins"), "{heard}");
    // A token that the gateway signed is no guess, wherever it comes from.
    let operator = gateway.cli(&["status"]);
    assert!(operator.ok, "{operator:?}");
    let token = gateway.token("ada", "administrator");
    assert!(gateway.cli_as(&token, &["connections", "list"]).ok);
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3A";
    let form = format!(
        "grant_type={kind}grant-type%3Atoken-exchange&subject_token={token}&subject_token_type={kind}token-type%3Ajwt"
    );
    let mut stream = TcpStream::connect(gateway.address("admin")).unwrap();
    let head = "POST /v1/token HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{form}", form.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn silent_connections_to_the_admin_api_keep_nobody_out() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "");
    let address = gateway.address("admin");
    let flood: Vec<_> = (0..300).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let operator = gateway.cli(&["status"]);
    assert!(operator.ok, "{operator:?}");
    drop(flood);
}

#[test]
fn whoever_asks_without_a_token_uses_up_what_is_nobody_elses() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "");
    let address = gateway.address("admin");
    let ask = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask().starts_with("HTTP/1.1 401"));
    // Faster together than the address may ask on and on.
    let is_refused = std::thread::scope(|scope| {
        let many = || (0..1000).any(|_| ask().starts_with("HTTP/1.1 429"));
        let asking = [(); 8].map(|()| scope.spawn(many));
        asking.map(|thread| thread.join().unwrap()).contains(&true)
    });
    assert!(is_refused, "what the address may ask for has no end");
    let operator = gateway.cli(&["status"]);
    assert!(operator.ok, "{operator:?}");
}

#[test]
fn a_flood_of_silent_connections_keeps_nobody_out() {
    let postgres = Postgres::start();
    let gateway = gateway(&postgres, "max_logins = 8\nmax_connections = 40");
    let flood: Vec<_> =
        (0..200).map(|_| TcpStream::connect(("127.0.0.1", gateway.port)).unwrap()).collect();
    assert_eq!(gateway.agent().query("SELECT 1"), "1");
    drop(flood);
}
