"""What must be reached, on two cores and in one run."""

from ratios import Target

MODES = ("simple", "extended", "prepared")
SIDES = {"everything": "everything on", "one-thread": "everything on, one thread as pgbouncer has"}
PGBOUNCER = (
    ("per_second", "transactions", 1.0, True),
    ("cpu_ms_per_1000", "CPU", 1.15, False),
    ("p99_ms", "p99", 1.2, False),
)


def all_targets():
    targets = []
    for mode in MODES:
        for clients in (8, 32):
            workload = f"select-{mode}-{clients}"
            for side, name in SIDES.items():
                name = f"select-only, {mode}, {clients} clients, {name}"
                for kind, what, bound, at_least in PGBOUNCER:
                    targets.append(Target(f"{name}: {what} to pgbouncer's", workload, side, kind, "pgbouncer", bound, at_least))
            what = f"select-only, {mode}, {clients} clients, allow-all: transactions to the relay's"
            targets.append(Target(what, workload, "allow-all", "per_second", "relay", 0.95, True))
    for workload, bound, what in (
        ("bulk-plain", 0.95, "nothing masked"),
        ("bulk-two-masked", 0.85, "two of ten columns masked by plan"),
        ("bulk-one-inspected", 0.65, "one column through `inspect`"),
    ):
        targets.append(Target(f"a large result, {what}: MB/s to the relay's", workload, "columns", "per_second", "relay", bound, True))
    targets += [
        Target("connection churn to direct", "churn-8", "everything", "per_second", "direct", 0.5, True),
        Target("an idle session, KiB", "idle KiB", "everything", None, None, 24, False),
        Target("cold start to the first answer, compiled before, ms", "cold start ms", "cached", None, None, 200, False),
        Target("events lost by kill -9", "loss", "lost", None, None, 0, False),
    ]
    return targets
