"""CPU of every SQL statement of every dashboard, on a large installation, as Grafana's own role.

    python -m bench.dashboards [--runs 3]

500 nodes with 10,000 containers (100,000 snapshots, 200,000 events), 1,000 domains with 2,000
endpoints (6,000 certificates), 50,000 audit entries, all within the week that is looked at.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bench.measure import process_cpu
from tests.parts.grafana import Range, asked, choose, dashboards, expand
from tests.parts.postgres import embedded_server, migrated_database

_BOUND_MS = 1000
_INSTALLATION = """
    CREATE TEMPORARY TABLE began AS SELECT CAST(%(since)s AS timestamptz) AS at;

    INSERT INTO vps_nodes (name, docker_url, enabled, created_at, updated_at)
    SELECT format('node-%%s', n), 'unix:///run/docker.sock', true, at, at
    FROM generate_series(1, 500) AS n, began;

    INSERT INTO node_state (node_id, version, last_attempt_at, last_success_at, consecutive_failures,
        scrapes_total, failures_total, engine)
    SELECT id, 1, created_at + interval '7 days', created_at + interval '7 days', 0, 1, 0,
        '{"version": "29.0", "api_version": "1.52", "operating_system": "Debian 13"}'
    FROM vps_nodes;

    INSERT INTO container_snapshots (node_id, container_id, name, image, image_id, state, health, exit_code,
        oom_killed, error, restart_count, restart_policy, created_at, started_at, labels, ports, mounts,
        networks, limits, seen_from, seen_until)
    SELECT node.id, md5(format('%%s/%%s', node.id, c)), format('app-%%s', c), 'registry.example/app:1.0', 'sha256:1',
        CASE WHEN part = 9 OR c %% 7 > 0 THEN 'running' ELSE 'exited' END,
        CASE WHEN c %% 50 = 0 THEN 'unhealthy' ELSE 'healthy' END, 0, false, '', part, 'always', created_at,
        created_at, '{"com.docker.compose.project": "shop"}', '[]', '[]', '[]', '{}',
        created_at + part * interval '16 hours',
        CASE part WHEN 9 THEN 'infinity' ELSE created_at + (part + 1) * interval '16 hours' END
    FROM vps_nodes AS node, generate_series(1, 20) AS c, generate_series(0, 9) AS part;

    INSERT INTO events (node_id, recorded_at, time, time_nano, kind, action, container_id, name, image, exit_code)
    SELECT node.id, created_at + n * interval '25 minutes', created_at + n * interval '25 minutes', n,
        'container', (ARRAY['die', 'start', 'oom', 'restart'])[1 + n %% 4], md5('app'),
        format('app-%%s', n %% 20), 'registry.example/app:1.0', 137
    FROM vps_nodes AS node, generate_series(1, 400) AS n;

    INSERT INTO node_gaps (node_id, kind, gap_from, gap_until, reason)
    SELECT node.id, 'state', created_at + n * interval '15 hours', created_at + (n + 1) * interval '15 hours', 'timeout'
    FROM vps_nodes AS node, generate_series(0, 9) AS n;

    INSERT INTO domains (name, port, starttls, node_id, enabled, created_at, updated_at)
    SELECT format('shop-%%s.example.com', id), 443, 'none', id - 500 * (id > 500)::int, true, at, at
    FROM generate_series(1, 1000) AS id, began;

    INSERT INTO domain_state (domain_id, last_attempt_at, last_success_at, consecutive_failures,
        probes_total, failures_total)
    SELECT id, created_at, created_at, 0, 1, 0 FROM domains;

    INSERT INTO certificates (fingerprint, der, subject, issuer, serial_number, sans, not_before, not_after, key_type,
        key_bits, signature_algorithm, parse_error, first_seen_at, last_seen_at)
    SELECT encode(sha256(format('%%s/%%s', id, part)::bytea), 'hex'), repeat('der', 400)::bytea, format('CN=%%s', name),
        format('CN=R1%%s,O=Let''s Encrypt,C=US', part), '04d2', ARRAY[name, 'www.' || name],
        created_at + (part - 5) * interval '60 days', created_at + (part - 5) * interval '60 days' + interval '90 days',
        'ECDSA', 256, 'ecdsa-with-sha384', '', created_at + part * interval '1 day', created_at + interval '6 days'
    FROM domains, generate_series(0, 5) AS part;

    INSERT INTO endpoints (domain_id, address, port, first_seen_at, last_attempt_at, last_success_at, seconds,
        fingerprint, verdict, faults, tls_version, cipher, alpn, chain_not_after)
    SELECT id, format('192.0.2.%%s', n), 443, created_at, created_at, created_at, 0.1,
        encode(sha256(format('%%s/5', id)::bytea), 'hex'), CASE WHEN id %% 20 = 0 THEN 'weak' ELSE 'ok' END,
        '[{"verdict": "weak", "detail": "TLS 1.0"}]', 'TLSv1.3', 'TLS_AES_256_GCM_SHA384', 'h2',
        created_at + interval '80 days'
    FROM domains, generate_series(1, 2) AS n;

    INSERT INTO audit_logs (id, timestamp, actor, action, target, before, after, request_id, address, result,
        canonical, hash)
    SELECT n, at + n * interval '12 seconds', format('token-%%s', n %% 9),
        (ARRAY['node.create', 'node.update', 'domain.update', 'domain.delete'])[1 + n %% 4],
        format('node/node-%%s', n %% 500), value || '{"enabled": true}', value || '{"enabled": false}',
        md5(n::text), '192.0.2.1', CASE WHEN n %% 100 = 0 THEN 'refused' ELSE 'ok' END,
        repeat('canonical', 60)::bytea, encode(sha256(n::text::bytea), 'hex')
    FROM began, generate_series(1, 50000) AS n, jsonb_build_object('name', format('node-%%s', n %% 500), 'docker_url',
        'unix:///run/docker.sock', 'labels', '{"role": "web"}'::jsonb, 'interval', null, 'timeout', '10s') AS value;

    ANALYZE;
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """One statement: rows, and CPU and wall milliseconds of a run."""

    place: str
    rows: int
    cpu_ms: float
    wall_ms: float


def main() -> int:
    """Measure every statement and print the slowest first; exit 1 where one is over the bound."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=3, help="runs of each statement")
    runs = parser.parse_args().runs
    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    span = Range(since, since + timedelta(days=7))
    with embedded_server() as server, migrated_database(server) as database:
        with psycopg.ClientCursor(
            psycopg.connect(database.superuser_url, autocommit=True)
        ) as cursor:
            cursor.execute(_INSTALLATION, {"since": since.isoformat()})
        with psycopg.connect(database.dashboard_url, autocommit=True) as session:
            costs = sorted(_costs(session, span, runs), key=lambda cost: -cost.cpu_ms)
    _print(costs)
    return int(costs[0].cpu_ms > _BOUND_MS)


def _costs(session: psycopg.Connection[Any], span: Range, runs: int) -> Iterator[Cost]:
    # A parallel worker's CPU would be another process's.
    session.execute("SET max_parallel_workers_per_gather = 0")
    for board in dashboards():
        values = choose(board, lambda query: [row[0] for row in _fetch(session, query)], span)
        values["search"] = "shop"  # the dearest: each entry's changes are made to be searched
        for each in asked(board):
            yield _cost(session, str(each), expand(each.statement, values, span), runs)


def _cost(session: psycopg.Connection[Any], place: str, statement: str, runs: int) -> Cost:
    rows = len(_fetch(session, statement))
    backend = session.info.backend_pid
    cpu, wall = process_cpu(backend), time.perf_counter()
    for _ in range(runs):
        _fetch(session, statement)
    spent = process_cpu(backend) - cpu
    return Cost(place, rows, spent / runs * 1000, (time.perf_counter() - wall) / runs * 1000)


def _fetch(session: psycopg.Connection[Any], statement: str) -> list[Any]:
    return session.execute(statement.encode()).fetchall()


def _print(costs: list[Cost]) -> None:
    print(f"\nSQL of the dashboards  ({time.strftime('%Y-%m-%d')}, PostgreSQL 18)\n")
    print(f"  {'':58} {'rows':>6} {'CPU ms':>8} {'wall ms':>8}")
    for cost in costs:
        print(f"  {cost.place:58} {cost.rows:6} {cost.cpu_ms:8.1f} {cost.wall_ms:8.1f}")
    print(f"\n  {sum(cost.cpu_ms for cost in costs):.0f} ms for all {len(costs)} statements")


if __name__ == "__main__":
    sys.exit(main())
