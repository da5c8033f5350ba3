//! A throwaway PostgreSQL server.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::authority::Certificate;
use super::process::{free_port, run, until};

/// The password that only the gateway knows. No client, log or recording may ever show it.
pub(crate) const PASSWORD: &str = "upstream-secret-XK42";

/// Tables with secrets, and one that nobody writes.
const TABLES: &str = "
CREATE TABLE secrets (id int PRIMARY KEY, name text, password text, api_key text, token text);
INSERT INTO secrets VALUES
  (1, 'billing', 'hunter2-billing', 'key-billing-777', 'tok-billing-888'),
  (2, 'mail', 'hunter2-mail', 'key-mail-777', 'tok-mail-888'),
  (3, 'empty', NULL, NULL, NULL);
CREATE TABLE orders (id int PRIMARY KEY, item text, amount numeric);
INSERT INTO orders SELECT i, 'item ' || i, i * 1.5 FROM generate_series(1, 100) i;
CREATE SCHEMA audit;
CREATE TABLE audit.log (id int, entry text);
INSERT INTO audit.log VALUES (1, 'first');
";

/// A running server.
pub(crate) struct Postgres {
    pub(crate) port: u16,
    process: Child,
    folder: TempDir,
}

impl Postgres {
    /// Starts a server that asks for SCRAM-SHA-256, with the tables that the promises speak of.
    pub(crate) fn start() -> Self {
        Self::start_with("scram-sha-256", &[])
    }

    /// Starts a server with another way of login and other settings.
    pub(crate) fn start_with(authentication: &str, settings: &[(&str, &str)]) -> Self {
        let with_tls = settings.iter().any(|(name, _)| *name == "ssl");
        Self::start_prepared(authentication, settings, |data| {
            if with_tls {
                make_certificate(data);
            }
        })
    }

    /// Starts a server that shows this certificate.
    pub(crate) fn start_with_certificate(shown: &Certificate) -> Self {
        Self::start_prepared("scram-sha-256", &[("ssl", "on")], |data| put(data, shown))
    }

    fn start_prepared(
        authentication: &str,
        settings: &[(&str, &str)],
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let owner = owner();
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        initialise(folder.path(), authentication);
        prepare(&folder.path().join("data"));
        let (process, port) = serve(folder.path(), settings);
        let server = Self { port, process, folder };
        until("PostgreSQL to accept connections", || server.try_admin("SELECT 1").map(drop));
        server.admin("CREATE DATABASE orders OWNER svc_orders");
        server.admin_in("orders", &format!("SET ROLE svc_orders; {TABLES}"));
        server
    }

    /// Starts a server that offers TLS with a certificate of its own making.
    pub(crate) fn start_with_tls() -> Self {
        Self::start_with("scram-sha-256", &[("ssl", "on")])
    }

    /// Runs SQL as the server's owner, directly.
    pub(crate) fn admin(&self, sql: &str) -> String {
        self.admin_in("postgres", sql)
    }

    /// Runs SQL in the database `orders` as its owner, directly.
    pub(crate) fn direct(&self, sql: &str) -> String {
        self.admin_in("orders", &format!("SET ROLE svc_orders; {sql}"))
    }

    fn admin_in(&self, database: &str, sql: &str) -> String {
        let outcome = run(&mut self.psql(database, sql));
        assert!(outcome.ok, "direct SQL failed: {}", outcome.stderr);
        outcome.stdout.trim().to_owned()
    }

    fn try_admin(&self, sql: &str) -> Option<String> {
        let outcome = run(&mut self.psql("postgres", sql));
        outcome.ok.then_some(outcome.stdout)
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(tool("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "admin"]);
        command.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string()]);
        command.args(["-d", database, "-c", sql]).env("LC_ALL", "C.UTF-8");
        command
    }

    /// The server's log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT: a fast shutdown, which removes the shared memory.
        let _ = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

fn initialise(folder: &Path, authentication: &str) {
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    std::fs::set_permissions(&password, PermissionsExt::from_mode(0o644)).unwrap();
    let data = folder.join("data");
    let mut command = as_owner(tool("initdb"));
    command.arg("-D").arg(&data).args([
        "-U",
        "admin",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    ]);
    command.args(["--auth-local=trust", "-A", "trust"]);
    let outcome = run(&mut command);
    assert!(outcome.ok, "initdb failed: {}{}", outcome.stdout, outcome.stderr);
    let rules = format!("local all all trust\nhost all all 127.0.0.1/32 {authentication}\n");
    std::fs::write(data.join("pg_hba.conf"), rules).unwrap();
    let encryption = if authentication == "md5" { "md5" } else { "scram-sha-256" };
    let mut single = as_owner(tool("postgres"));
    single.args(["--single", "-D"]).arg(&data).arg("postgres").stdin(Stdio::piped());
    single.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = single.spawn().unwrap();
    let sql = format!(
        "SET password_encryption = '{encryption}'; CREATE ROLE svc_orders LOGIN PASSWORD '{PASSWORD}';\n"
    );
    std::io::Write::write_all(&mut process.stdin.take().unwrap(), sql.as_bytes()).unwrap();
    assert!(process.wait().unwrap().success(), "the role could not be made");
}

/// A certificate that only its maker vouches for, where the server looks for one.
fn make_certificate(data: &Path) {
    let mut openssl = as_owner("openssl".into());
    openssl
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=db"]);
    openssl.arg("-keyout").arg(data.join("server.key")).arg("-out").arg(data.join("server.crt"));
    let outcome = run(&mut openssl);
    assert!(outcome.ok, "openssl failed: {}", outcome.stderr);
}

/// A certificate where the server looks for one, its key readable by its user alone.
fn put(data: &Path, shown: &Certificate) {
    for (name, text) in [("server.crt", &shown.certificate), ("server.key", &shown.key)] {
        let file = data.join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        if let Some((user, group)) = owner() {
            chown(&file, Some(user), Some(group)).unwrap();
        }
    }
}

/// Starts the server on a free port; another one where somebody else was faster.
fn serve(folder: &Path, settings: &[(&str, &str)]) -> (Child, u16) {
    for _ in 0..20 {
        let port = free_port();
        let mut command = as_owner(tool("postgres"));
        command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
        command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "fsync=off"]);
        command.args(["-c", "max_connections=50", "-c", "log_statement=all"]);
        for (name, value) in settings {
            command.args(["-c", &format!("{name}={value}")]);
        }
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("ready to accept connections"));
        if ready {
            // The log is read on, or the server would wait for its reader.
            let log = folder.join("log");
            std::thread::spawn(move || {
                let mut log = std::fs::File::create(log).unwrap();
                for line in lines.map_while(Result::ok) {
                    let _ = std::io::Write::write_all(&mut log, format!("{line}\n").as_bytes());
                }
            });
            return (process, port);
        }
        let _ = process.wait();
    }
    panic!("PostgreSQL does not start");
}

/// A program of PostgreSQL's, wherever Debian or the system has it.
pub(crate) fn tool(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    let on_path = std::env::var_os("PATH").into_iter().flat_map(|path| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).collect::<Vec<_>>()
    });
    let on_path = on_path.into_iter().find(|path| path.exists());
    found.pop().or(on_path).unwrap_or_else(|| {
        panic!(
            "PostgreSQL's {name} is missing: run `make setup`, or install the package postgresql"
        )
    })
}

/// PostgreSQL refuses to run as root; then it runs as the user that Debian made for it, or as nobody.
fn owner() -> Option<(u32, u32)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    if uid.split_whitespace().next() != Some("0") {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = users.lines().find(|line| line.starts_with("postgres:"));
    let mut fields = entry.into_iter().flat_map(|line| line.split(':')).skip(2);
    let mut number = || fields.next().and_then(|field| field.parse().ok());
    Some((number().unwrap_or(65534), number().unwrap_or(65534)))
}

fn as_owner(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C.UTF-8").current_dir("/");
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command
}
