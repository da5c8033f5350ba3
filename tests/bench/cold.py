"""How long it takes from starting the gateway to the answer to a first query, with its plugins compiled before and not."""

import shutil
import time

from sides import servers
from wire import Connection, Refused

# So long between two attempts to connect.
STEP = 0.002


def measure(gateway, rounds):
    """Milliseconds, in turn with and without what was compiled before; the median belongs to the caller."""
    times = {"cached": [], "compiling": []}
    for _ in range(rounds):
        for kind, found in times.items():
            gateway.stop()
            if kind == "compiling":
                for folder in compiled(gateway):
                    shutil.rmtree(folder)
            found.append(first_answer(gateway))
    return times


def compiled(gateway):
    folders = {file.parent for file in (gateway.folder / "data").rglob("*.cwasm")}
    if not folders:
        raise SystemExit("bench: the gateway keeps no compiled code, so there is nothing to compare")
    return folders


def first_answer(gateway):
    began = time.monotonic()
    gateway.process = servers.spawn(gateway._command("serve"), gateway.folder / "gateway.log", gateway._environment())
    gateway.pid = gateway.process.pid
    while True:
        try:
            connection = Connection(gateway.side(), servers.NAME)
            break
        except (ConnectionError, Refused):
            if gateway.process.poll() is not None or time.monotonic() - began > 60:
                raise SystemExit("bench: the gateway did not start again") from None
            time.sleep(STEP)
    connection.query("SELECT abalance FROM pgbench_accounts WHERE aid = 1")
    took = (time.monotonic() - began) * 1000
    connection.close()
    return took
