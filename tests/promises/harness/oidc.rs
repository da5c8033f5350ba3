//! A real OpenID provider, which knows nothing of the gateway.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

use super::gateway::repository;
use super::process::{free_port, run};

/// A running provider; it makes new keys each time that it starts.
pub(crate) struct Provider {
    port: u16,
    process: Child,
}

impl Provider {
    pub(crate) fn start() -> Self {
        for _ in 0..20 {
            let port = free_port();
            if let Some(process) = serve(port) {
                return Self { port, process };
            }
        }
        panic!("the provider does not start");
    }

    /// Its own name.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it anew, with new keys and no memory.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.process = serve(self.port).expect("the provider starts again");
    }

    /// A client's access token for this resource, by its own credentials.
    pub(crate) fn token(&self, client: &str, resource: &str) -> String {
        let answer = self.post(
            "/token",
            &format!(
                "grant_type=client_credentials&client_id={client}&client_secret=only-the-provider-knows\
                 &scope=use&resource={resource}"
            ),
        );
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Does what a person does in a browser who lets a device in.
    pub(crate) fn approve(&self, code: &str) {
        let answer = self.send(&format!(
            "GET /approve?user_code={code} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
        ));
        assert!(answer.ends_with("approved"), "{answer}");
    }

    fn post(&self, path: &str, form: &str) -> Value {
        let answer = self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            self.port,
            form.len()
        ));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }

    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(port: u16) -> Option<Child> {
    let mut node = Command::new("node");
    node.arg(repository().join("tests/oidc/provider.mjs")).arg(&*MODULES).arg(port.to_string());
    let log = MODULES.join(format!("{port}.log"));
    node.stdin(Stdio::null()).stdout(Stdio::piped());
    node.stderr(std::fs::File::create(&log).unwrap());
    let mut process = node.spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line == "ready");
    let _ = std::fs::remove_file(log);
    if ready {
        return Some(process);
    }
    let _ = process.wait();
    None
}

/// Where the provider is installed, once for all runs of the same lock file.
static MODULES: LazyLock<PathBuf> = LazyLock::new(|| {
    let tools = repository().join("target/tools");
    let folder = tools.join("oidc-provider-9.13.3");
    if !folder.join("node_modules").exists() {
        install(&tools, &folder);
    }
    folder
});

/// Installs beside the final place and moves it there whole: others may do the same at the same time.
fn install(tools: &Path, folder: &Path) {
    std::fs::create_dir_all(tools).unwrap();
    let draft = tempfile::tempdir_in(tools).unwrap();
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(repository().join("tests/oidc").join(file), draft.path().join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(draft.path());
    let outcome = run(&mut npm);
    assert!(outcome.ok, "npm ci: {}{}", outcome.stdout, outcome.stderr);
    let moved = std::fs::rename(draft.path(), folder);
    assert!(moved.is_ok() || folder.join("node_modules").exists(), "{moved:?}");
    // Its place is another now.
    let _ = draft.keep();
}
