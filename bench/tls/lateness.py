"""Whether one collector asks a fleet of nodes and a great many endpoints in time.

The endpoints, once an hour each, are asked beside the nodes, every 15 s each, first in their even
course, then all at once, as after a night without a collector. Late is what is due and not yet taken.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import peak_mib, process_cpu
from bench.tls.servers import fleet_of_servers
from bench.tls.watched import Watched, watched
from tests.end_to_end.house import wait_for

_CONTAINERS = 20
_HOUR = 3600
_LOOK_SECONDS = 0.25
_ALLOWED_SECONDS = 5.0
_LATE = """
    SELECT coalesce(max(extract(epoch FROM now() - next_due_at)) FILTER (WHERE node_id > 0), 0)::float,
        coalesce(max(extract(epoch FROM now() - next_due_at)) FILTER (WHERE domain_id > 0), 0)::float
    FROM schedule WHERE next_due_at <= now() AND coalesce(lease_until, '-infinity') <= now()
"""
_NODES_ASKED = "SELECT count(*) FROM node_state WHERE scrapes_total >= 2"
_DOMAINS_ASKED = "SELECT count(*) FROM domain_state WHERE last_attempt_at >= %s"

_FAILED = """
    SELECT (SELECT sum(failures_total) FROM node_state) + (SELECT sum(failures_total) FROM domain_state)
"""


@dataclass(slots=True)
class _Late:
    """The longest that a node and a domain were due and not taken, in seconds."""

    nodes: float = 0.0
    domains: float = 0.0


def measure_lateness(nodes: int, endpoints: int, seconds: int) -> int:
    """Print how late targets were asked; exit 1 when one was late in the even course."""
    with (
        tempfile.TemporaryDirectory() as name,
        fleet_of_servers(Path(name), endpoints) as target,
        _stand_in_engine(Path(name)) as url,
        watched(
            Path(name), target, _HOUR, nodes=nodes, docker_url=url, prepare=_due_within(_HOUR)
        ) as house,
    ):
        wait_for("every node was asked", lambda: house.count(_NODES_ASKED) == nodes, 300)
        even = _observe("even course", house, _after(seconds))
        house.session.execute(_due_within(0).encode())
        _observe("all at once", house, _when_all_are_asked(house, endpoints))
        assert not house.count(_FAILED), "some targets failed"
    return int(max(even.nodes, even.domains) > _ALLOWED_SECONDS)


def _due_within(seconds: int) -> str:
    return f"""
        UPDATE schedule SET next_due_at = now() + random() * interval '{seconds} seconds'
        WHERE domain_id IS NOT NULL
    """


@contextmanager
def _stand_in_engine(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.parts.engine", str(folder / "engine.sock")]
    command += ["--containers", str(_CONTAINERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def _observe(course: str, house: Watched, over: Callable[[], bool]) -> _Late:
    """Look again and again who is late until it is over, and print it."""
    pid = house.collector_pid
    late, began, cpu = _Late(), time.monotonic(), process_cpu(pid)
    while not over():
        row = house.session.execute(_LATE).fetchone()
        assert row
        late = _Late(max(late.nodes, row[0]), max(late.domains, row[1]))
        time.sleep(_LOOK_SECONDS)
    took = time.monotonic() - began
    share = (process_cpu(pid) - cpu) / took
    print(
        f"{course}: {took:.0f} s, {share:.0%} of a core, {peak_mib(pid):.0f} MiB;"
        f" latest node {late.nodes:.1f} s, latest domain {late.domains:.1f} s",
        flush=True,
    )
    return late


def _after(seconds: int) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _when_all_are_asked(house: Watched, domains: int) -> Callable[[], bool]:
    since = datetime.now(UTC)
    return lambda: house.count(_DOMAINS_ASKED, since) == domains
