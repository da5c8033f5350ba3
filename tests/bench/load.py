"""pgbench through one side, with the accounts of the process that it went through."""

import os
import re
import statistics
import subprocess
import time
from dataclasses import dataclass

import accounts
from sides import servers


@dataclass
class Sample:
    """One run of one workload through one side. `operations` are transactions, connections or bytes, as the workload has it."""

    per_second: float
    p50_ms: float = None
    p99_ms: float = None
    cpu_ms_per_1000: float = None
    peak_kib: int = None


def pgbench(side, folder, *arguments, sslmode="disable"):
    """Runs pgbench, which must succeed with every connection."""
    environment = side.environment() | {"PGSSLMODE": sslmode}
    command = [servers.program("pgbench"), *map(str, arguments)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0 or "aborted" in done.stderr:
        raise SystemExit(f"bench: pgbench failed through {side.name}: {done.stderr}")
    return done.stdout


def run(proxy, folder, seconds, *arguments, sslmode="disable"):
    """So many seconds of pgbench through a side."""
    name = f"log-{proxy.name}"
    for old in folder.glob(f"{name}.*"):
        old.unlink()
    accounts.forget_peak(proxy.pid)
    before = accounts.cpu_seconds(proxy.pid)
    said = pgbench(proxy.side(), folder, "-n", "-j", 1, "-T", seconds, *arguments, "-l", f"--log-prefix={folder / name}", sslmode=sslmode)
    spent = accounts.cpu_seconds(proxy.pid) - before
    # Without the time that it took to connect, but where each transaction does.
    rate = float(re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE).group(1))
    times = sorted(int(line.split()[2]) / 1000 for log in folder.glob(f"{name}.*") for line in log.open())
    if not times:
        raise SystemExit(f"bench: {seconds} s are too short for pgbench to connect through {proxy.name}: use --seconds")
    return sample(times, rate, spent, proxy.pid)


def sample(times, rate, spent, pid):
    return Sample(
        per_second=rate,
        p50_ms=statistics.median(times),
        p99_ms=times[min(len(times) - 1, int(len(times) * 0.99))],
        cpu_ms_per_1000=spent * 1e6 / len(times) if pid else None,
        peak_kib=accounts.peak_kib(pid),
    )


def timed(proxy, action):
    """How long an action takes that moves bytes: MB a second, and CPU for a thousand megabytes."""
    accounts.forget_peak(proxy.pid)
    before = accounts.cpu_seconds(proxy.pid)
    began = time.monotonic()
    moved = action() / 1e6
    took = time.monotonic() - began
    spent = accounts.cpu_seconds(proxy.pid) - before
    cpu = spent * 1e6 / moved if proxy.pid else None
    return Sample(per_second=moved / took, cpu_ms_per_1000=cpu, peak_kib=accounts.peak_kib(proxy.pid))


def cores():
    return len(os.sched_getaffinity(0))
