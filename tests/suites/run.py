#!/usr/bin/env python3
"""Runs test suites that others wrote, direct and through the gateway, and says what differs."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import report
import suites
from servers import Gateway, Postgres, make_template

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTPUT = ROOT / "target/suites"
# The first is what the others are compared with.
SIDES = {"direct": None, "allow-all": ROOT / "policies/allow-all.toml", "judged": HERE / "judged.toml"}


def main():
    options = arguments()
    # Servers are stopped on the way out, so no signal may end it in another way.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    tools = suites.Tools(OUTPUT, {"psycopg": options.psycopg, "node-postgres": options.node_postgres})
    tools.prepare()
    results = []
    with scratch() as folder:
        make_template(folder / "template")
        for kind in suites.ALL:
            if options.only and kind.name not in options.only:
                continue
            result = run_suite(kind(tools, options.quick), Path(options.palisade).resolve(), folder)
            report.show_suite(result)
            results.append(result)
    report.write(results, OUTPUT / "report.json")
    report.show_totals(results)
    return 1 if any(report.regressions(result) or report.ran_nothing(result) for result in results) else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--palisade", required=True, help="the gateway's binary")
    names = [kind.name for kind in suites.ALL]
    parser.add_argument("--only", action="append", choices=names, help="run this suite; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer transactions and tests of SQLAlchemy's")
    for name in ("psycopg", "node-postgres"):
        default = os.environ.get(f"{name.upper().replace('-', '_')}_CHECKOUT")
        parser.add_argument(f"--{name}", metavar="PATH", default=default, help=f"a checkout of {name}")
    return parser.parse_args()


def run_suite(suite, binary, folder):
    result = {"suite": suite.name, "skipped": suite.unavailable(), "sides": {}, "second_try": {}}
    if result["skipped"]:
        return result
    for side in SIDES:
        print(f"{suite.name}: {side} ...", file=sys.stderr, flush=True)
        result["sides"][side] = run_side(suite, side, binary, folder)
        if report.ran_nothing(result):
            break
        failed = report.worse(result["sides"]["direct"], result["sides"][side])
        if failed:
            retry(suite, side, binary, folder, result, failed)
    return result


def retry(suite, side, binary, folder, result, failed):
    """Tests that depend on time fail at times; what passes alone on a fresh server is no difference."""
    again = run_side(suite, side, binary, folder, failed)
    passed = sorted(test for test in failed if again.get(test, ("",))[0] == "passed")
    result["second_try"][side] = passed
    result["sides"][side] |= {test: again[test] for test in passed}


def run_side(suite, side, binary, folder, only=None):
    """Everything is new for each side: what one leaves behind cannot help or harm another."""
    own = folder / f"{suite.name}-{side}"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    own.chmod(0o755)
    with stopped(Postgres(folder / "template", own)) as server:
        for statement in suite.setup:
            server.run(statement)
        if SIDES[side] is None:
            outcomes = suite.run(server.side(), own, only)
        else:
            with stopped(Gateway(binary, server, SIDES[side], own)) as gateway:
                outcomes = suite.run(gateway.side(side), own, only)
        keep_logs(own)
        return outcomes


def keep_logs(own):
    logs = OUTPUT / "logs" / own.name
    logs.mkdir(parents=True, exist_ok=True)
    for log in own.glob("*.log"):
        shutil.copy(log, logs)


@contextmanager
def stopped(server):
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def scratch():
    # Not under target/: PostgreSQL's own user must be able to get there, by a path short enough for a socket.
    with tempfile.TemporaryDirectory(prefix="palisade-suites.") as name:
        os.chmod(name, 0o755)
        yield Path(name)


if __name__ == "__main__":
    sys.exit(main())
