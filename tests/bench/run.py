#!/usr/bin/env python3
"""What the gateway costs, against PostgreSQL itself, a plain relay and pgbouncer: everything in turn, in one run, as ratios.

Prints tables in Markdown, and writes the same and every sample as JSON to target/bench/latest.json.
"""

import argparse
import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict

import bulk
import cold
import idle
import load
import loss
import ratios
import swap
from sides import ONE_THREAD, ROOT, Direct, Gateway, PgBouncer, Relay, servers
from targets import MODES, all_targets

CLIENTS = (1, 8, 32)
POLICIES = pathlib.Path(__file__).resolve().parent / "policies"


def main():
    asked = arguments()
    with tempfile.TemporaryDirectory(prefix="palisade-bench-") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        bench = Bench(asked, folder)
        try:
            bench.all()
        finally:
            bench.stop()
    bench.report()
    sys.exit(bench.failed)


def arguments():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--palisade", type=pathlib.Path, default=ROOT / "target/release/palisade")
    asked.add_argument("--relay", type=pathlib.Path, default=ROOT / "target/release/examples/plain")
    asked.add_argument("--quick", action="store_true", help="a few minutes: fewer and shorter rounds, fewer rows and sessions")
    asked.add_argument("--only", default="", help="only workloads whose names begin with one of these, separated by commas")
    asked.add_argument("--rounds", type=int)
    asked.add_argument("--seconds", type=float, help="of each run of pgbench")
    asked.add_argument("--json", type=pathlib.Path, default=ROOT / "target/bench/latest.json")
    asked = asked.parse_args()
    asked.rounds = asked.rounds or (3 if asked.quick else 5)
    asked.seconds = int(asked.seconds or (2 if asked.quick else 3))
    asked.rows = 200_000 if asked.quick else 1_000_000
    asked.sessions = 500 if asked.quick else 5000
    return asked


class Bench:
    def __init__(self, asked, folder):
        self.asked, self.folder, self.running = asked, folder, []
        self.measured, self.single = {}, {}
        # What depends on no clock fails the run.
        self.failed = False
        servers.make_template(folder / "template")
        self.server = self.keep(servers.Postgres(folder / "template", folder))
        load.pgbench(self.server.side(), folder, "-i", "-q", "-s", 10)
        self.direct = Direct(self.server)
        self.relay = self.keep(Relay(asked.relay.resolve(), self.server, folder))
        self.bouncer = self.keep(PgBouncer(self.server, folder))
        self.allow_all = self.gateway("allow-all", ROOT / "policies/allow-all.toml")
        self.everything = self.gateway("everything", ROOT / "policies/baseline.toml")
        self.one_thread = self.gateway("one-thread", ROOT / "policies/baseline.toml", limits=ONE_THREAD)

    def gateway(self, name, policy, **more):
        return self.keep(Gateway(name, self.asked.palisade.resolve(), self.server, policy, self.folder, **more))

    def keep(self, started):
        self.running.append(started)
        return started

    def stop(self):
        for started in reversed(self.running):
            started.stop()

    def wants(self, workload):
        only = self.asked.only.split(",")
        return any(workload.startswith(start) for start in only)

    def all(self):
        self.transactions()
        self.results()
        self.with_tls()
        self.alone()

    def in_turn(self, workload, sides, run):
        """Every side once in each round, each time beginning with another."""
        if not self.wants(workload):
            return
        rounds = {side.name: [] for side in sides}
        for each in range(self.asked.rounds):
            for side in sides[each % len(sides) :] + sides[: each % len(sides)]:
                rounds[side.name].append(run(side))
        self.measured[workload] = rounds
        print("\n".join(ratios.tables({workload: rounds})), flush=True)

    def pgbench(self, workload, sides, *arguments, **more):
        run = lambda side: load.run(side, self.folder, self.asked.seconds, *arguments, **more)  # noqa: E731
        self.in_turn(workload, sides, run)

    def transactions(self):
        sides = [self.direct, self.relay, self.bouncer, self.allow_all, self.everything, self.one_thread]
        for mode in MODES:
            for clients in CLIENTS:
                self.pgbench(f"select-{mode}-{clients}", sides, "-S", "-M", mode, "-c", clients)
        self.pgbench("default-prepared-8", sides, "-M", "prepared", "-c", 8)
        self.pgbench("churn-8", sides, "-S", "-C", "-c", 8)

    def results(self):
        if not any(self.wants(f"bulk-{kind}") for kind in [*bulk.COLUMNS, "copy", "searched"]):
            return
        bulk.make(self.server, self.asked.rows)
        moody = self.guest("moody")
        policy = self.folder / "columns.toml"
        policy.write_text((POLICIES / "columns.toml").read_text().replace("MOODY", str(moody)))
        columns = self.gateway("columns", policy)
        plain = [self.direct, self.relay, self.bouncer, self.allow_all, columns]
        for kind in bulk.COLUMNS:
            sides = plain if kind == "plain" else [self.direct, self.relay, columns]
            self.in_turn(f"bulk-{kind}", sides, lambda side, kind=kind: bulk.run(side, bulk.select(kind)))
        # Every text searched for secrets, as the baseline does it.
        sides = [self.direct, self.relay, self.everything]
        self.in_turn("bulk-searched", sides, lambda side: bulk.run(side, bulk.select("plain")))
        self.in_turn("bulk-copy", plain, lambda side: bulk.run(side, bulk.copy("plain")))

    def with_tls(self):
        workload = "tls-select-prepared-8"
        if not self.wants(workload):
            return
        bouncer = self.keep(PgBouncer(self.server, self.folder, tls=True))
        gateway = self.gateway("everything-tls", ROOT / "policies/baseline.toml", tls=True)
        sides = [self.direct, bouncer, gateway]
        self.pgbench(workload, sides, "-S", "-M", "prepared", "-c", 8, sslmode="require")

    def alone(self):
        """What is measured of the gateway by itself."""
        if self.wants("cold start ms"):
            times = cold.measure(self.everything, self.asked.rounds)
            self.single["cold start ms"] = {kind: statistics.median(each) for kind, each in times.items()}
        if self.wants("loss"):
            answered, lost = loss.measure(self.everything)
            self.single["loss"] = {"answered": answered, "lost": lost}
            self.failed |= lost > 0
        if self.wants("swap"):
            self.single["swap"] = swap.measured(self.asked.palisade, self.folder, self.asked.quick)
        if self.wants("idle KiB"):
            self.idle()

    def idle(self):
        own = self.folder / "idle"
        own.mkdir()
        stub = idle.Stub(None, own)
        binary, baseline = self.asked.palisade.resolve(), ROOT / "policies/baseline.toml"
        makes = {
            "relay": lambda: Relay(self.asked.relay.resolve(), stub, own),
            "pgbouncer": lambda: PgBouncer(stub, own, pool=10_000),
            "everything": lambda: Gateway("idle", binary, stub, baseline, own),
        }
        try:
            self.single["idle KiB"] = idle.measure(makes, self.asked.sessions)
        finally:
            stub.stop()

    def guest(self, name):
        """A plugin of the tests', for WebAssembly."""
        return swap.build_guest(name, self.folder / f"{name}.wasm", {})

    def report(self):
        verdicts = ratios.judged(all_targets(), self.measured, self.single)
        lines = [f"- {what}: " + ", ".join(f"{k} {v:.1f}" for k, v in values.items()) for what, values in self.single.items()]
        print("\n".join(["", *lines, *ratios.target_lines(verdicts)]))
        samples = {w: {s: [asdict(x) for x in each] for s, each in rounds.items()} for w, rounds in self.measured.items()}
        targets = [asdict(target) | {"reached": reached, "good": good} for target, reached, good in verdicts]
        document = {"machine": machine(), "rounds": self.asked.rounds, "seconds": self.asked.seconds, "rows": self.asked.rows,
                    "samples": samples, "single": self.single, "targets": targets}  # fmt: skip
        self.asked.json.parent.mkdir(parents=True, exist_ok=True)
        self.asked.json.write_text(json.dumps(document, indent=1) + "\n")
        print(f"\n{self.asked.json}")


def machine():
    version = subprocess.run([servers.program("postgres"), "--version"], capture_output=True, text=True, check=True)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": load.cores(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "postgresql": version.stdout.strip(),
    }


if __name__ == "__main__":
    main()
