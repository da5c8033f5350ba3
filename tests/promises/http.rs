//! HTTP services: what an agent asks for is judged and recorded, and the agent never holds what lets it in.

use std::io::{BufRead, BufReader, Read, Write};

use crate::harness::{Asked, Authority, Curl, SECRET, Web, api, api_at, ok, run, until};

mod aws;
mod commands;
mod fetching;
mod nginx;
mod over;
mod peers;
mod proxy;
mod rights;
mod websockets;

const BEARER: &str = "login = \"bearer\"\npassword = { env = \"API_SECRET\" }";

/// Masks passwords, denies what is called so, and holds deletions.
const POLICY: &str = r#"
[[use]]
plugin = "mask-secrets"
[use.config]
names = ["*password*"]
detect = ["aws-key"]
[[use]]
plugin = "http-guard"
on = { protocols = ["http"] }
[[use.config.rules]]
name = "admin"
paths = ["/admin/**"]
then = "deny"
[[use]]
plugin = "approve-risky"
[use.config]
hold = [{ actions = ["DELETE"], approvers = ["approver"] }]
incomplete = "ignore"
"#;

fn hello(_: &Asked) -> String {
    ok("application/json", r#"{"hello":"agent","password":"hunter2"}"#)
}

#[test]
fn a_client_asks_by_path_and_by_host_in_both_versions_and_the_service_gets_the_gateways_credential()
{
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-agent");
    let by_path = curl.ask("/v1/a?b=1", &["--http1.1"]);
    assert!(by_path.stdout.starts_with("HTTP/1.1 200 "), "{by_path:?}");
    let by_host = run(&mut curl.command("https://api.gateway.example:PORT/v1/c", &["--include"]));
    assert!(by_host.stdout.starts_with("HTTP/2 200"), "{by_host:?}");
    let asked = web.asked();
    assert_eq!(asked[0].line, "GET /v1/a?b=1");
    assert_eq!(asked[1].line, "GET /v1/c");
    for asked in &asked {
        assert_eq!(asked.header("authorization"), format!("Bearer {SECRET}"));
        assert!(asked.headers.iter().all(|(_, value)| !value.contains("gateway.example")));
    }
}

#[test]
fn passwords_are_masked_on_the_way_back_in_the_record_and_in_the_replay() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let answer = Curl::new(&gateway, "api-agent").ask("/v1/a", &[]);
    assert!(answer.stdout.contains(r#""hello":"agent""#), "{answer:?}");
    assert!(!answer.stdout.contains("hunter2"), "{answer:?}");
    let sessions = gateway.json(&["sessions", "list"]);
    let session = sessions[0]["id"].as_str().unwrap();
    assert_eq!(sessions[0]["protocol"], "http");
    let replayed = gateway.cli(&["sessions", "replay", session]);
    assert!(replayed.stdout.contains("GET /v1/a") && replayed.stdout.contains("200 OK"));
    let kept = gateway.everything_kept();
    assert!(kept.contains("GET /v1/a") && !kept.contains("hunter2"));
}

#[test]
fn neither_token_nor_credential_is_in_any_answer_log_or_record_even_where_the_service_repeats_it() {
    let web = Web::start(|asked| {
        let all: Vec<String> = asked.headers.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        ok("text/plain", &all.join("\n"))
    });
    let gateway = api(&web, BEARER, "");
    let token = gateway.token("agent-7", "api-agent");
    let answer = Curl::with(&gateway, &token).ask("/v1/headers", &[]);
    assert!(answer.stdout.contains("authorization: Bearer ****"), "{answer:?}");
    assert!(!answer.stdout.contains(SECRET));
    let kept = gateway.everything_kept();
    assert!(!kept.contains(SECRET) && !kept.contains(&token));
}

#[test]
fn a_denied_request_reaches_nobody_and_tells_the_rule() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-agent");
    for path in ["/admin/users", "/%61dmin/users", "/ADMIN/users"] {
        let answer = curl.ask(path, &[]);
        assert!(answer.stdout.starts_with("HTTP/2 403"), "{path}: {answer:?}");
        assert!(answer.stdout.contains("content-type: application/problem+json"));
        assert!(answer.stdout.contains("http-guard.admin"), "{answer:?}");
    }
    for path in ["/v1/../admin/users", "/v1/%2e%2e/admin/users", "/v1;/../admin", "//admin/users"] {
        let answer = curl.ask(path, &[]);
        assert!(answer.stdout.starts_with("HTTP/2 400"), "{path}: {answer:?}");
    }
    assert!(web.asked().is_empty(), "{:?}", web.asked());
}

#[test]
fn a_token_of_another_role_a_revoked_one_and_none_are_answered_alike() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let token = gateway.token("agent-7", "api-agent");
    assert!(Curl::with(&gateway, &token).ask("/v1/a", &[]).stdout.starts_with("HTTP/2 200"));
    assert!(gateway.cli(&["tokens", "revoke", "--subject", "agent-7"]).ok);
    let other = gateway.token("agent-8", "support-agent");
    let mut bodies = Vec::new();
    for token in [token.as_str(), other.as_str(), "nonsense"] {
        let answer = Curl::with(&gateway, token).ask("/v1/a", &[]);
        assert!(answer.stdout.starts_with("HTTP/2 401"), "{answer:?}");
        assert!(answer.stdout.contains("www-authenticate: Bearer"), "{answer:?}");
        bodies.push(answer.stdout.split_once("\r\n\r\n").unwrap().1.to_owned());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let ended = until("the session's end", || {
        let sessions = gateway.json(&["sessions", "list"]);
        sessions.into_iter().find(|session| session["state"] == "ended")
    });
    assert!(ended["ended"].as_str().unwrap().contains("revoked"), "{ended}");
}

#[test]
fn requests_of_one_token_are_one_session_whatever_connections_they_come_by() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-agent");
    for path in ["/v1/1", "/v1/2", "/v1/3"] {
        assert!(curl.ask(path, &[]).ok);
    }
    let sessions = gateway.json(&["sessions", "list"]);
    assert_eq!((sessions.len(), &sessions[0]["commands"]), (1, &3.into()), "{sessions:?}");
}

#[test]
fn a_session_ends_with_the_gateway_though_no_connection_is_left() {
    let web = Web::start(hello);
    let mut gateway = api(&web, BEARER, POLICY);
    assert!(Curl::new(&gateway, "api-agent").ask("/v1/a", &[]).ok);
    gateway.stop();
    gateway.restart();
    let sessions = gateway.json(&["sessions", "list"]);
    assert_eq!(sessions[0]["state"], "ended", "{sessions:?}");
    assert_eq!(sessions[0]["ended"], "the gateway is stopping");
}

#[test]
fn a_client_that_still_sends_when_it_is_denied_reads_why() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let file = gateway.folder.path().join("upload");
    std::fs::write(&file, vec![b'x'; 8 << 20]).unwrap();
    let curl = Curl::new(&gateway, "api-agent");
    for version in ["--http1.1", "--http2"] {
        let upload = ["--upload-file", file.to_str().unwrap(), "--header", "Expect:"];
        let kind = ["--header", "Content-Type: application/octet-stream", version];
        let answer = curl.ask("/admin/file", &[&upload[..], &kind].concat());
        assert!(answer.stdout.contains("http-guard.admin"), "{version}: {answer:?}");
    }
    assert!(web.asked().is_empty());
}

#[test]
fn a_held_request_runs_when_it_is_approved_while_its_client_waits() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-agent");
    let client = curl.start("/v1/users/7", &["--request", "DELETE"]);
    let hold = gateway.hold();
    assert!(web.asked().is_empty());
    let boss = gateway.token("boss", "approver");
    let approved = gateway.cli_as(&boss, &["approvals", "approve", hold["id"].as_str().unwrap()]);
    assert!(approved.ok, "{approved:?}");
    let answer = client.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).starts_with("HTTP/2 200"), "{answer:?}");
    assert_eq!(web.asked()[0].line, "DELETE /v1/users/7");
}

#[test]
fn a_client_that_does_not_wait_is_told_where_to_ask() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-agent");
    let options = ["--request", "DELETE", "--header", "Prefer: respond-async"];
    let answer = curl.ask("/v1/users/7", &options).stdout;
    assert!(answer.starts_with("HTTP/2 202"), "{answer}");
    let place = answer.lines().find_map(|line| line.strip_prefix("location: /c/api")).unwrap();
    assert!(curl.ask(place, &[]).stdout.starts_with("HTTP/2 202"));
    let boss = gateway.token("boss", "approver");
    let hold = gateway.hold();
    let refused = gateway
        .cli_as(&boss, &["approvals", "deny", hold["id"].as_str().unwrap(), "--reason", "no"]);
    assert!(refused.ok, "{refused:?}");
    let last = until("the refusal", || {
        let answer = curl.ask(place, &[]).stdout;
        (!answer.starts_with("HTTP/2 202")).then_some(answer)
    });
    assert!(last.starts_with("HTTP/2 403"), "{last}");
    assert!(web.asked().is_empty());
}

#[test]
fn who_only_reads_sends_nothing_that_could_write() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let curl = Curl::new(&gateway, "api-reader");
    assert!(curl.ask("/v1/a", &[]).stdout.starts_with("HTTP/2 200"));
    let answer = curl.ask("/v1/a", &["--data", "a=1"]).stdout;
    assert!(answer.starts_with("HTTP/2 403") && answer.contains("gateway.read-only"), "{answer}");
    assert_eq!(web.asked().len(), 1);
}

#[test]
fn each_way_to_let_oneself_in_sends_what_the_service_asks_for() {
    let secret = "password = { env = \"API_SECRET\" }";
    for (login, header, expected) in [
        (
            "login = \"basic\"\nusername = \"svc\"",
            "authorization",
            "Basic c3ZjOnN3b3JkZmlzaC1vZi10aGUtc2VydmljZQ==",
        ),
        (
            "login = { header = { name = \"X-Api-Key\", prefix = \"Key \" } }",
            "x-api-key",
            "Key swordfish-of-the-service",
        ),
        ("login = { cookie = \"sid\" }", "cookie", "sid=swordfish-of-the-service"),
    ] {
        let web = Web::start(hello);
        let gateway = api(&web, &format!("{login}\n{secret}"), "");
        let answer = Curl::new(&gateway, "api-agent").ask("/v1/a", &["--header", "X-Api-Key: own"]);
        assert!(answer.stdout.starts_with("HTTP/2 200"), "{answer:?}");
        assert_eq!(web.asked()[0].header(header), expected);
    }
    let web = Web::start(hello);
    let gateway = api(&web, &format!("login = {{ query = \"key\" }}\n{secret}"), "");
    Curl::new(&gateway, "api-agent").ask("/v1/a?key=own&b=1", &[]);
    assert_eq!(web.asked()[0].line, format!("GET /v1/a?b=1&key={SECRET}"));
}

#[test]
fn a_request_to_aws_is_signed_anew_with_the_gateways_key() {
    let web = Web::start(hello);
    let login = "login = { aws = { region = \"eu-central-1\", service = \"s3\" } }\nusername = \"AKIDGATEWAY\"\npassword = { env = \"API_SECRET\" }";
    let gateway = api(&web, login, "");
    let token = gateway.token("agent-7", "api-agent");
    // A client of AWS signs by itself, with whatever key it was given.
    let own = format!("Palisade-Token: {token}");
    let own = [
        "--header",
        &own,
        "--header",
        "X-Amz-Date: 20200101T000000Z",
        "--header",
        "X-Amz-Meta-A: b",
    ];
    let curl = Curl::with(&gateway, "AWS4-HMAC-SHA256 Credential=own");
    for (path, more) in [
        ("/bucket/a%20key?list-type=2&prefix=a%2Fb", &[] as &[&str]),
        (
            "/bucket/key",
            &[
                "--request",
                "PUT",
                "--header",
                "Content-Type: application/json",
                "--data",
                "{\"a\":1}",
            ],
        ),
    ] {
        let answer = curl.ask(path, &[&own, more].concat());
        assert!(answer.stdout.starts_with("HTTP/2 200"), "{answer:?}");
    }
    for asked in web.asked() {
        aws::check(&asked, ("AKIDGATEWAY", SECRET), ("eu-central-1", "s3"));
        assert_eq!(asked.header("x-amz-meta-a"), "b");
        assert!(!asked.header("x-amz-date").starts_with("2020"));
        assert_eq!(asked.header("palisade-token"), "");
    }
    assert_eq!(web.asked().len(), 2);
}

#[test]
fn a_gateway_behind_a_gateway_is_spoken_to_by_http_2() {
    let web = Web::start(hello);
    let inner = api(&web, BEARER, POLICY);
    let token = inner.token("outer", "api-agent");
    let files = tempfile::TempDir::new().unwrap();
    std::fs::write(files.path().join("token"), token).unwrap();
    let login = format!(
        "login = {{ header = {{ name = \"Palisade-Token\" }} }}\npassword = {{ file = \"{}/token\" }}\ntls_ca = \"{}\"",
        files.path().display(),
        inner.folder.path().join("data/tls-cert.pem").display()
    );
    let outer = api_at(&format!("https://{}", inner.address("http")), &login, "");
    let curl = Curl::new(&outer, "api-agent");
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    let file = files.path().join("body");
    std::fs::write(&file, &body).unwrap();
    let data = format!("@{}", file.display());
    let json = ["--header", "Content-Type: application/json", "--data-binary", &data];
    let answer = curl.ask("/c/api/v1/a", &json);
    assert!(answer.stdout.starts_with("HTTP/2 200"), "{answer:?}");
    assert_eq!(web.asked()[0].body, body);
    let denied = curl.ask("/c/api/admin/x", &[]);
    assert!(denied.stdout.starts_with("HTTP/2 403"), "{denied:?}");
    let sessions = inner.json(&["sessions", "list"]);
    assert_eq!(sessions[0]["subject"], "outer");
}

#[test]
fn a_token_by_client_credentials_is_fetched_once_and_again_when_it_is_refused() {
    let web = Web::start(|asked| match asked.line.as_str() {
        "POST /token" => {
            assert!(asked.body.contains("grant_type=client_credentials"), "{asked:?}");
            assert!(asked.body.contains("client_id=svc") && asked.body.contains(SECRET));
            let answer =
                r#"{"access_token":"fetched-token-1","token_type":"Bearer","expires_in":3600}"#;
            ok("application/json", answer)
        }
        "GET /v1/over" => "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => ok("text/plain", asked.header("authorization")),
    });
    let login = format!(
        "login = {{ oauth = {{ token_url = \"{}/token\" }} }}\nusername = \"svc\"\npassword = {{ env = \"API_SECRET\" }}",
        web.url()
    );
    let gateway = api(&web, &login, "");
    let curl = Curl::new(&gateway, "api-agent");
    let fetched = |web: &Web| web.asked().iter().filter(|it| it.line == "POST /token").count();
    for path in ["/v1/a", "/v1/b"] {
        let answer = curl.ask(path, &[]);
        assert!(answer.stdout.ends_with("Bearer ***************"), "{answer:?}");
    }
    assert_eq!(web.asked()[1].header("authorization"), "Bearer fetched-token-1");
    assert_eq!(fetched(&web), 1);
    assert!(curl.ask("/v1/over", &[]).stdout.starts_with("HTTP/2 502"));
    assert!(curl.ask("/v1/c", &[]).stdout.starts_with("HTTP/2 200"));
    assert_eq!(fetched(&web), 2);
}

#[test]
fn a_service_is_believed_by_its_authority_alone_and_shown_the_gateways_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    let own = authority.vouch("gateway");
    let files = tempfile::TempDir::new().unwrap();
    std::fs::write(files.path().join("cert.pem"), &own.certificate).unwrap();
    std::fs::write(files.path().join("key.pem"), &own.key).unwrap();
    let login = |authority: &Authority| {
        let (ca, files) = (authority.file(), files.path().display());
        let own = format!("{{ certificate = \"{files}/cert.pem\", key = \"{files}/key.pem\" }}");
        format!("{BEARER}\ntls_ca = \"{}\"\ncertificate = {own}", ca.display())
    };
    let web = Web::start_with_tls(&authority.vouch("127.0.0.1"), Some(&authority), hello);
    let gateway = api(&web, &login(&authority), "");
    let answer = Curl::new(&gateway, "api-agent").ask("/v1/a", &[]);
    assert!(answer.stdout.starts_with("HTTP/2 200"), "{answer:?}");
    let test = gateway.cli(&["connections", "test", "api"]);
    assert!(test.ok, "{test:?}");
    for (trusted, name) in [(&other, "127.0.0.1"), (&authority, "elsewhere.example")] {
        let web = Web::start_with_tls(&authority.vouch(name), None, hello);
        let gateway = api(&web, &login(trusted), "");
        let answer = Curl::new(&gateway, "api-agent").ask("/v1/a", &[]);
        assert!(answer.stdout.starts_with("HTTP/2 502"), "{answer:?}");
        assert!(web.asked().is_empty());
    }
}

#[test]
fn events_come_as_the_service_sends_them() {
    let web = Web::start(|_| {
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n".to_owned()
    });
    let gateway = api(&web, BEARER, "");
    let curl = Curl::new(&gateway, "api-agent");
    let mut client = curl.start("/v1/events", &["--no-buffer"]);
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    // The response has no end: what is there is there before it.
    assert!(lines.any(|line| line.unwrap() == "data: one"));
    client.kill().unwrap();
    client.wait().unwrap();
}

#[test]
fn a_connection_is_reached_by_its_own_protocol_alone() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let token = gateway.token("agent-7", "api-agent");
    let psql = crate::harness::Psql::new(gateway.port, &token).user("api").run(&["SELECT 1"]);
    assert!(!psql.ok, "{psql:?}");
    let curl = Curl::new(&gateway, "support-agent");
    let path = format!("https://{}/c/orders/", gateway.address("http"));
    let answer = run(curl.command(&path, &[]).arg("--include"));
    assert!(answer.stdout.starts_with("HTTP/2 401"), "{answer:?}");
}

#[test]
fn a_token_is_not_taken_in_clear_text() {
    let web = Web::start(hello);
    let gateway = api(&web, BEARER, POLICY);
    let mut stream = std::net::TcpStream::connect(gateway.address("http")).unwrap();
    let token = gateway.token("agent-7", "api-agent");
    let request =
        format!("GET /c/api/a HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(web.asked().is_empty());
}
