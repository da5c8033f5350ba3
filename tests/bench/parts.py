#!/usr/bin/env python3
"""Compares the benchmarks of the parts with the checked-in ones, each as a ratio to the calibration loop of the same run.

Of each the fastest sample counts: what else the machine does only adds. What seems slower is measured again, with the calibration
loop beside it, for a machine that was slow for some seconds tells nothing. With --keep the run becomes the baseline; one that was kept
on another processor, whose parts are not slower and faster alike, is shown, and fails nothing.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BASELINE = pathlib.Path(__file__).with_name("parts.json")
CALIBRATION = "calibration"
# So much slower is a regression, and not the machine.
MOST = 1.20
# So often what seems slower is measured again.
AGAIN = 3


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--criterion", type=pathlib.Path, default=ROOT / "target/criterion")
    asked.add_argument("--keep", action="store_true", help="make this run the baseline")
    asked = asked.parse_args()
    ratios = ratios_of(asked.criterion)
    if asked.keep:
        BASELINE.write_text(json.dumps({"processor": processor(), "ratios": ratios}, indent=1) + "\n")
        return 0
    kept = json.loads(BASELINE.read_text())
    baseline, same = kept["ratios"], kept["processor"] == processor()
    for _ in range(AGAIN):
        slower = slower_than(baseline, ratios)
        if not slower:
            break
        measure([CALIBRATION, *slower])
        again = ratios_of(asked.criterion)
        ratios |= {name: min(ratios[name], again[name]) for name in slower}
    failed = compare(baseline, ratios)
    if failed and not same:
        print("The baseline is of another processor: compare with what `parts.py --keep` keeps before a change.")
    return failed if same else 0


def processor():
    """What tells one kind from another, as Linux says it."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    said = dict(reversed([line.split("\t", 1) for line in lines if "\t" in line]))
    wanted = ("vendor_id", "cpu family", "model", "stepping", "cache size")
    return " ".join(said.get(key, "").strip("\t: ") for key in wanted)


def measure(names):
    print(f"parts: measuring again what seems slower ({len(names) - 1})", flush=True)
    only = "|".join(re.escape(name) for name in names)
    command = ["cargo", "bench", "--quiet", "-p", "palisade", "--bench", "parts", "--", f"^({only})$"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def slower_than(baseline, ratios):
    return [name for name, ratio in ratios.items() if name in baseline and ratio > baseline[name] * MOST]


def ratios_of(folder):
    times = {}
    for file in folder.glob("*/new/sample.json"):
        named = json.loads((file.parent / "benchmark.json").read_text())
        # Those in groups are other crates' own.
        if named["function_id"] is None:
            sample = json.loads(file.read_text())
            times[named["full_id"]] = min(t / n for t, n in zip(sample["times"], sample["iters"], strict=True))
    if CALIBRATION not in times:
        raise SystemExit("parts: run `cargo bench -p palisade --bench parts` first")
    unit = times.pop(CALIBRATION)
    return {name: round(time / unit, 4) for name, time in sorted(times.items())}


def compare(baseline, ratios):
    slower = slower_than(baseline, ratios)
    print(f"{'':42}{'baseline':>10}{'now':>10}{'now to it':>11}")
    for name, ratio in ratios.items():
        before = baseline.get(name)
        change = ratio / before if before else None
        print(f"{name:42}{before or '':>10}{ratio:>10}" + (f"{change:>11.2f}" if change else "        new"))
    gone = sorted(baseline.keys() - ratios.keys())
    for name in gone:
        print(f"{name}: not measured any more")
    for name in slower:
        print(f"SLOWER by more than {MOST - 1:.0%}: {name}")
    return 1 if slower or gone else 0


if __name__ == "__main__":
    sys.exit(main())
