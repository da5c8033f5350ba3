"""What the operating system says of a process: CPU seconds, and memory now and at most."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all its threads so far."""
    if pid is None:
        return 0.0
    # The command's name, in brackets, may hold spaces.
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kib(pid):
    """Resident memory now."""
    return _status(pid, "VmRSS")


def peak_kib(pid):
    """The most resident memory since `forget_peak`."""
    return None if pid is None else _status(pid, "VmHWM")


def forget_peak(pid):
    """Lets the peak begin anew; where that is not allowed, it counts from the process's start."""
    if pid is None:
        return
    try:
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    except PermissionError:
        pass


def _status(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return 0
