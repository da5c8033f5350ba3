"""Ratios and targets: nothing here is an absolute number alone."""

import statistics
from dataclasses import dataclass

# Of a sample's numbers: how it is called, and what it is called in the table.
KINDS = {"per_second": "rate", "p50_ms": "p50", "p99_ms": "p99", "cpu_ms_per_1000": "CPU"}


@dataclass
class Target:
    """What must be reached: a number of one side as a ratio to another's in the same round, or (`against` is none) as it is."""

    what: str
    workload: str
    side: str
    kind: str
    against: str
    bound: float
    at_least: bool


def ratio(rounds, kind, side, against):
    """The median of the rounds' ratios: what disturbs a round disturbs both."""
    pairs = zip(rounds.get(side, []), rounds.get(against, []), strict=False)
    values = [(getattr(a, kind), getattr(b, kind)) for a, b in pairs]
    ratios = [a / b for a, b in values if a is not None and b]
    return statistics.median(ratios) if ratios else None


def median(rounds, kind, side):
    values = [getattr(sample, kind) for sample in rounds.get(side, [])]
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def shown(value, form="{:.2f}"):
    return "" if value is None else form.format(value)


def tables(measured):
    """One table for each workload, as Markdown."""
    lines = []
    for workload, rounds in measured.items():
        unit, first = ("MB/s", "direct") if workload.startswith("bulk") else ("1/s", next(iter(rounds)))
        base = next((side for wanted in ("pgbouncer", "relay") for side in rounds if side.startswith(wanted)), first)
        lines += [f"\n{workload}\n", f"| side | {unit} | to {first} | to {base} | p50 ms | p99 ms | p99 to {base} | CPU µs | CPU to {base} | peak MiB |"]
        lines.append("|---|" + "---:|" * 9)
        for side in rounds:
            number = lambda kind, side=side: median(rounds, kind, side)  # noqa: B023, E731
            peak = number("peak_kib")
            cells = [
                shown(number("per_second"), "{:.0f}"),
                shown(ratio(rounds, "per_second", side, first)),
                shown(ratio(rounds, "per_second", side, base)),
                shown(number("p50_ms")),
                shown(number("p99_ms")),
                shown(ratio(rounds, "p99_ms", side, base)),
                shown(number("cpu_ms_per_1000"), "{:.1f}"),
                shown(ratio(rounds, "cpu_ms_per_1000", side, base)),
                shown(peak and peak / 1024, "{:.0f}"),
            ]
            lines.append(f"| {side} | " + " | ".join(cells) + " |")
    return lines


def judged(targets, measured, single):
    """Each target with what was reached; one that was not measured is left out."""
    verdicts = []
    for target in targets:
        rounds = measured.get(target.workload, {})
        if target.against:
            reached = ratio(rounds, target.kind, target.side, target.against)
        else:
            reached = single.get(target.workload, {}).get(target.side)
        if reached is None:
            continue
        good = reached >= target.bound if target.at_least else reached <= target.bound
        verdicts.append((target, reached, good))
    return verdicts


def target_lines(verdicts):
    lines = ["\n| target | wanted | reached | |", "|---|---:|---:|---|"]
    for target, reached, good in verdicts:
        sign = "≥" if target.at_least else "≤"
        lines.append(f"| {target.what} | {sign} {target.bound:g} | {reached:.2f} | {'yes' if good else '**no**'} |")
    return lines
