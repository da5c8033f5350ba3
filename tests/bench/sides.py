"""What is measured: PostgreSQL itself, a plain relay, pgbouncer, and the gateway with different policies, each before one server."""

import json
import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "suites"))
import servers  # noqa: E402

ROLE = "suite"
# The gateway's own limits are not what is measured.
LIMITS = "max_sessions = 20000\nmax_connections = 20000\nmax_logins = 2000\n"
# As many as pgbouncer has.
ONE_THREAD = f"{LIMITS}threads = 1\n"


class Direct:
    """No proxy: what everything else is compared to."""

    name = "direct"
    pid = None

    def __init__(self, server):
        self._side = server.side()

    def side(self):
        return self._side

    def stop(self):
        pass


class Relay:
    """A process that copies bytes both ways and looks at none."""

    name = "relay"

    def __init__(self, binary, server, folder):
        self.port = servers.free_port()
        command = [binary, f"127.0.0.1:{self.port}", f"127.0.0.1:{server.port}"]
        self.process = servers.spawn(command, folder / "relay.log")
        self.pid = self.process.pid
        self.server = server
        servers.wait_for("the relay", lambda: listens(self.port), self.process, folder / "relay.log")

    def side(self):
        return servers.Side(self.name, self.port, self.server.password)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class PgBouncer:
    """Debian's pgbouncer with session pooling, as its manual sets it up; `tls` on both sides."""

    def __init__(self, server, folder, tls=False, pool=100):
        self.name = "pgbouncer-tls" if tls else "pgbouncer"
        self.port = servers.free_port()
        self.server = server
        own = folder / self.name
        own.mkdir()
        (own / "users.txt").write_text(f'"{servers.NAME}" "{server.password}"\n')
        (own / "pgbouncer.ini").write_text(pgbouncer_ini(server, self.port, own, tls, pool))
        if tls:
            for name in ("server.key", "server.crt"):
                shutil.copy(server.folder / "pg" / name, own / name)
        servers.owned_by_server(own)
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        if not os.path.exists(program):
            raise SystemExit("bench: pgbouncer is missing: apt-get install -y pgbouncer")
        command = [*servers.as_server(), program, "-q", own / "pgbouncer.ini"]
        self.process = servers.spawn(command, folder / f"{self.name}.log")
        self.pid = self.process.pid
        servers.wait_for("pgbouncer", lambda: listens(self.port), self.process, folder / f"{self.name}.log")

    def side(self):
        return servers.Side(self.name, self.port, self.server.password)

    def stop(self):
        # Immediate: nobody needs its sessions any more.
        self.process.terminate()
        self.process.wait()


class Gateway(servers.Gateway):
    """The real binary with one policy file; `tls` on both sides; as many threads as there are cores, or as it is told."""

    def __init__(self, name, binary, server, policy, folder, tls=False, limits=LIMITS):
        self.name, self.binary, self.server = name, binary, server
        self.folder = folder / name
        self.folder.mkdir()
        self.port, self.admin = servers.free_port(), servers.free_port()
        text = configuration(server.port, (self.port, self.admin), policy, tls) + limits
        (self.folder / "palisade.toml").write_text(text)
        self.start()
        self.token_of_suite = self.token(ROLE)

    def start(self):
        """Starts it, and does not wait until it answers."""
        self.process = servers.spawn(self._command("serve"), self.folder / "gateway.log", self._environment())
        self.pid = self.process.pid
        listening = self.folder / "data/listening.json"
        mine = lambda: listening.exists() and json.loads(listening.read_text())["pid"] == self.pid  # noqa: E731
        servers.wait_for("the gateway", mine, self.process, self.folder / "gateway.log")

    def side(self):
        return servers.Side(self.name, self.port, self.token_of_suite)


def configuration(server_port, ports, policy, tls):
    text = servers.configuration(server_port, policy)
    own = zip(("postgres", "admin"), ports, strict=True)
    for key, port in own:
        text = text.replace(f'{key} = "127.0.0.1:0"', f'{key} = "127.0.0.1:{port}"')
    upstream = f'tls = "{"require" if tls else "disable"}"\n'
    text = text.replace('protocol = "postgres"\n', f'protocol = "postgres"\n{upstream}')
    return f"{text}\n[limits]\n"


def pgbouncer_ini(server, port, folder, tls, pool):
    lines = [
        "[databases]",
        f"{servers.NAME} = host=127.0.0.1 port={server.port}",
        "[pgbouncer]",
        f"listen_addr = 127.0.0.1\nlisten_port = {port}",
        f"auth_type = scram-sha-256\nauth_file = {folder}/users.txt",
        f"pool_mode = session\ndefault_pool_size = {pool}\nmax_client_conn = 10000",
        "unix_socket_dir =\nlog_connections = 0\nlog_disconnections = 0",
        # A server process is slow at first. On all other sides each round begins with new ones; here they would be those of the round before.
        "server_idle_timeout = 1",
    ]
    if tls:
        lines += [
            f"client_tls_sslmode = require\nclient_tls_key_file = {folder}/server.key",
            f"client_tls_cert_file = {folder}/server.crt\nserver_tls_sslmode = require",
        ]
    return "\n".join(lines) + "\n"


def listens(port):
    """Whether somebody listens there, from the kernel's table: a probe would be a client."""
    wanted = f":{port:04X}"
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(wanted) and line.split()[3] == "0A" for line in lines)
