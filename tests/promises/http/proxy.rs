//! The forward proxy, with clients that know nothing of the gateway but what `HTTPS_PROXY` says.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{POLICY, hello};
use crate::harness::{
    Authority, Gateway, Proxied, SECRET, Script, Settings, ToolService, Web, ok, proxied,
    proxied_with, run, until,
};

/// A service of a name that leads here, by TLS.
struct Named {
    authority: Authority,
    web: Web,
}

impl Named {
    fn start(script: Script) -> Self {
        let authority = Authority::new();
        let web = Web::start_at("localhost", &authority.vouch("localhost"), None, script);
        Self { authority, web }
    }

    /// Its own address.
    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.web.port())
    }

    fn place(&self) -> String {
        format!("localhost:{}", self.web.port())
    }

    /// A connection to it, with more lines.
    fn connection(&self, name: &str, more: &str) -> String {
        format!(
            "[[connection]]\nname = \"{name}\"\nprotocol = \"http\"\naddress = \"{}\"\ntls_ca = \"{}\"\n{more}\n",
            self.url(""),
            self.authority.file().display(),
        )
    }

    /// A gateway before it, that lets itself in by a bearer.
    fn gateway(&self, policy: &str) -> Gateway {
        proxied(&self.connection("api", super::BEARER), "", policy)
    }
}

#[test]
fn curl_asks_for_the_services_own_address_in_both_versions_and_the_gateways_credential_goes() {
    let service = Named::start(hello);
    let gateway = service.gateway(POLICY);
    let client = Proxied::new(&gateway, "api", "api-agent");
    let newest = client.curl(&service.url("/v1/a?b=1"), &["--http2"]);
    assert!(newest.stdout.starts_with("HTTP/2 200"), "{newest:?}");
    let older = client.curl(&service.url("/v1/b"), &["--http1.1"]);
    assert!(older.stdout.starts_with("HTTP/1.1 200 "), "{older:?}");
    for answer in [&newest, &older] {
        assert!(answer.stdout.contains(r#""hello":"agent""#), "{answer:?}");
        assert!(!answer.stdout.contains("hunter2"), "{answer:?}");
    }
    let asked = service.web.asked();
    assert_eq!((asked[0].line.as_str(), asked[1].line.as_str()), ("GET /v1/a?b=1", "GET /v1/b"));
    for asked in &asked {
        assert_eq!(asked.header("authorization"), format!("Bearer {SECRET}"));
        assert_eq!(asked.header("host"), service.place());
        assert!(asked.headers.iter().all(|(name, _)| !name.starts_with("proxy-")));
    }
    let sessions = gateway.json(&["sessions", "list"]);
    assert_eq!((sessions.len(), &sessions[0]["commands"]), (1, &2.into()), "{sessions:?}");
    let kept = gateway.everything_kept();
    assert!(!kept.contains(SECRET) && !kept.contains(client.login.split_once(':').unwrap().1));
}

#[test]
fn what_is_asked_by_a_tunnel_is_denied_and_held_as_everything_is() {
    let service = Named::start(hello);
    let gateway = service.gateway(POLICY);
    let client = Proxied::new(&gateway, "api", "api-agent");
    let denied = client.curl(&service.url("/admin/users"), &[]);
    assert!(denied.stdout.starts_with("HTTP/2 403"), "{denied:?}");
    assert!(denied.stdout.contains("http-guard.admin"), "{denied:?}");
    let later = ["--request", "DELETE", "--header", "Prefer: respond-async"];
    let held = client.curl(&service.url("/v1/users/7"), &later);
    assert!(held.stdout.starts_with("HTTP/2 202"), "{held:?}");
    assert!(held.stdout.contains("location: /.palisade/requests/"), "{held:?}");
    let reader = Proxied::new(&gateway, "api", "api-reader");
    let read = reader.curl(&service.url("/v1/a"), &["--data", "a=1"]);
    assert!(read.stdout.contains("gateway.read-only"), "{read:?}");
    assert!(service.web.asked().is_empty());
}

#[test]
fn pythons_clients_go_by_the_environment_alone() {
    let service = Named::start(hello);
    let gateway = service.gateway("");
    let client = Proxied::new(&gateway, "api", "api-agent");
    for (library, version) in
        [("httpx", "HTTP/2"), ("requests", "HTTP/1.1"), ("urllib", "HTTP/1.1")]
    {
        let answer = client.python(library, &service.url("/v1/a"));
        let expected = format!("200 {version} {{\"hello\":\"agent\"");
        assert!(answer.stdout.starts_with(&expected), "{library}: {answer:?}");
    }
}

#[test]
fn the_way_to_the_proxy_may_be_by_tls() {
    let service = Named::start(hello);
    let gateway = service.gateway("");
    let client = Proxied { scheme: "https", ..Proxied::new(&gateway, "api", "api-agent") };
    let own = gateway.folder.path().join("data/tls-cert.pem");
    let options = ["--proxy-cacert", own.to_str().unwrap()];
    let answer = client.curl(&service.url("/v1/a"), &options);
    assert!(answer.stdout.starts_with("HTTP/2 200"), "{answer:?}");
}

#[test]
fn in_clear_text_the_proxy_is_spoken_to_on_loopback_or_where_the_file_says_so() {
    let service = Named::start(hello);
    let connection = service.connection("api", "");
    for is_served in [false, true] {
        let listen = "http_proxy = \"0.0.0.0:0\"".to_owned();
        let settings = Settings { listen, insecure: is_served, ..Settings::policy("") };
        let gateway = proxied_with(&connection, settings);
        let client = Proxied::new(&gateway, "api", "api-agent");
        let answer = client.curl(&service.url("/v1/a"), &[]);
        assert_eq!(answer.ok, is_served, "{answer:?}");
    }
}

#[test]
fn a_service_in_clear_text_is_asked_by_its_whole_address() {
    let web = Web::start(hello);
    let connection = format!(
        "[[connection]]\nname = \"api\"\nprotocol = \"http\"\naddress = \"{}\"\n{}",
        web.url(),
        super::BEARER
    );
    let gateway = proxied(&connection, "", POLICY);
    let client = Proxied::new(&gateway, "api", "api-agent");
    let url = |path: &str| format!("{}{path}", web.url());
    for options in [&[][..], &["--proxytunnel"]] {
        let answer = client.curl(&url("/v1/a"), options);
        assert!(answer.stdout.starts_with("HTTP/1.1 200 "), "{answer:?}");
        assert!(!answer.stdout.contains("hunter2"), "{answer:?}");
        let denied = client.curl(&url("/admin/x"), options);
        assert!(denied.stdout.starts_with("HTTP/1.1 403 "), "{denied:?}");
    }
    let python = client.python("httpx", &url("/v1/a"));
    assert!(python.stdout.starts_with("200 HTTP/1.1"), "{python:?}");
    for asked in web.asked() {
        assert_eq!(asked.header("authorization"), format!("Bearer {SECRET}"));
        assert!(asked.headers.iter().all(|(name, _)| !name.starts_with("proxy-")), "{asked:?}");
    }
    let wrong = Proxied::with(&gateway, "api:nonsense").curl(&url("/v1/a"), &[]);
    assert!(wrong.stdout.starts_with("HTTP/1.1 407 "), "{wrong:?}");
}

#[test]
fn a_tunnel_leads_to_the_connections_own_address_alone() {
    let (service, other) = (Named::start(hello), Named::start(hello));
    let gateway = service.gateway("");
    let client = Proxied::new(&gateway, "api", "api-agent");
    let (admin, proxy) = (gateway.address("admin"), gateway.address("http_proxy"));
    for url in [
        other.url("/"),
        format!("https://{admin}/v1/status"),
        format!("https://{proxy}/"),
        format!("https://127.0.0.1:{}/", service.web.port()),
        "https://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let answer = client.curl(&url, &[]);
        assert!(answer.stderr.contains("403"), "{url}: {answer:?}");
    }
    let sessions = gateway.json(&["sessions", "list"]);
    let replay = gateway.cli(&["sessions", "replay", sessions[0]["id"].as_str().unwrap()]).stdout;
    assert!(replay.contains("gateway.proxy-address"), "{replay}");
    let line = format!("`api` leads to {}", service.url(""));
    assert!(replay.contains(&line), "{replay}");
    assert!(other.web.asked().is_empty() && service.web.asked().is_empty());
}

#[test]
fn who_names_no_connection_gets_the_one_at_the_address_that_its_token_reaches() {
    let (service, other, twice) = (Named::start(hello), Named::start(hello), Named::start(hello));
    let connections = [
        service.connection("api", super::BEARER),
        other.connection("other", ""),
        twice.connection("first", ""),
        twice.connection("second", ""),
    ];
    let gateway = proxied(&connections.concat(), "", "");
    let token = gateway.token("agent-7", "api-agent");
    for user in ["*", ""] {
        let client = Proxied::with(&gateway, &format!("{user}:{token}"));
        for (service, path) in [(&service, "/v1/a"), (&other, "/v1/b")] {
            let answer = client.curl(&service.url(path), &[]);
            assert!(answer.stdout.starts_with("HTTP/2 200"), "{user}: {answer:?}");
        }
        assert!(client.curl(&twice.url("/"), &[]).stderr.contains("403"));
    }
    assert!(twice.web.asked().is_empty());
    let few =
        gateway.cli(&["token", "--subject", "a", "--role", "api-agent", "--connection", "first"]);
    let client = Proxied::with(&gateway, &format!("*:{}", few.stdout.trim()));
    assert!(client.curl(&twice.url("/"), &[]).stdout.starts_with("HTTP/2 200"));
    assert!(client.curl(&service.url("/"), &[]).stderr.contains("403"));
}

#[test]
fn a_bad_token_is_told_nothing_recorded_and_counted_as_everywhere() {
    let service = Named::start(hello);
    let connection = service.connection("api", super::BEARER);
    let gateway = proxied(&format!("[limits]\nlogin_failures = 4\n{connection}"), "", "");
    let support = gateway.token("agent-8", "support-agent");
    for login in ["api:nonsense", "other:nonsense", &format!("api:{support}"), "*:nonsense"] {
        let answer = Proxied::with(&gateway, login).curl(&service.url("/"), &[]);
        assert!(answer.stderr.contains("407"), "{login}: {answer:?}");
    }
    let refused = gateway.json(&["sessions", "list"]);
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(refused.iter().all(|session| session["state"] == "refused"), "{refused:?}");
    until("a login that is not looked at", || {
        let answer = Proxied::with(&gateway, "api:nonsense").curl(&service.url("/"), &[]);
        answer.stderr.contains("429").then_some(())
    });
}

#[test]
fn a_tunnel_ends_with_its_token() {
    let service = Named::start(hello);
    let gateway = service.gateway("");
    let client = Proxied::new(&gateway, "api", "api-agent");
    assert!(client.curl(&service.url("/v1/a"), &[]).stdout.starts_with("HTTP/2 200"));
    let mut tunnel = tunnel(&gateway, &client.login, &service.place());
    assert!(gateway.cli(&["tokens", "revoke", "--subject", "agent-7"]).ok);
    assert_eq!(tunnel.read(&mut [0]).unwrap_or(0), 0, "the tunnel is closed");
    assert!(client.curl(&service.url("/v1/a"), &[]).stderr.contains("407"));
}

/// A tunnel in which nothing was said yet.
fn tunnel(gateway: &Gateway, login: &str, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address("http_proxy")).unwrap();
    let login = run(std::process::Command::new("python3").args([
        "-c",
        "import base64, sys; print(base64.b64encode(sys.argv[1].encode()).decode())",
        login,
    ]));
    let head = format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {}\r\n\r\n",
        login.stdout.trim()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 39];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 Connection Established\r\n\r\n");
    stream
}

#[test]
fn a_tunnel_in_which_nothing_is_said_is_closed_and_on_record() {
    let service = Named::start(hello);
    let connection = service.connection("api", "");
    let gateway = proxied(&format!("[limits]\nlogin_seconds = 1\n{connection}"), "", "");
    let login = format!("api:{}", gateway.token("agent-7", "api-agent"));
    let mut tunnel = tunnel(&gateway, &login, &service.place());
    assert_eq!(tunnel.read(&mut [0]).unwrap_or(0), 0);
    until("the record of the tunnel", || {
        let sessions = gateway.json(&["sessions", "list"]);
        let replay = gateway.cli(&["sessions", "replay", sessions[0]["id"].as_str()?]).stdout;
        replay.contains("no TLS was begun in time").then_some(())
    });
}

#[test]
fn another_name_in_tls_and_another_host_within_are_misdirected() {
    let service = Named::start(hello);
    let gateway = service.gateway("");
    let client = Proxied::new(&gateway, "api", "api-agent");
    let place = service.place();
    let request =
        |host: &str| format!(r"GET /v1/a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let right = client.tls(&place, "localhost", &request(&place));
    assert!(right.stdout.starts_with("HTTP/1.1 200 "), "{right:?}");
    for (name, host) in [
        ("other.internal", place.as_str()),
        ("", &place),
        ("localhost", "other.internal"),
        ("localhost", "localhost"),
        ("localhost", "localhost:1"),
    ] {
        let answer = client.tls(&place, name, &request(host));
        assert!(answer.stdout.starts_with("HTTP/1.1 421 "), "{name} {host}: {answer:?}");
    }
    let newest = client.curl(&service.url("/v1/a"), &["--header", "Host: other.internal"]);
    assert!(newest.stdout.starts_with("HTTP/2 421"), "{newest:?}");
    assert_eq!(service.web.asked().len(), 1);
    let sessions = gateway.json(&["sessions", "list"]);
    assert_eq!(sessions[0]["denied"], 6, "{sessions:?}");
}

#[test]
fn a_client_that_does_not_trust_the_authority_is_on_record() {
    let service = Named::start(hello);
    let gateway = service.gateway("");
    let client = Proxied::new(&gateway, "api", "api-agent");
    let stranger = Proxied { trusted: service.authority.file(), ..client };
    assert!(!stranger.curl(&service.url("/"), &[]).ok);
    let replay = until("the record of the tunnel", || {
        let sessions = gateway.json(&["sessions", "list"]);
        let replay = gateway.cli(&["sessions", "replay", sessions[0]["id"].as_str()?]).stdout;
        replay.contains("gateway.tunnel").then_some(replay)
    });
    assert!(replay.contains("nothing was asked by the tunnel"), "{replay}");
    assert!(service.web.asked().is_empty());
}

#[test]
fn the_authority_is_printed_before_the_gateway_runs_and_its_key_never() {
    let service = Named::start(hello);
    let mut gateway = service.gateway("");
    let printed = gateway.cli(&["ca"]).stdout;
    gateway.stop();
    assert_eq!(gateway.cli(&["ca"]).stdout, printed);
    assert!(printed.starts_with("-----BEGIN CERTIFICATE-----\n"), "{printed}");
    let fingerprint = gateway.cli(&["ca", "--fingerprint"]).stdout;
    assert_eq!(fingerprint.trim().len(), 95, "{fingerprint}");
    let file = std::fs::read_to_string(gateway.folder.path().join("data/ca.pem")).unwrap();
    let key = file.lines().rfind(|line| !line.starts_with('-')).unwrap();
    let said = format!("{printed}{}{}", gateway.log(), gateway.cli(&["ca", "--json"]).stdout);
    assert!(!said.contains(key) && !said.contains("PRIVATE"));
    gateway.restart();
    let client = Proxied::new(&gateway, "api", "api-agent");
    assert!(client.curl(&service.url("/v1/a"), &[]).stdout.starts_with("HTTP/2 200"));
}

#[test]
fn an_operator_may_give_an_authority_of_their_own() {
    let service = Named::start(hello);
    let authority = Authority::new();
    let listen = format!(
        "http_proxy = \"127.0.0.1:0\"\nca = {{ certificate = \"{}\", key = \"{}\" }}",
        authority.file().display(),
        authority.key_file().display()
    );
    let gateway = proxied(&service.connection("api", ""), &listen, "");
    let client = Proxied::new(&gateway, "api", "api-agent");
    let client = Proxied { trusted: authority.file(), ..client };
    assert!(client.curl(&service.url("/v1/a"), &[]).stdout.starts_with("HTTP/2 200"));
    assert!(!gateway.folder.path().join("data/ca.pem").exists());
    // Another one under the same paths.
    let other = Authority::new();
    std::fs::copy(other.file(), authority.file()).unwrap();
    std::fs::copy(other.key_file(), authority.key_file()).unwrap();
    let client = Proxied { trusted: other.file(), ..client };
    assert!(!client.curl(&service.url("/v1/a"), &[]).ok, "nobody said so yet");
    assert!(gateway.cli(&["reload"]).stdout.contains("in force"));
    assert!(client.curl(&service.url("/v1/a"), &[]).stdout.starts_with("HTTP/2 200"));
}

#[test]
fn a_blind_tunnel_is_the_services_own_tls_and_the_record_says_that_nobody_looked() {
    let service = Named::start(hello);
    let gateway = proxied(&service.connection("api", "tunnel = \"blind\""), "", "");
    let client = Proxied::new(&gateway, "api", "api-agent");
    let client = Proxied { trusted: service.authority.file(), ..client };
    let answer = client.curl(&service.url("/v1/a"), &["--header", "Authorization: Bearer own"]);
    assert!(answer.stdout.contains("hunter2"), "{answer:?}");
    assert_eq!(service.web.asked()[0].header("authorization"), "Bearer own");
    let replay = until("the end of the tunnel", || {
        let sessions = gateway.json(&["sessions", "list"]);
        assert_eq!(sessions[0]["blind"], true, "{sessions:?}");
        let replay = gateway.cli(&["sessions", "replay", sessions[0]["id"].as_str()?]).stdout;
        replay.contains("bytes out, unread").then_some(replay)
    });
    assert!(replay.contains("api (blind tunnel)"), "{replay}");
    assert!(replay.contains(&format!("CONNECT {}", service.place())), "{replay}");
    assert!(gateway.cli(&["sessions", "list"]).stdout.contains("api (blind tunnel)"));
    let reader = Proxied::new(&gateway, "api", "api-reader");
    assert!(reader.curl(&service.url("/v1/a"), &[]).stderr.contains("403"));
}

#[test]
fn a_policy_that_denies_blind_tunnels_or_masks_closes_them() {
    let service = Named::start(hello);
    let connection = service.connection("api", "tunnel = \"blind\"");
    let guard = r#"
[[use]]
plugin = "approve-risky"
[use.config]
hold = [{ actions = ["connect"], approvers = ["approver"] }]
"#;
    let gateway = proxied(&connection, "", guard);
    let client = Proxied::new(&gateway, "api", "api-agent");
    let trusting = Proxied { trusted: service.authority.file(), ..client };
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| trusting.curl(&service.url("/v1/a"), &[]));
        let hold = gateway.hold();
        let boss = gateway.token("boss", "approver");
        let id = hold["id"].as_str().unwrap();
        assert!(gateway.cli_as(&boss, &["approvals", "approve", id]).ok);
        assert!(waiting.join().unwrap().stdout.starts_with("HTTP/1.1 200 "));
    });
    let gateway = proxied(&connection, "", POLICY);
    let answer = Proxied::new(&gateway, "api", "api-agent").curl(&service.url("/v1/a"), &[]);
    assert!(answer.stderr.contains("403"), "{answer:?}");
    assert_eq!(service.web.asked().len(), 1);
}

#[test]
fn a_file_that_would_let_the_gateway_in_by_a_blind_tunnel_is_refused() {
    let service = Named::start(hello);
    let gateway = proxied(&service.connection("api", "tunnel = \"blind\""), "", "");
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let warned = gateway.cli(&["check"]);
    assert!(warned.ok && warned.stderr.contains("is neither judged nor masked"), "{warned:?}");
    for (more, problem) in [
        (super::BEARER, "a blind tunnel carries nothing of the gateway's"),
        ("", "`half` is no kind of tunnel"),
    ] {
        let kind = if more.is_empty() { "half" } else { "blind" };
        let lines = format!("tunnel = \"{kind}\"\n{more}");
        std::fs::write(&file, text.replace("tunnel = \"blind\"", &lines)).unwrap();
        let checked = gateway.cli(&["check"]);
        assert!(!checked.ok && checked.stderr.contains(problem), "{checked:?}");
    }
    let alone =
        text.replace("http_proxy = \"127.0.0.1:0\"", "ca = { certificate = \"a\", key = \"b\" }");
    std::fs::write(&file, alone).unwrap();
    let checked = gateway.cli(&["check"]);
    assert!(checked.stderr.contains("`ca` is for the forward proxy"), "{checked:?}");
}

#[test]
fn events_come_by_a_tunnel_as_the_service_sends_them() {
    let service = Named::start(|_| ok("text/event-stream", "data: {\"password\":\"hunter2\"}\n\n"));
    let gateway = service.gateway(POLICY);
    let client = Proxied::new(&gateway, "api", "api-agent");
    let answer = client.curl(&service.url("/events"), &["--no-buffer"]);
    assert!(answer.stdout.contains("content-type: text/event-stream"), "{answer:?}");
    assert!(answer.stdout.contains("data: {") && !answer.stdout.contains("hunter2"), "{answer:?}");
}

/// A connection to an MCP server.
fn wiki(service: &ToolService) -> String {
    format!(
        "[[connection]]\nname = \"wiki\"\nprotocol = \"mcp\"\naddress = \"http://127.0.0.1:{}/mcp\"\nlogin = \"bearer\"\npassword = {{ exec = [\"printf\", \"%s-%s\", \"upstream\", \"token\"] }}\n",
        service.port
    )
}

#[test]
fn an_mcp_server_is_asked_at_its_own_address() {
    let service = ToolService::start();
    let gateway = proxied(&wiki(&service), "", "");
    let client = Proxied::new(&gateway, "wiki", "api-agent");
    let begin = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let options = [
        "--header",
        "Content-Type: application/json",
        "--header",
        "Accept: application/json, text/event-stream",
        "--data",
        begin,
    ];
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", service.port);
    for tunnel in [&[][..], &["--proxytunnel"]] {
        let answer = client.curl(&url("/mcp"), &[&options, tunnel].concat());
        assert!(answer.stdout.to_lowercase().contains("mcp-session-id:"), "{answer:?}");
        let elsewhere = client.curl(&url("/other"), &[&options, tunnel].concat());
        assert!(elsewhere.stdout.starts_with("HTTP/1.1 404 "), "{elsewhere:?}");
    }
    let sessions = gateway.json(&["sessions", "list"]);
    assert!(sessions.iter().all(|session| session["protocol"] == "mcp"), "{sessions:?}");
}

#[test]
fn a_tunnel_to_an_mcp_server_ends_with_its_token_and_with_its_bearers_access() {
    let service = ToolService::start();
    let gateway = proxied(&wiki(&service), "", "");
    let client = Proxied::new(&gateway, "wiki", "api-agent");
    let place = format!("127.0.0.1:{}", service.port);
    // Shorter than a connection lasts that nobody uses: only then does it show that the tunnel was ended.
    let patience = Some(std::time::Duration::from_secs(30));
    let mut revoked = tunnel(&gateway, &client.login, &place);
    revoked.set_read_timeout(patience).unwrap();
    let told = gateway.json(&["tokens", "revoke", "--subject", "agent-7"]);
    assert_eq!(told[0]["sessions_ended"], 0, "a tunnel is no session: {told:?}");
    assert_eq!(revoked.read(&mut [0]).ok(), Some(0), "the tunnel is closed");
    let login = format!("wiki:{}", gateway.token("agent-8", "api-agent"));
    let mut withdrawn = tunnel(&gateway, &login, &place);
    withdrawn.set_read_timeout(patience).unwrap();
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"api-agent\"", "name = \"nobody\"")).unwrap();
    assert!(gateway.cli(&["reload"]).ok);
    assert_eq!(withdrawn.read(&mut [0]).ok(), Some(0), "the tunnel is closed");
}
