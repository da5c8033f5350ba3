#!/usr/bin/env python3
"""How long `palisade backtest` takes over a record of many commands, with a plugin in Rust as the candidate.

The record is made first: pgbench through the gateway, each command another text, so that hardly any verdict can be remembered.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

from swap import ROOT, build, pgbench, servers


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--palisade", type=pathlib.Path, default=ROOT / "target/release/palisade")
    asked.add_argument("--commands", type=int, default=100_000)
    asked = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        bench(asked, folder)


def bench(asked, folder):
    candidate = build("pgbench_accounts", folder)
    servers.make_template(folder / "template")
    server = servers.Postgres(folder / "template", folder)
    gateway = servers.Gateway(asked.palisade.resolve(), server, ROOT / "policies/baseline.toml", folder)
    try:
        pgbench(server.side(), folder, "-i", "-q", "-s", "10")
        clients = 16
        each = ["-t", str(asked.commands // clients), "-c", str(clients), "-j", "1"]
        pgbench(gateway.side("gateway"), folder, "-n", "-S", "-M", "simple", *each)
        while_running = measure(gateway, candidate)
    finally:
        gateway.stop()
        server.stop()
    print(f"while the gateway runs:    {while_running:.1f} s")
    print(f"where it does not:         {measure(gateway, candidate):.1f} s")


def measure(gateway, candidate):
    began = time.monotonic()
    command = gateway._command("backtest", "--plugin", candidate, "--name", "candidate")
    done = subprocess.run(command, env=gateway._environment(), capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode != 2:
        raise SystemExit(f"the backtest found nothing: {done.stdout}{done.stderr}")
    print(done.stdout)
    return took


if __name__ == "__main__":
    main()
