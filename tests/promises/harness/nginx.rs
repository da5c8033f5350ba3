//! nginx as a service.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::authority::Certificate;
use super::process::{free_port, until};

/// A running nginx, which serves a folder.
pub(crate) struct Nginx {
    folder: TempDir,
    secured: bool,
    port: u16,
    process: Child,
}

/// A request, as nginx logged it.
#[derive(Debug)]
pub(crate) struct Logged {
    /// Which of its connections it came by.
    pub(crate) connection: u64,
    pub(crate) version: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) status: u16,
}

impl Nginx {
    /// One with these `location`s, in clear text and HTTP/1.1.
    pub(crate) fn start(locations: &str) -> Self {
        Self::serve(locations, None)
    }

    /// One by TLS, in HTTP/2 where the client offers it.
    pub(crate) fn start_with_tls(locations: &str, shown: &Certificate) -> Self {
        Self::serve(locations, Some(shown))
    }

    fn serve(locations: &str, shown: Option<&Certificate>) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("www")).unwrap();
        if let Some(shown) = shown {
            std::fs::write(folder.path().join("cert.pem"), &shown.certificate).unwrap();
            std::fs::write(folder.path().join("key.pem"), &shown.key).unwrap();
        }
        let (port, process) = until("a port for nginx", || {
            let port = free_port();
            configure(folder.path(), port, shown.is_some(), locations);
            Some((port, run(folder.path())?))
        });
        Self { folder, secured: shown.is_some(), port, process }
    }

    pub(crate) fn url(&self) -> String {
        format!("http{}://127.0.0.1:{}", if self.secured { "s" } else { "" }, self.port)
    }

    /// Puts a file into what it serves.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("www").join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Ends it, and starts it anew where it was.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = until("nginx at its port", || run(self.folder.path()));
    }

    /// What it was asked, once it has logged so many requests.
    pub(crate) fn asked(&self, count: usize) -> Vec<Logged> {
        until("nginx's log", || {
            let text = std::fs::read_to_string(self.folder.path().join("asked")).ok()?;
            let lines: Vec<Logged> = text.lines().map(logged).collect();
            (lines.len() >= count).then_some(lines)
        })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            eprintln!("--- nginx's log ---\n{}", log.unwrap_or_default());
        }
        self.kill();
    }
}

fn logged(line: &str) -> Logged {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("nginx logged {line}"));
    Logged {
        connection: word().parse().unwrap(),
        version: word().to_owned(),
        method: word().to_owned(),
        target: word().to_owned(),
        status: word().parse().unwrap(),
    }
}

/// Starts it; `None` where it ends at once, since its port is another's.
fn run(folder: &Path) -> Option<Child> {
    let nginx = match Path::new("/usr/sbin/nginx") {
        usual if usual.exists() => usual,
        _ => Path::new("nginx"),
    };
    let pid = folder.join("pid");
    let _ = std::fs::remove_file(&pid);
    let mut command = Command::new(nginx);
    command.args(["-e", "log", "-c", "nginx.conf", "-p"]).arg(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process =
        command.spawn().unwrap_or_else(|error| panic!("nginx does not start: {error}"));
    // It is written once nginx listens.
    let listens = until("nginx to listen", || match process.try_wait().unwrap() {
        Some(_) => Some(false),
        None => pid.exists().then_some(true),
    });
    listens.then_some(process)
}

fn configure(folder: &Path, port: u16, secured: bool, locations: &str) {
    let (how, certificate) = match secured {
        false => ("", ""),
        true => (" ssl http2", "ssl_certificate cert.pem; ssl_certificate_key key.pem;"),
    };
    let mut places = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        places += &format!("    {kind}_temp_path {kind};\n");
    }
    // One process, which is what is stopped.
    let text = format!(
        r#"
daemon off;
master_process off;
pid pid;
error_log log info;
events {{ worker_connections 256; }}
http {{
    types {{ application/json json; text/html html; text/plain txt; }}
    default_type application/octet-stream;
    log_format asked "$connection $server_protocol $request_method $request_uri $status";
    access_log asked asked;
{places}
    server {{
        listen 127.0.0.1:{port}{how};
        {certificate}
        root www;
        {locations}
    }}
}}
"#
    );
    std::fs::write(folder.join("nginx.conf"), text).unwrap();
}
