"""A throwaway PostgreSQL, the gateway before it, and what a client needs to reach either."""

import glob
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

# Connection, database user and database have one name, so that `current_user` is the same on all sides.
# It is this name because one of the suites cannot be told another.
NAME = "postgres"
SETTINGS = {
    "fsync": "off",
    "ssl": "on",
    "max_connections": "300",
    "max_prepared_transactions": "20",
    "log_min_messages": "fatal",
}


@dataclass
class Side:
    """Where a suite connects to."""

    name: str
    port: int
    password: str
    host: str = "127.0.0.1"

    def environment(self):
        """libpq's variables, which most drivers read too."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return kept | {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": NAME,
            "PGDATABASE": NAME,
            "PGPASSWORD": self.password,
            "PGCONNECT_TIMEOUT": "20",
        }


class Postgres:
    """A server of its own, on a copy of a cluster made once."""

    def __init__(self, template, folder):
        self.folder = folder
        self.password = secrets.token_hex(12)
        shutil.copytree(template, folder / "pg", copy_function=shutil.copy)
        owned_by_server(folder / "pg")
        self.port = free_port()
        self.process = self._start()
        wait_for("PostgreSQL", self._answers, self.process, folder / "pg.log")
        self.run(f"ALTER ROLE {NAME} PASSWORD '{self.password}'")

    def _start(self):
        settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
        data = self.folder / "pg"
        command = [program("postgres"), "-D", data, "-k", data, "-h", "127.0.0.1"]
        return spawn([*as_server(), *command, "-p", str(self.port), *settings], self.folder / "pg.log")

    def _answers(self):
        return subprocess.run(self._psql("SELECT 1"), capture_output=True, check=False).returncode == 0

    def _psql(self, statement):
        where = ["-h", str(self.folder / "pg"), "-p", str(self.port), "-U", NAME]
        return ["psql", "-Xqw", "-v", "ON_ERROR_STOP=1", *where, "-c", statement]

    def run(self, statement):
        subprocess.run(self._psql(statement), check=True, stdout=subprocess.DEVNULL)

    def side(self):
        return Side("direct", self.port, self.password)

    def stop(self):
        # Immediate: nobody needs the data any more.
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


class Gateway:
    """The real binary before a server, with one policy file."""

    def __init__(self, binary, server, policy, folder):
        self.folder, self.binary, self.server = folder, binary, server
        (folder / "palisade.toml").write_text(configuration(server.port, policy))
        self.process = spawn(self._command("serve"), folder / "gateway.log", self._environment())
        listening = folder / "data/listening.json"
        wait_for("the gateway", listening.exists, self.process, folder / "gateway.log")
        addresses = json.loads(listening.read_text())
        self.port, self.admin = (int(addresses[of].rsplit(":", 1)[1]) for of in ("postgres", "admin"))

    def _command(self, *arguments):
        return [self.binary, "--config", self.folder / "palisade.toml", *arguments]

    def _environment(self):
        return os.environ | {"SUITE_PASSWORD": self.server.password}

    def token(self, role):
        command = self._command("token", "--subject", role, "--role", role, "--ttl", "8h")
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=self._environment())
        return done.stdout.strip()

    def side(self, name):
        return Side(name, self.port, self.token("suite"))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def configuration(port, policy):
    return f"""
data_dir = "data"
[listen]
postgres = "127.0.0.1:0"
admin = "127.0.0.1:0"
insecure = true
[[connection]]
name = "{NAME}"
protocol = "postgres"
address = "127.0.0.1:{port}"
database = "{NAME}"
username = "{NAME}"
password = {{ env = "SUITE_PASSWORD" }}
[[role]]
name = "suite"
connections = ["{NAME}"]
[[role]]
name = "administrator"
administers = true
[policies]
files = ["{policy}"]
"""


def make_template(folder):
    """An empty cluster, to copy: faster than initdb for every side."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    owned_by_server(folder)
    command = [program("initdb"), "-D", folder, "-U", NAME, "-A", "trust", "--no-sync"]
    locale = ["-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run([*as_server(), *command, *locale], check=True, stdout=subprocess.DEVNULL, cwd="/")
    (folder / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    key, certificate = folder / "server.key", folder / "server.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    key.chmod(0o600)


def program(name):
    """One of PostgreSQL's programs, the newest where there are several."""
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{name}")
    newest = max(found, key=lambda path: float(path.split("/")[4]), default=None) or shutil.which(name)
    if not newest:
        raise SystemExit(f"suites: PostgreSQL's {name} is missing: run make setup")
    return newest


def server_user():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def as_server():
    user = server_user()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if user else []


def owned_by_server(folder):
    folder.chmod(0o700)
    if user := server_user():
        subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", folder], check=True)


def spawn(command, log, environment=None):
    with open(log, "ab") as file:
        command = [str(part) for part in command]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, cwd="/"
        )


def wait_for(what, there, process, log, seconds=60):
    end = time.monotonic() + seconds
    while not there():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"suites: {what} did not start:\n{log.read_text()}")
        time.sleep(0.1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
