//! HTTP services and MCP servers that are kept in the store, with their secrets sealed.

use std::fmt::Write as _;

use crate::harness::{Asked, Authority, Certificate, Curl, Gateway, SECRET, Settings, Web, ok};

/// The password of the store's own, which no variable of the tests has.
const SEALED: &str = "sealed-swordfish";

fn hello(_: &Asked) -> String {
    ok("text/plain", "hello")
}

/// A gateway that has no connection but PostgreSQL's, and a master key.
fn start(more: &str) -> Gateway {
    let key = "5e".repeat(32);
    let mut text = "[[role]]\nname = \"api-agent\"\nconnections = [\"*\"]\n".to_owned();
    text += "[[role]]\nname = \"tester\"\nlabels = { env = \"test\" }\n";
    writeln!(text, "[vault]\nmaster_key = {{ exec = [\"echo\", \"{key}\"] }}\n{more}").unwrap();
    let listen = "http = \"127.0.0.1:0\"".to_owned();
    Gateway::before(9, Settings { listen, more: text, ..Settings::policy("") })
}

/// Keeps the connection `api`, whose secret is in a file that is gone then.
fn keep(gateway: &Gateway, address: &str, more: &[&str]) {
    let file = gateway.folder.path().join("given");
    std::fs::write(&file, SEALED).unwrap();
    let path = file.to_str().unwrap();
    let mut arguments = vec!["connections", "add", "api", "--replace", "--protocol", "http"];
    arguments.extend(["--address", address, "--password-file", path]);
    arguments.extend(more);
    let added = gateway.cli(&arguments);
    assert!(added.ok, "{}{}", added.stdout, added.stderr);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn a_kept_service_works_at_once_and_after_a_restart_and_its_secret_is_sealed() {
    let web = Web::start(hello);
    let mut gateway = start("");
    let status = |gateway: &Gateway| {
        let answer = Curl::new(gateway, "api-agent").ask("/v1/a", &[]);
        answer.stdout.lines().next().unwrap_or_default().trim().to_owned()
    };
    assert_ne!(status(&gateway), "HTTP/2 200");
    keep(&gateway, &web.url(), &["--login", "bearer", "--label", "env=test"]);
    assert_eq!(status(&gateway), "HTTP/2 200");
    gateway.kill_and_restart();
    assert_eq!(status(&gateway), "HTTP/2 200");
    let asked = web.asked();
    assert!(asked.iter().all(|it| it.header("authorization") == format!("Bearer {SEALED}")));
    assert_eq!(asked.len(), 2);
    let who = gateway.cli(&["who-can", "api"]).stdout;
    assert!(who.contains("tester") && who.contains("api-agent"), "{who}");
    assert!(!gateway.everything_kept().contains(SEALED));
    let history = gateway.json(&["connections", "history"]);
    assert_eq!((&history[0]["connection"], &history[0]["by"]), (&"api".into(), &"operator".into()));
    assert!(gateway.cli(&["connections", "remove", "api"]).ok);
    assert_ne!(status(&gateway), "HTTP/2 200");
}

#[test]
fn a_kept_service_gets_its_credential_in_every_form_that_the_configuration_has() {
    let web = Web::start(|asked| match asked.line.as_str() {
        "POST /token" => {
            ok("application/json", r#"{"access_token":"fetched","token_type":"Bearer"}"#)
        }
        _ => hello(asked),
    });
    let gateway = start("");
    let token = format!("oauth={}/token", web.url());
    let sent = |more: &[&str]| {
        keep(&gateway, &web.url(), more);
        let answer = Curl::new(&gateway, "api-agent").ask("/v1/a", &[]);
        assert!(answer.stdout.starts_with("HTTP/2 200"), "{more:?}: {answer:?}");
        web.asked().pop().unwrap()
    };
    let basic = sent(&["--login", "basic", "--username", "svc"]);
    assert!(basic.header("authorization").starts_with("Basic "));
    let header = sent(&["--login", "header=X-Api-Key", "--login-prefix", "Key "]);
    assert_eq!(header.header("x-api-key"), format!("Key {SEALED}"));
    assert_eq!(sent(&["--login", "query=key"]).line, format!("GET /v1/a?key={SEALED}"));
    assert_eq!(sent(&["--login", "cookie=sid"]).header("cookie"), format!("sid={SEALED}"));
    let aws = sent(&["--login", "aws=eu-central-1/s3", "--username", "AKID"]);
    let signed = aws.header("authorization");
    assert!(signed.contains("AKID/") && signed.contains("/eu-central-1/s3/"), "{signed}");
    let oauth = sent(&["--login", &token, "--username", "svc", "--scope", "read"]);
    assert_eq!(oauth.header("authorization"), "Bearer fetched");
    let asked = web.asked();
    let form = &asked.iter().find(|it| it.line == "POST /token").unwrap().body;
    assert!(form.contains(SEALED) && form.contains("scope=read"), "{form}");
}

#[test]
fn a_kept_service_is_shown_a_certificate_whose_key_is_sealed() {
    let authority = Authority::new();
    let Certificate { certificate, key } = authority.vouch("gateway");
    let web = Web::start_with_tls(&authority.vouch("127.0.0.1"), Some(&authority), hello);
    let gateway = start("");
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = files.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (certificate, key_file) = (file("cert.pem", &certificate), file("key.pem", &key));
    let ca = authority.file().display().to_string();
    let own = ["--certificate", &certificate, "--certificate-key", &key_file, "--tls-ca", &ca];
    keep(&gateway, &web.url(), &[&["--login", "bearer"], &own[..]].concat());
    files.close().unwrap();
    let tried = gateway.cli(&["connections", "test", "api"]);
    assert!(tried.ok && tried.stdout.contains("answers 200 to GET /"), "{tried:?}");
    let answer = Curl::new(&gateway, "api-agent").ask("/v1/a", &[]);
    assert!(answer.stdout.ends_with("hello"), "{answer:?}");
    let lines: Vec<&str> = key.lines().filter(|line| line.len() > 60).collect();
    let kept = gateway.everything_kept();
    assert!(!lines.is_empty() && lines.iter().all(|line| !kept.contains(line)));
}

#[test]
fn trying_a_service_says_what_came_back_or_what_is_wrong() {
    let web = Web::start(|asked| match asked.header("authorization") {
        "Bearer sealed-swordfish" => ok("text/plain", "hello").replace("200 OK", "404 Not Found"),
        _ => ok("text/plain", "no").replace("200 OK", "401 Unauthorized"),
    });
    let gateway = start("");
    let tried = |address: &str, more: &[&str]| {
        keep(&gateway, address, more);
        let tried = gateway.cli(&["connections", "test", "api"]);
        assert!(!tried.stdout.contains(SEALED));
        (tried.ok, tried.stdout)
    };
    let (good, said) = tried(&web.url(), &["--login", "bearer"]);
    assert!(good && said.contains("answers 404 to GET /"), "{said}");
    let (good, said) = tried(&web.url(), &["--login", "header=X-Key"]);
    assert!(!good && said.contains("refuses the credential (401"), "{said}");
    let (good, said) = tried("http://127.0.0.1:1", &["--login", "bearer"]);
    assert!(!good && said.contains("refuses connections"), "{said}");
    let tls = Web::start_with_tls(&Authority::new().vouch("127.0.0.1"), None, hello);
    let (good, said) = tried(&tls.url(), &["--login", "bearer"]);
    assert!(!good && said.contains("is not trusted"), "{said}");
}

#[test]
fn what_is_amiss_with_a_service_is_said_when_it_is_to_be_kept() {
    let gateway = start("");
    let check = |arguments: &[&str], expected: &str| {
        let whole = [&["connections", "add", "api", "--protocol"], arguments].concat();
        let refused = gateway.cli(&whole);
        assert!(!refused.ok && refused.stderr.contains(expected), "{expected}: {refused:?}");
    };
    let secret = "--password-env=API_SECRET";
    check(&["http"], "missing field `address`");
    check(&["http", "--address", "api.internal"], "is no origin");
    check(&["http", "--address", "https://a", "--login", "bearer"], "needs a `password`");
    check(&["http", "--address", "http://a", "--login", "bearer", secret], "clear text");
    check(&["http", "--address", "https://a", "--command", "x"], "of the protocol `mcp`");
    check(&["telnet", "--address", "https://a"], "unknown protocol");
    check(&["mcp", "--server", "none"], "there is no MCP server `none`");
    let odd = r#"{"name": "api", "protocol": "http", "address": "https://a", "adress": 1}"#;
    let answer = gateway.post("/v1/connections", odd);
    assert!(answer.contains("adress"), "{answer}");
}

#[test]
fn without_a_listener_for_http_no_service_is_kept() {
    let gateway = Gateway::before(9, Settings::policy(""));
    let refused =
        gateway.cli(&["connections", "add", "api", "--protocol", "http", "--address", "https://a"]);
    assert!(refused.stderr.contains("listens nowhere for HTTP clients"), "{refused:?}");
}

#[test]
fn administrators_by_token_name_no_certificate_of_the_gateways_machine() {
    let gateway = start("");
    let body = r#"{"name": "api", "protocol": "http", "address": "https://a",
        "certificate": {"certificate": "/etc/hostname", "key": "/etc/hostname"}}"#;
    let answer = gateway.post("/v1/connections", body);
    assert!(answer.contains("403") && answer.contains("only the operator"), "{answer}");
}

#[test]
fn a_new_master_key_wraps_every_secret_of_a_service() {
    let web = Web::start(hello);
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old.key");
    std::fs::write(&old, "5e".repeat(32)).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&old, private).unwrap();
    let mut gateway = start("");
    keep(&gateway, &web.url(), &["--login", "bearer"]);
    let file = gateway.folder.path().join("palisade.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&"5e".repeat(32), &"6f".repeat(32))).unwrap();
    let rotated = gateway.json(&["vault", "rotate", "--old", old.to_str().unwrap()]);
    assert_eq!(rotated[0]["secrets"], 1);
    for restarted in [false, true] {
        if restarted {
            gateway.kill_and_restart();
        }
        let answer = Curl::new(&gateway, "api-agent").ask("/v1/a", &[]);
        assert!(answer.stdout.starts_with("HTTP/2 200"), "{answer:?}");
    }
}

#[cfg(have_python3)]
mod tools {
    use serde_json::json;

    use super::*;
    use crate::harness::{ToolService, Tools, sdk, server_script};

    fn begin(gateway: &Gateway, connection: &str) -> Tools {
        Tools::begin(gateway, connection, &gateway.token("agent-7", "api-agent"))
    }

    /// Keeps a server that the gateway starts.
    fn keep_program(gateway: &Gateway, name: &str) {
        let command = format!("python3 {}", server_script());
        let path = format!("PYTHONPATH={}", sdk());
        let added = gateway.cli(&[
            "connections",
            "add",
            name,
            "--protocol",
            "mcp",
            "--command",
            &command,
            "--env",
            &path,
            "--env",
            "PYTHONWARNINGS=ignore",
            "--secret",
            "API_KEY=env:API_SECRET",
        ]);
        assert!(added.ok, "{}{}", added.stdout, added.stderr);
    }

    #[test]
    fn a_kept_program_is_started_with_its_sealed_secrets_and_can_be_part_of_several() {
        let gateway = start("");
        keep_program(&gateway, "notes");
        let tried = gateway.cli(&["connections", "test", "notes"]);
        assert!(tried.ok && tried.stdout.contains("notes is there, with"), "{tried:?}");
        let added = begin(&gateway, "notes").call("add", json!({ "a": 2, "b": 3 }));
        assert_eq!(added["result"]["structured_content"]["result"], 5, "{added}");
        let environment = begin(&gateway, "notes").call("environment", json!({}));
        assert!(environment.to_string().contains("API_KEY"), "{environment}");
        assert!(!environment.to_string().contains(SECRET), "{environment}");
        let shown = gateway.cli(&["connections", "show", "notes"]).stdout;
        assert!(shown.contains("API_KEY (sealed)"), "{shown}");
        assert!(!gateway.everything_kept().contains(SECRET));
        let all =
            gateway.cli(&["connections", "add", "all", "--protocol", "mcp", "--server", "notes"]);
        assert!(all.ok, "{}", all.stderr);
        let called = begin(&gateway, "all").call("add", json!({ "a": 1, "b": 1 }));
        assert_eq!(called["result"]["structured_content"]["result"], 2, "{called}");
    }

    #[test]
    fn a_kept_server_by_its_url_gets_its_credential() {
        let service = ToolService::start();
        let gateway = start("");
        let address = format!("http://127.0.0.1:{}/mcp", service.port);
        let file = gateway.folder.path().join("given");
        std::fs::write(&file, "upstream-token").unwrap();
        let add = |file: &str| {
            let added = gateway.cli(&[
                "connections",
                "add",
                "wiki",
                "--replace",
                "--protocol",
                "mcp",
                "--address",
                &address,
                "--login",
                "bearer",
                "--password-file",
                file,
                "--new-tools",
                "trust",
            ]);
            assert!(added.ok, "{}{}", added.stdout, added.stderr);
            gateway.cli(&["connections", "test", "wiki"])
        };
        let tried = add(file.to_str().unwrap());
        assert!(tried.ok && tried.stdout.contains("wiki is there, with"), "{tried:?}");
        let added = begin(&gateway, "wiki").call("add", json!({ "a": 2, "b": 3 }));
        assert_eq!(added["result"]["structured_content"]["result"], 5, "{added}");
        std::fs::write(&file, "another-token").unwrap();
        let tried = add(file.to_str().unwrap());
        assert!(!tried.ok, "{tried:?}");
    }

    #[test]
    fn administrators_by_token_have_no_program_run_but_exactly_those_that_the_file_allows() {
        let allowed = format!(
            "[mcp]\nkept_commands = [{{ command = [\"python3\", \"{}\"], env = [\"PYTHONPATH\"] }}]",
            server_script()
        );
        let gateway = start(&allowed);
        let ada = gateway.token("ada", "administrator");
        let command = format!("python3 {}", server_script());
        let path = format!("PYTHONPATH={}", sdk());
        let add = |command: &str, more: &[&str]| {
            let all = ["connections", "add", "notes", "--protocol", "mcp", "--command", command];
            gateway.cli_as(&ada, &[&all[..], more].concat())
        };
        for (command, more) in [
            ("sh -c id", &[][..]),
            (&format!("{command} http"), &[]),
            (&command, &["--env", "PYTHONSTARTUP=/tmp/x"]),
            (&command, &["--folder", "/tmp"]),
            (&command, &["--secret", "PYTHONHOME=env:API_SECRET"]),
        ] {
            let refused = add(command, more);
            assert!(!refused.ok && refused.stderr.contains("kept_commands"), "{refused:?}");
        }
        let kept = add(&command, &["--env", &path]);
        assert!(kept.ok, "{kept:?}");
        let tried = gateway.cli(&["connections", "test", "notes"]);
        assert!(tried.ok, "{tried:?}");
    }

    #[test]
    fn a_program_that_the_file_does_not_allow_any_more_is_not_run_whoever_kept_it_but_the_operator()
    {
        let allowed = format!(
            "[mcp]\nkept_commands = [{{ command = [\"python3\", \"{}\"], env = [\"PYTHONPATH\"] }}]",
            server_script()
        );
        let mut gateway = start(&allowed);
        let ada = gateway.token("ada", "administrator");
        let command = format!("python3 {}", server_script());
        let path = format!("PYTHONPATH={}", sdk());
        let asked = |name| {
            ["connections", "add", name, "--protocol", "mcp", "--command", &command, "--env", &path]
        };
        assert!(gateway.cli_as(&ada, &asked("hers")).ok);
        assert!(gateway.cli(&asked("operators")).ok);
        let both = ["connections", "add", "both", "--protocol", "mcp"];
        let several = [&both[..], &["--server", "hers", "--server", "operators"]].concat();
        assert!(gateway.cli(&several).ok);
        let added = begin(&gateway, "hers").call("add", json!({ "a": 2, "b": 3 }));
        assert_eq!(added["result"]["structured_content"]["result"], 5, "{added}");
        // The file is reloaded, and then read at a start.
        let file = gateway.folder.path().join("palisade.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(&allowed), "{text}");
        std::fs::write(&file, text.replace(&allowed, "")).unwrap();
        assert!(gateway.cli(&["reload"]).ok);
        crate::harness::until("the end of her session", || {
            let sessions = gateway.json(&["sessions", "list"]);
            let ended = |it: &serde_json::Value| {
                it["ended"].as_str().is_some_and(|how| how.contains("kept_commands"))
            };
            sessions.iter().any(ended).then_some(())
        });
        for _ in 0..2 {
            for name in ["hers", "both"] {
                let tried = gateway.cli(&["connections", "test", name]);
                assert!(!tried.ok && tried.stdout.contains("kept_commands"), "{tried:?}");
            }
            assert!(gateway.cli(&["connections", "test", "operators"]).ok);
            for command in [&["connections", "list"][..], &["connections", "show", "hers"]] {
                let told = gateway.cli(command);
                assert!(told.stdout.contains("kept_commands does not allow it"), "{told:?}");
            }
            assert!(gateway.log().contains("a connection of the store is refused"));
            gateway.stop();
            gateway.restart();
        }
    }
}

#[test]
fn a_session_that_is_open_has_the_new_credential_once_its_service_is_replaced() {
    let web = Web::start(hello);
    let gateway = start("");
    keep(&gateway, &web.url(), &["--login", "bearer"]);
    let client = Curl::new(&gateway, "api-agent");
    assert!(client.ask("/v1/a", &[]).stdout.starts_with("HTTP/2 200"));
    keep(&gateway, &web.url(), &["--login", "header=X-Api-Key"]);
    assert!(client.ask("/v1/b", &[]).stdout.starts_with("HTTP/2 200"));
    let asked = web.asked();
    assert_eq!(asked[0].header("authorization"), format!("Bearer {SEALED}"));
    assert_eq!((asked[1].header("authorization"), asked[1].header("x-api-key")), ("", SEALED));
    let sessions = gateway.json(&["sessions", "list"]);
    let ended = sessions.iter().find(|session| session["state"] == "ended");
    let how = ended.map(|session| session["ended"].to_string()).unwrap_or_default();
    assert!(how.contains("the connection was replaced"), "{sessions:?}");
}
