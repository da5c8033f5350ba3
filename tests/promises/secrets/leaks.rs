//! No secret gets out: every kind of secret is a marker of its own, every command and failure is driven with everything
//! logged, and no marker is in any output, log, record or file, in plain, in base64 or in hex.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Gateway, Knows, PASSWORD, Postgres, Psql, Settings, Vault, cli, finish};

const VALUE: &str = "marker-by-value-8f31";
const FILE: &str = "marker-in-file-27aa";
const EXEC: &str = "marker-of-exec-c90d";
const SAID: &str = "marker-on-stderr-55e1";
const KV: &str = "marker-in-kv-4b7e";
const TOKEN: &str = "hvs.marker-token-d2c8";
const SECRET_ID: &str = "marker-secret-id-6f06";
const REFUSED_ID: &str = "marker-refused-id-17bc";
const JWT: &str = "ey.marker-jwt-e9a3.sig";
const WRONG: &str = "marker-wrong-a1f4";
const MASTER: &str = "9d1c5a7e33b04f6182d4c6b8a0f1e2d39d1c5a7e33b04f6182d4c6b8a0f1e2d3";
const OLD_MASTER: &str = "71c0ffee33b04f6182d4c6b8a0f1e2d39d1c5a7e33b04f6182d4c6b8a0f1e2d4";

const MARKERS: [&str; 13] = [
    PASSWORD, VALUE, FILE, EXEC, SAID, KV, TOKEN, SECRET_ID, REFUSED_ID, JWT, WRONG, MASTER,
    OLD_MASTER,
];

/// Everything, from the libraries too, but for those that compile plugins: they write gigabytes.
const ALL: &str = "trace,cranelift=warn,cranelift_codegen=warn,cranelift_frontend=warn,cranelift_wasm=warn,\
                   regalloc2=warn,wasmtime=warn,wasmtime_internal_cranelift=warn,sled=debug";

struct Scene {
    postgres: Postgres,
    secrets: TempDir,
    gateway: Gateway,
    vault: Option<Vault>,
    said: String,
    /// A token that is asked about.
    token: String,
}

#[test]
fn no_secret_is_in_any_output_log_record_or_file() {
    let mut scene = Scene::set();
    scene.sessions();
    scene.commands();
    scene.failures();
    scene.without_a_gateway();
    scene.search();
}

impl Scene {
    fn set() -> Self {
        let postgres = Postgres::start();
        for (role, password) in
            [("by_value", VALUE), ("by_file", FILE), ("by_exec", EXEC), ("by_kv", KV)]
        {
            postgres.admin(&format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'"));
        }
        let vault = Vault::start(Knows {
            secrets: BTreeMap::from([(
                "db/orders".into(),
                json!({"password": KV, "other": WRONG}),
            )]),
            token: TOKEN.into(),
            secret_id: SECRET_ID.into(),
            jwt: JWT.into(),
        });
        let secrets = tempfile::tempdir().unwrap();
        let more = configuration(&secrets, &postgres, &vault);
        let settings = Settings { more, log: Some(ALL), ..Settings::default() };
        let gateway = Gateway::start(&postgres, settings);
        let token = gateway.token("agent-9", "everywhere");
        let vault = Some(vault);
        Self { postgres, secrets, gateway, vault, said: String::new(), token }
    }

    /// Runs a command of the CLI in every form, with everything logged.
    fn run(&mut self, arguments: &[&str]) -> bool {
        let mut ok = true;
        for more in [&["--log", ALL][..], &["--json", "--log", "trace"]] {
            let outcome = self.gateway.cli(&[arguments, more].concat());
            let _ = write!(self.said, "{}{}", outcome.stdout, outcome.stderr);
            ok &= outcome.ok;
        }
        ok
    }

    fn add(&mut self, name: &str, user: &str, password: &str, more: &[&str]) -> bool {
        let address = format!("127.0.0.1:{}", self.postgres.port);
        let mut command = cli(self.gateway.folder.path());
        command.args(["connections", "add", name, "--replace", "--address", &address]);
        command.args(["--database", "orders", "--username", user, "--log", ALL]).args(more);
        command.env("PASSWORD_TO_KEEP", password);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        process.stdin.take().unwrap().write_all(password.as_bytes()).unwrap_or_default();
        let outcome = finish(process);
        let _ = write!(self.said, "{}{}", outcome.stdout, outcome.stderr);
        outcome.ok
    }

    fn session(&mut self, connection: &str) -> bool {
        let token = self.gateway.token("agent-7", "everywhere");
        let psql = Psql::new(self.gateway.port, &token).user(connection);
        let outcome = psql.run(&["SELECT 1", "SELECT no_such_thing"]);
        let _ = write!(self.said, "{}{}", outcome.stdout, outcome.stderr);
        outcome.stdout.contains('1')
    }

    /// Every kind of secret is used with success.
    fn sessions(&mut self) {
        assert!(self.add("kept", "by_value", VALUE, &["--password-stdin"]));
        assert!(self.add("kept-env", "by_value", VALUE, &["--password-env", "PASSWORD_TO_KEEP"]));
        let file = self.path("file");
        assert!(self.add("kept-file", "by_file", "", &["--password-file", &file]));
        let command = format!("/bin/cat {}", self.path("exec"));
        assert!(self.add("kept-exec", "by_exec", "", &["--password-exec", &command]));
        assert!(self.add("kept-vault", "by_kv", "", &["--password-vault", "db/orders#password"]));
        let kept = ["kept", "kept-env", "kept-file", "kept-exec", "kept-vault"];
        for name in ["orders", "file", "exec", "token", "approle", "jwt"].into_iter().chain(kept) {
            assert!(self.session(name), "{name}: {}", self.gateway.log());
        }
    }

    fn commands(&mut self) {
        for command in [
            "check",
            "status",
            "approvals list",
            "sessions list",
            "plugins list",
            "plugins history",
            "connections list",
            "connections show kept",
            "connections show kept-exec",
            "connections show approle",
            "connections test kept",
            "connections test exec",
            "connections test token",
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            assert!(self.run(&words), "{command}: {}", self.said);
        }
        self.explain();
        let sessions = self.gateway.json(&["sessions", "list"]);
        for session in sessions {
            let id = session["id"].as_str().unwrap().to_owned();
            self.run(&["sessions", "show", &id]);
            self.run(&["sessions", "replay", &id, "--speed", "0"]);
        }
        let key = self.path("made.key");
        self.run(&["vault", "key", &key]);
    }

    fn explain(&mut self) {
        let token = self.token.clone();
        for (connection, known) in [("kept", true), ("nowhere", false)] {
            let asked = ["explain", "--connection", connection, "--token", &token];
            assert_eq!(self.run(&asked), known, "{connection}: {}", self.said);
        }
    }

    fn failures(&mut self) {
        assert!(self.add("kept-wrong", "by_value", WRONG, &["--password-stdin"]));
        assert!(!self.add("orders", "by_value", VALUE, &["--password-stdin"]));
        assert!(!self.add("x y", "by_value", VALUE, &["--password-stdin"]));
        assert!(!self.add("x", "by_value", VALUE, &["--password-stdin", "--tls", "no-such"]));
        for name in [
            "kept-wrong",
            "file-wrong",
            "exec-fails",
            "kv-wrong",
            "kv-none",
            "refused-id",
            "bad-token",
        ] {
            assert!(!self.session(name), "{name}");
            assert!(!self.run(&["connections", "test", name]), "{name}");
        }
        let old = self.path("old.key");
        self.run(&["vault", "rotate", "--old", &old]);
        self.vault = None;
        assert!(!self.session("token"));
        assert!(!self.run(&["connections", "test", "approle"]));
        assert!(self.run(&["connections", "show", "kept-wrong"]));
        let removed = self.gateway.cli(&["connections", "remove", "kept-wrong", "--log", ALL]);
        let _ = write!(self.said, "{}{}", removed.stdout, removed.stderr);
        for body in [format!("{{\"token\": \"{}\"", self.token), format!("[\"{}\"]", self.token)] {
            let answer = self.gateway.post("/v1/explain", &body);
            assert!(answer.contains("400"), "{answer}");
            self.said.push_str(&answer);
        }
        // What is no JSON, and what is some other, with a secret in it.
        for body in [format!("{{\"password\": \"{VALUE}\""), format!("{{\"tls\": \"{VALUE}\"}}")] {
            let answer = self.gateway.post("/v1/connections", &body);
            assert!(answer.contains("400"), "{answer}");
            self.said.push_str(&answer);
        }
    }

    fn without_a_gateway(&mut self) {
        self.gateway.kill();
        assert!(self.run(&["connections", "test", "kept"]));
        assert!(!self.run(&["connections", "test", "token"]));
        assert!(self.run(&["connections", "list"]));
        self.explain();
        let old = self.path("old.key");
        self.run(&["vault", "rotate", "--old", &old]);
        assert!(self.add("kept-later", "by_value", VALUE, &["--password-stdin"]));
    }

    fn search(&self) {
        let kept = gather(self.gateway.folder.path());
        assert!(kept.len() > 10 && self.said.len() > 1000);
        let log = self.gateway.log();
        assert!(log.contains("TRACE") && log.contains("DEBUG"), "everything is logged");
        let key = std::fs::read(self.gateway.folder.path().join("data/signing.key")).unwrap();
        let seed = &key[16..48];
        let digits = MASTER.as_bytes().chunks(2).map(|it| std::str::from_utf8(it).unwrap());
        let master: Vec<u8> = digits.map(|it| u8::from_str_radix(it, 16).unwrap()).collect();
        let secrets = MARKERS.iter().map(|marker| (*marker, marker.as_bytes()));
        // What makes a token is its signature.
        let signature = self.token.rsplit('.').next().unwrap().as_bytes();
        let others = [("signing key", seed), ("master key", &master), ("token", signature)];
        for (name, secret) in secrets.chain(others) {
            for form in forms(secret) {
                assert!(!has(self.said.as_bytes(), &form), "{name} was shown as {form:?}");
                for (path, content) in &kept {
                    assert!(!has(content, &form), "{name} is in {} as {form:?}", path.display());
                }
            }
        }
    }

    fn path(&self, name: &str) -> String {
        self.secrets.path().join(name).display().to_string()
    }
}

/// The secrets lie in files of their own, beside the gateway's folder.
fn configuration(secrets: &TempDir, postgres: &Postgres, vault: &Vault) -> String {
    let path = |name: &str| secrets.path().join(name).display().to_string();
    let files = [
        ("file", FILE),
        ("exec", EXEC),
        ("token", TOKEN),
        ("secret_id", SECRET_ID),
        ("jwt", JWT),
        ("wrong", WRONG),
        ("refused_id", REFUSED_ID),
        ("master.key", MASTER),
        ("old.key", OLD_MASTER),
        ("fails", &format!("echo {EXEC}\necho {SAID} >&2\nexit 3\n")),
    ];
    for (name, content) in files {
        std::fs::write(path(name), content).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path(name), private).unwrap();
    }
    let server = |login: String| format!("address = \"{}\", {login}", vault.url());
    let token = server(format!("token = {{ file = \"{}\" }}", path("token")));
    let approle = |file: &str| {
        let file = path(file);
        server(format!(
            "approle = {{ role_id = \"gateway\", secret_id = {{ file = \"{file}\" }} }}"
        ))
    };
    let jwt =
        server(format!("jwt = {{ role = \"gateway\", jwt = {{ file = \"{}\" }} }}", path("jwt")));
    let bad = server(format!("token = {{ file = \"{}\" }}", path("wrong")));
    let kv = |server: &str, more: &str| {
        format!("{{ vault = {{ path = \"db/orders\", {server}{more} }} }}")
    };
    let connections = [
        ("file", "by_file", format!("{{ file = \"{}\" }}", path("file"))),
        (
            "exec",
            "by_exec",
            format!("{{ exec = [\"/bin/cat\", \"{}\"], cache_seconds = 9 }}", path("exec")),
        ),
        ("token", "by_kv", kv(&token, "")),
        ("approle", "by_kv", kv(&approle("secret_id"), "")),
        ("jwt", "by_kv", kv(&jwt, "")),
        ("file-wrong", "by_file", format!("{{ file = \"{}\" }}", path("wrong"))),
        ("exec-fails", "by_exec", format!("{{ exec = [\"/bin/sh\", \"{}\"] }}", path("fails"))),
        ("kv-wrong", "by_kv", kv(&token, ", field = \"other\"")),
        ("kv-none", "by_kv", kv(&token, ", field = \"none\"")),
        ("refused-id", "by_kv", kv(&approle("refused_id"), "")),
        ("bad-token", "by_kv", kv(&bad, "")),
    ];
    let mut text = "[[role]]\nname = \"everywhere\"\nconnections = [\"*\"]\n".to_owned();
    for (name, user, password) in connections {
        let _ = write!(
            text,
            "[[connection]]\nname = \"{name}\"\nprotocol = \"postgres\"\naddress = \"127.0.0.1:{}\"\n\
             database = \"orders\"\nusername = \"{user}\"\npassword = {password}\n",
            postgres.port
        );
    }
    let _ = write!(
        text,
        "[vault]\nmaster_key = {{ file = \"{}\" }}\n[vault.server]\naddress = \"{}\"\n\
         token = {{ file = \"{}\" }}\n",
        path("master.key"),
        vault.url(),
        path("token"),
    );
    text
}

/// Every file of the gateway's but its key.
fn gather(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut kept = vec![];
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            kept.extend(gather(&path));
        } else if !path.ends_with("signing.key") {
            kept.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    kept
}

/// As it is, as hex, and as base64 wherever in a text it begins.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // As libraries dump what they send: rows of sixteen bytes in pairs, so that a secret is cut in two.
    forms.extend(secret.windows(6).map(|six| {
        let pairs: Vec<_> = six.chunks(2).map(|it| format!("{:02x}{:02x}", it[0], it[1])).collect();
        pairs.join(" ").into_bytes()
    }));
    for skipped in 0..3 {
        let whole = (secret.len() - skipped) / 3 * 3;
        let part = &secret[skipped..skipped + whole];
        let base64 = base64(part);
        forms.push(base64.replace('+', "-").replace('/', "_").into_bytes());
        forms.push(base64.into_bytes());
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |group: u32, shift: u32| char::from(LETTERS[(group >> shift & 63) as usize]);
    let group = |it: &[u8]| it.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte));
    let groups = bytes.chunks(3).map(group);
    groups.flat_map(|it| [18, 12, 6, 0].map(|shift| letter(it, shift))).collect()
}

/// Texts are looked for by the library's own search, which is quick where tests are not.
fn has(content: &[u8], form: &[u8]) -> bool {
    match (std::str::from_utf8(content), std::str::from_utf8(form)) {
        (Ok(content), Ok(form)) => content.contains(form),
        (Err(_), Ok(form)) => String::from_utf8_lossy(content).contains(form),
        (_, Err(_)) => content.windows(form.len()).any(|window| window == form),
    }
}

#[test]
fn the_search_finds_what_it_should() {
    assert_eq!(base64(b"hunter"), "aHVudGVy");
    assert!(forms(b"hunter2.").iter().any(|form| has(b"20 6875 6e74 6572 322e", form)));
    assert!(has(b"-eGh1bnRlcjI=-", b"h1bnRlcj"));
}
