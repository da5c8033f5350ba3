#!/usr/bin/env python3
"""What HTTP costs through the gateway, against nginx itself, nginx as a reverse proxy, and pingora as one with no policy: in turn,
in one run, as ratios.

Needs Debian's nginx and wrk. Connections are kept, two threads of wrk, TLS off on both sides. Prints tables in Markdown, and
writes every sample as JSON to target/bench/web.json.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from dataclasses import asdict, dataclass

import accounts
import ratios
from load import Sample
from sides import ROOT, listens, servers

ROLE = "bench"
# Nothing asked of any plugin; requests judged; requests judged and answers masked.
POLICIES = {
    "allow-all": "policies/allow-all.toml",
    "judged": "tests/bench/policies/guarded.toml",
    "everything": "policies/http.toml",
}
# The time that its peers need none of: the token is verified once for a session.
CONFIG = """data_dir = "data"
[listen]
postgres = "127.0.0.1:0"
http = "127.0.0.1:{port}"
admin = "127.0.0.1:0"
insecure = true
[[connection]]
name = "api"
protocol = "http"
address = "http://127.0.0.1:{upstream}"
[[role]]
name = "bench"
connections = ["api"]
[policies]
files = ["{policy}"]
"""


@dataclass
class WebSample(Sample):
    """One run of wrk through one side. `chain_us` is the CPU of all that took part in a request: wrk, the proxy, the service. Its
    ratios are what those of the rates would be if nothing else were running."""

    chain_us: float = None


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--palisade", type=pathlib.Path, default=ROOT / "target/release/palisade")
    asked.add_argument("--pingora", type=pathlib.Path, default=ROOT / "target/release/bare-pingora")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--seconds", type=int, default=4, help="of each run of wrk")
    asked.add_argument("--clients", type=int, default=16)
    asked.add_argument("--json", type=pathlib.Path, default=ROOT / "target/bench/web.json")
    asked = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="palisade-bench-") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        running = []
        try:
            measured = measure(asked, folder, running)
        finally:
            for started in reversed(running):
                started.stop()
        size = (folder / "large.json").stat().st_size
    samples = {workload: {side: [asdict(sample) for sample in all] for side, all in sides.items()} for workload, sides in measured.items()}
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps({"large_bytes": size, "samples": samples}, indent=1))
    say(measured, size)


def measure(asked, folder, running):
    pages(folder)
    upstream = Nginx("direct", folder, f"location / {{ root {folder}; default_type application/json; }}")
    running.append(upstream)
    running.append(Nginx("nginx", folder, proxied(upstream.port), f"upstream service {{ server 127.0.0.1:{upstream.port}; keepalive 64; }}"))
    running.append(Pingora(asked.pingora.resolve(), upstream.port, folder))
    for name, policy in POLICIES.items():
        running.append(Gateway(name, asked.palisade.resolve(), upstream.port, ROOT / policy, folder))
    measured = {}
    for workload, page, clients in (("requests-1k", "small.json", asked.clients), ("json-1m", "large.json", 4)):
        rounds = measured.setdefault(workload, {side.name: [] for side in running})
        for each in range(asked.rounds):
            turn = each % len(running)
            for side in running[turn:] + running[:turn]:
                rounds[side.name].append(wrk(side, upstream, page, clients, asked.seconds))
    return measured


def pages(folder):
    """A page of 1 KB that holds nothing to mask, and one of 1 MB in which two keys of each entry are covered."""
    entry = {"id": 1234567, "name": "Ada Lovelace", "city": "London", "tags": ["a", "b"], "note": "x" * 60}
    small = json.dumps([entry] * 8)
    secret = entry | {"password": "correct-horse-battery", "api_key": "k-8d1f0c"}
    large = json.dumps([secret] * 4400)
    (folder / "small.json").write_text(small)
    (folder / "large.json").write_text(large)


def proxied(port):
    return 'location /api/ { proxy_pass http://service/; proxy_http_version 1.1; proxy_set_header Connection ""; }'


class Nginx:
    """Debian's nginx, with two workers."""

    def __init__(self, name, folder, location, upstream=""):
        self.name, self.port, own = name, servers.free_port(), folder / f"{name}.nginx"
        own.mkdir()
        self.target = f"http://127.0.0.1:{self.port}/" + ("api/" if upstream else "")
        temporary = "".join(f"{kind}_temp_path {own}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (own / "nginx.conf").write_text(
            f"worker_processes 2; daemon off; master_process on; pid {own}/pid; error_log {own}/error.log;"
            f"events {{ worker_connections 1024; }} http {{ access_log off; sendfile on; keepalive_requests 1000000; {temporary} {upstream}"
            f" server {{ listen 127.0.0.1:{self.port}; {location} }} }}"
        )
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(program):
            raise SystemExit("bench: nginx is missing: apt-get install -y nginx-light")
        self.process = servers.spawn([program, "-c", own / "nginx.conf"], folder / f"{name}.log")
        servers.wait_for(name, lambda: listens(self.port), self.process, folder / f"{name}.log")
        # Its workers do the work.
        self.workers = children(self.process.pid)
        self.pids = self.workers if upstream else []
        self.headers = []

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Pingora:
    """A reverse proxy on pingora's own, with no policy (the program in `pingora`)."""

    name, headers = "pingora", []

    def __init__(self, binary, upstream, folder):
        if not binary.exists():
            raise SystemExit(f"bench: {binary} is missing: `make bench` builds it")
        port = servers.free_port()
        self.process = servers.spawn([binary, f"127.0.0.1:{port}", f"127.0.0.1:{upstream}"], folder / "pingora.log")
        servers.wait_for("pingora", lambda: listens(port), self.process, folder / "pingora.log")
        self.target, self.pids = f"http://127.0.0.1:{port}/", [self.process.pid]

    def stop(self):
        # Asked to end by SIGTERM, it would wait five minutes for whoever may still come.
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class Gateway:
    """The real binary with one policy file."""

    def __init__(self, name, binary, upstream, policy, folder):
        self.name, port, own = name, servers.free_port(), folder / name
        own.mkdir()
        (own / "palisade.toml").write_text(CONFIG.format(port=port, upstream=upstream, policy=policy))
        command = [binary, "--config", own / "palisade.toml"]
        self.process = servers.spawn([*command, "serve"], folder / f"{name}.log")
        servers.wait_for("the gateway", lambda: (own / "data/listening.json").exists(), self.process, folder / f"{name}.log")
        token = [*command, "token", "--subject", "wrk", "--role", ROLE, "--ttl", "1h"]
        token = subprocess.run(token, capture_output=True, text=True, check=True).stdout.strip()
        self.target, self.headers = f"http://127.0.0.1:{port}/c/api/", ["-H", f"Authorization: Bearer {token}"]
        self.pids = [self.process.pid]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wrk(side, service, page, clients, seconds):
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("bench: wrk is missing: apt-get install -y wrk")
    command = [program, "-t2", f"-c{clients}", f"-d{seconds}s", "--latency", *side.headers, side.target + page]
    before, all_before = sum(map(accounts.cpu_seconds, side.pids)), chain(side, service)
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent, by_all = sum(map(accounts.cpu_seconds, side.pids)) - before, chain(side, service) - all_before
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"bench: not all requests were answered through {side.name}:\n{said}")
    count = int(re.search(r"(\d+) requests in", said).group(1))
    rate = float(re.search(r"Requests/sec: *([0-9.]+)", said).group(1))
    per_thousand = spent * 1e6 / count if side.pids else None
    return WebSample(rate, milliseconds(said, "50%"), milliseconds(said, "99%"), per_thousand, chain_us=by_all * 1e6 / count)


def chain(side, service):
    """CPU seconds of wrk so far, of a side and of the service."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + sum(map(accounts.cpu_seconds, {*side.pids, *service.workers}))


def milliseconds(said, part):
    number, unit = re.search(rf"{re.escape(part)} +([0-9.]+)(us|ms|s)", said).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def say(measured, size):
    print("| workload | side | requests/s to direct | to nginx | to pingora | p99 to nginx | p99 to pingora | CPU to nginx | CPU to pingora | CPU µs | rate to pingora, by all CPU |")
    print("|---|---|" + "---:|" * 9)
    cells = [("per_second", "direct"), ("per_second", "nginx"), ("per_second", "pingora")]
    cells += [(kind, to) for kind in ("p99_ms", "cpu_ms_per_1000") for to in ("nginx", "pingora")]
    for workload, rounds in measured.items():
        for side in rounds:
            numbers = [ratios.shown(ratios.ratio(rounds, kind, side, to)) for kind, to in cells]
            numbers.append(ratios.shown(ratios.median(rounds, "cpu_ms_per_1000", side), "{:.1f}"))
            numbers.append(ratios.shown(ratios.ratio(rounds, "chain_us", "pingora", side)))
            print(f"| {workload} | {side} | " + " | ".join(numbers) + " |")
    print()
    small, large = measured["requests-1k"], measured["json-1m"]
    for side in POLICIES:
        reached, alone = ratios.ratio(small, "per_second", side, "pingora"), ratios.ratio(small, "chain_us", "pingora", side)
        print(f"- requests of 1 KB, {side}, to pingora's with no policy (wanted: 0.8): {reached:.2f}, by all CPU {alone:.2f}")
    for what, kind in (("rate", "per_second"), ("CPU", "cpu_ms_per_1000")):
        print(f"- masked JSON of 1 MB to the same unmasked, {what}: {ratios.ratio(large, kind, 'everything', 'allow-all'):.2f}")
    speed = size / ratios.median(large, "cpu_ms_per_1000", "everything")
    print(f"- masked JSON, MB/s of a core of the gateway's (wanted: 400): {speed:.0f}")


if __name__ == "__main__":
    main()
