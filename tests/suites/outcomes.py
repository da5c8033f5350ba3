"""A pytest plugin: each test's outcome, written down as soon as it is known.

A driver that blocks in C can only be ended with its whole process.
What was written is not run again by the next process; the test that had begun counts as hung.
"""

import json
import os
from pathlib import Path

import pytest

PATH = Path(os.environ["SUITE_OUTCOMES"])
ONLY = os.environ.get("SUITE_ONLY")
known = {}


def write(test, outcome, message=""):
    with PATH.open("a") as file:
        file.write(json.dumps({"test": test, "outcome": outcome, "message": message}) + "\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    done = {json.loads(line)["test"] for line in PATH.open()} if PATH.exists() else set()
    only = set(json.loads(Path(ONLY).read_text())) if ONLY else None
    kept = [item for item in items if item.nodeid not in done and (only is None or item.nodeid in only)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_runtest_logstart(nodeid, location):
    known.pop(nodeid, None)
    write(nodeid, "hung")


def pytest_runtest_logreport(report):
    # A failure in any phase is the test's; a pass is one only of the test itself.
    before = known.get(report.nodeid, ("skipped", ""))
    if report.failed:
        known[report.nodeid] = ("failed", cause(report))
    elif report.passed and report.when == "call" and before[0] != "failed":
        known[report.nodeid] = ("passed", "")


def pytest_runtest_logfinish(nodeid, location):
    write(nodeid, *known.pop(nodeid, ("skipped", "")))


def pytest_sessionfinish(session):
    # A test that took too long ends the process in another way.
    PATH.with_suffix(".done").touch()


def cause(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr))[:2000]
