#!/usr/bin/env python3
"""A run of `run.py` as the tables of RESULTS.md: each workload's ratios, and the targets."""

import argparse
import json
import pathlib

import ratios
from load import Sample

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("run", type=pathlib.Path, nargs="?", default=ROOT / "target/bench/latest.json")
    run = json.loads(asked.parse_args().run.read_text())
    machine = run["machine"]
    print(f"{machine['date']}, {machine['cores']} cores, {machine['system']}, {machine['postgresql']};")
    print(f"{run['rounds']} rounds of {run['seconds']} s, {run['rows']} rows.\n")
    print("| workload | side | rate to direct | rate to relay | rate to pgbouncer | p99 to pgbouncer | CPU to pgbouncer |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for workload, sides in run["samples"].items():
        rounds = {side: [Sample(**sample) for sample in each] for side, each in sides.items()}
        bouncer = next((side for side in rounds if side.startswith("pgbouncer")), "")
        for side in rounds:
            if side != "direct":
                cells = [("per_second", "direct"), ("per_second", "relay"), ("per_second", bouncer)]
                cells += [("p99_ms", bouncer), ("cpu_ms_per_1000", bouncer)]
                numbers = (ratios.shown(ratios.ratio(rounds, kind, side, to)) for kind, to in cells)
                print(f"| {workload} | {side} | " + " | ".join(numbers) + " |")
    print("\n| target | wanted | reached | |\n|---|---:|---:|---|")
    for target in run["targets"]:
        sign, good = "≥" if target["at_least"] else "≤", "yes" if target["good"] else "**no**"
        print(f"| {target['what']} | {sign} {target['bound']:g} | {target['reached']:.2f} | {good} |")
    print()
    for what, values in run["single"].items():
        print(f"- {what}: " + ", ".join(f"{name} {value:.1f}" for name, value in values.items()))


if __name__ == "__main__":
    main()
