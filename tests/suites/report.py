"""What the sides have in common and where they differ: on the terminal and as JSON."""

import json
from collections import Counter


def worse(direct, side):
    """The tests that pass direct and do not pass here."""
    passed = (test for test, (outcome, _) in direct.items() if outcome == "passed")
    return sorted(test for test in passed if side.get(test, ("missing", ""))[0] != "passed")


def regressions(result):
    sides = result["sides"]
    return sorted({test for side in sides.values() for test in worse(sides["direct"], side)})


def ran_nothing(result):
    """A suite that runs no test proves nothing: its requirements are not met."""
    return not result["skipped"] and counts(result["sides"]["direct"])["passed"] == 0


def differences(result):
    """Every test whose outcome is not the same on all sides."""
    sides = result["sides"]
    for test in sorted({test for side in sides.values() for test in side}):
        seen = {name: side.get(test, ("missing", "")) for name, side in sides.items()}
        if len({outcome for outcome, _ in seen.values()}) > 1:
            yield test, seen


def counts(side):
    counted = Counter(outcome for outcome, _ in side.values())
    failed = counted["failed"] + counted["hung"]
    return {"passed": counted["passed"], "failed": failed, "skipped": counted["skipped"]}


def show_suite(result):
    print(f"\n{result['suite']}")
    if result["skipped"]:
        print(f"  skipped: {result['skipped']}")
    elif ran_nothing(result):
        print("  no test passed direct: see target/suites/logs")
    for name, side in result["sides"].items():
        print(f"  {name:<10}" + "".join(f"{count:>7} {what}" for what, count in counts(side).items()))
    for side, tests in result["second_try"].items():
        for test in tests:
            print(f"  passed on a second try ({side}): {test}")
    for (outcomes, message), tests in by_cause(result).items():
        print(f"  {outcomes}")
        for line in (*message, *(f"- {test}" for test in tests)):
            print(f"      {line}")


def by_cause(result):
    """Tests that differ for the same reason, together."""
    causes = {}
    for test, seen in differences(result):
        outcomes = "  ".join(f"{name}: {outcome}" for name, (outcome, _) in seen.items())
        causes.setdefault((outcomes, first_message(seen)), []).append(test)
    return causes


def first_message(seen):
    """What the first side to fail says, shortened."""
    bad = (message for name, (outcome, message) in seen.items() if name != "direct" and outcome != "passed")
    text = next(filter(None, bad), "")
    return tuple(line for line in text.splitlines() if line.strip())[:4]


def show_totals(results):
    print("\nsuite                 direct      allow-all         judged   (passed/failed)")
    for result in results:
        if result["skipped"]:
            print(f"{result['suite']:<20} skipped: {result['skipped']}")
            continue
        cells = (counts(side) for side in result["sides"].values())
        line = "".join(f"{cell['passed']:>8}/{cell['failed']:<6}" for cell in cells)
        print(f"{result['suite']:<20}{line}")
    count = sum(len(regressions(result)) for result in results)
    print(f"\n{count} tests pass direct and fail through the gateway")


def write(results, path):
    path.write_text(json.dumps([as_json(result) for result in results], indent=1) + "\n")


def as_json(result):
    return {
        "suite": result["suite"],
        "skipped": result["skipped"],
        "counts": {name: counts(side) for name, side in result["sides"].items()},
        "regressions": regressions(result) if result["sides"] else [],
        "second_try": result["second_try"],
        "differences": [
            {"test": test, **{name: dict(zip(("outcome", "message"), one)) for name, one in seen.items()}}
            for test, seen in differences(result)
        ],
    }
