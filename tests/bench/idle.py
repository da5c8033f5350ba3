"""What an idle session takes of a proxy's memory: many sessions, before a server that lets everybody in."""

import pathlib
import resource
import sys

import accounts
import sides
from sides import servers
from wire import Connection


class Stub:
    """The server; what a side needs to know of a PostgreSQL."""

    def __init__(self, template, folder):
        self.port, self.password, self.folder = servers.free_port(), "unused", folder
        command = [sys.executable, pathlib.Path(__file__).with_name("stub.py"), self.port]
        self.process = servers.spawn(command, folder / "stub.log")
        servers.wait_for("the stub", lambda: sides.listens(self.port), self.process, folder / "stub.log")

    def side(self):
        return servers.Side("direct", self.port, self.password)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(make, count):
    """KiB for each idle session of each kind of side: the second half of them, since the first also fills pools and caches."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000) if hard > 0 else 20_000, hard))
    return {name: _measure(side(), count) for name, side in make.items()}


def _measure(proxy, count):
    try:
        sessions = [Connection(proxy.side(), servers.NAME) for _ in range(count // 2)]
        before = accounts.resident_kib(proxy.pid)
        sessions += [Connection(proxy.side(), servers.NAME) for _ in range(count - count // 2)]
        grown = accounts.resident_kib(proxy.pid) - before
        for session in sessions:
            session.close()
        return grown / (count - count // 2)
    finally:
        proxy.stop()
