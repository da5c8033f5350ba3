#!/usr/bin/env python3
"""What a client notices of policies that change under load: pgbench, with swaps and without, in one run.

Two versions of a guard that deny different tables change places again and again while pgbench runs through the gateway.
Phases with and without swaps follow each other several times, so that a noisy machine is noisy for both.
"""

import argparse
import http.client
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "suites"))
import servers  # noqa: E402

TABLES = ["left_side", "right_side"]


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--palisade", type=pathlib.Path, default=ROOT / "target/release/palisade")
    asked.add_argument("--clients", type=int, default=16)
    asked.add_argument("--swaps", type=int, default=200, help="in all")
    asked.add_argument("--seconds", type=int, default=10, help="for each phase")
    asked.add_argument("--phases", type=int, default=4, help="of each kind")
    asked = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        bench(asked, folder)


def bench(asked, folder):
    versions = [build(table, folder) for table in TABLES]
    servers.make_template(folder / "template")
    server = servers.Postgres(folder / "template", folder)
    policy = folder / "policy.toml"
    policy.write_text(f"[[use]]\nplugin = '{versions[0]}'\nname = 'guard'\n")
    gateway = servers.Gateway(asked.palisade.resolve(), server, policy, folder)
    try:
        pgbench(server.side(), folder, "-i", "-q")
        return measure(asked, gateway, versions, folder)
    finally:
        gateway.stop()
        server.stop()


def measure(asked, gateway, versions, folder):
    side = gateway.side("gateway")
    times = {"quiet": [], "swapping": []}
    count = 0
    for phase in range(asked.phases):
        for kind in times:
            end = threading.Event()
            swapped = []
            if kind == "swapping":
                each = asked.seconds * asked.phases / asked.swaps
                swapper = threading.Thread(target=swap, args=(gateway, versions, each, end, swapped))
                swapper.start()
            times[kind].append(run(side, folder, asked, f"{kind}{phase}"))
            end.set()
            if kind == "swapping":
                swapper.join()
            count += len(swapped)
    return report(asked, times, count)


def measured(palisade, folder, quick):
    """The same as a part of a larger run: how many swaps, and the ratio of the p99 with them to that without."""
    own = folder / "swap"
    own.mkdir()
    own.chmod(0o755)
    swaps, seconds, phases = (40, 2, 2) if quick else (200, 5, 4)
    asked = argparse.Namespace(palisade=palisade, clients=16, swaps=swaps, seconds=seconds, phases=phases)
    return bench(asked, own)


def swap(gateway, versions, each, end, swapped):
    """Loads the two versions in turn, one in so many seconds, as `plugins load` does but without a process for each."""
    files = [version.read_bytes() for version in versions]
    admin = http.client.HTTPConnection("127.0.0.1", gateway.admin)
    headers = {"authorization": f"Bearer {gateway.token('administrator')}", "content-type": "application/wasm"}
    while not end.is_set():
        began = time.monotonic()
        version = (len(swapped) + 1) % 2
        admin.request("POST", "/v1/plugins?name=guard", files[version], headers)
        answer = admin.getresponse()
        if answer.status != 200:
            raise SystemExit(f"a swap was refused: {answer.read()}")
        answer.read()
        swapped.append(version)
        end.wait(max(0, each - (time.monotonic() - began)))


def run(side, folder, asked, name):
    """The latencies of a phase, in milliseconds, in order. pgbench fails where a connection is lost."""
    prefix = folder / name
    pgbench(
        side, folder, "-n", "-S", "-M", "prepared", "-c", str(asked.clients), "-j", "1",
        "-T", str(asked.seconds), "-l", f"--log-prefix={prefix}",
    )  # fmt: skip
    lines = (line for log in folder.glob(f"{name}.*") for line in log.read_text().splitlines())
    return sorted(int(line.split()[2]) / 1000 for line in lines)


def pgbench(side, folder, *arguments):
    done = subprocess.run(
        [servers.program("pgbench"), *arguments], env=side.environment(), cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0 or "aborted" in done.stderr:
        raise SystemExit(f"pgbench failed: {done.stderr}")


def report(asked, times, count):
    print(f"{asked.clients} clients, {count} swaps, no connection lost")
    print(f"{'':10}{'transactions':>14}{'median ms':>12}{'p99 ms':>10}{'most ms':>10}")
    p99 = {}
    for kind, phases in times.items():
        every = sorted(latency for phase in phases for latency in phase)
        p99[kind] = percentile(every, 0.99)
        numbers = (percentile(every, 0.5), p99[kind], every[-1])
        print(f"{kind:10}{len(every):>14}" + "".join(f"{number:>{12 if at == 0 else 10}.2f}" for at, number in enumerate(numbers)))
    print(f"p99 while swapping is {p99['swapping'] / p99['quiet']:.2f} times that without")
    return {"swaps": count, "p99 to that without": p99["swapping"] / p99["quiet"]}


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def build(table, folder):
    """A version of the guard that denies one table."""
    return build_guest("picket", folder / f"{table}.wasm", {"PICKET_TABLE": table})


def build_guest(name, file, variables):
    """One of the tests' plugins, built into a file."""
    own = ROOT / "target/wasm-toolchain/cargo"
    target = ROOT / "target/plugins"
    command = [own if own.exists() else "cargo", "build", "--quiet", "--profile", "plugin", "-p", name]
    command += ["--target", "wasm32-unknown-unknown", "--target-dir", target]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | variables)
    shutil.copy(target / f"wasm32-unknown-unknown/plugin/{name}.wasm", file)
    return file


if __name__ == "__main__":
    main()
