"""CPU seconds and memory of processes, medians, and one way to print a table."""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured way to do the work: CPU milliseconds a unit, median of some runs, and peak memory.

    The peak of a child that ended is not known: the kernel counts its parent's memory at the fork.
    """

    name: str
    cpu_ms: float
    peak_mib: float | None
    note: str = ""


def own_cpu() -> float:
    """CPU seconds of this process so far, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def children_cpu() -> float:
    """CPU seconds of all children that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def process_cpu(pid: int) -> float:
    """CPU seconds of another process so far, in steps of 10 ms."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS


def tree_cpu(pid: int) -> float:
    """CPU seconds so far of a process, of its children that live, and of those that it waited for."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    seconds = 0.0
    for child in children:
        with suppress(FileNotFoundError):  # it ended meanwhile: its parent's line has it
            seconds += _with_waited_for(int(child))
    return seconds + _with_waited_for(pid)


def _with_waited_for(pid: int) -> float:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return sum(map(int, text.rpartition(")")[2].split()[11:15])) / _TICKS


def peak_mib(pid: int | None = None) -> float:
    """Peak resident memory of a process (default: this one) in MiB."""
    return _status_mib("VmHWM", pid)


def children_of_cpu(pid: int) -> float:
    """CPU seconds of another process's children that run, in steps of 10 ms."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return sum(process_cpu(int(child)) for child in children)


def resident_mib(pid: int | None = None) -> float:
    """Resident memory of a process (default: this one) now, in MiB."""
    return _status_mib("VmRSS", pid)


def _status_mib(field: str, pid: int | None) -> float:
    status = Path(f"/proc/{pid or 'self'}/status").read_text(encoding="ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def median_ms(seconds: Iterable[float]) -> float:
    """Return the median of CPU seconds, in milliseconds."""
    return statistics.median(seconds) * 1000


def print_rows(title: str, rows: Sequence[Row]) -> None:
    """Print a table; the ratio is against the first row, which is ours."""
    print(f"\n{title}  ({time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores)\n")
    print(f"  {'':38} {'CPU ms':>8} {'ratio':>7} {'MiB':>6}")
    for row in rows:
        ratio = row.cpu_ms / rows[0].cpu_ms
        peak = "" if row.peak_mib is None else f"{row.peak_mib:.0f}"
        print(f"  {row.name:38} {row.cpu_ms:8.3f} {ratio:7.2f} {peak:>6}  {row.note}")
