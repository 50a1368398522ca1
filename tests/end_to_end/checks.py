"""What must hold of the whole product, whatever was done to it."""

from __future__ import annotations

import httpx
import psycopg

from registry.audit_chain import Broken, parse_entry, verify_chain
from tests.end_to_end.house import House, wait_for
from tests.parts.postgres import Database

# Each says what must never be; a row is a breach.
INVARIANTS = {
    "two open rows of one container": """
        SELECT node_id, container_id FROM container_snapshots WHERE seen_until = 'infinity'
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "rows of one container that overlap": """
        SELECT a.* FROM container_snapshots a JOIN container_snapshots b
        USING (node_id, container_id)
        WHERE a.seen_from < b.seen_from AND a.seen_until > b.seen_from""",
    "one event twice": """
        SELECT node_id, time_nano, container_id, action FROM events
        GROUP BY 1, 2, 3, 4 HAVING count(*) > 1""",
    "a counter that is not the number of its events": """
        SELECT c.* FROM event_counters c WHERE total <> (
            SELECT count(*) FROM events e
            WHERE (e.node_id, e.name, e.action) = (c.node_id, c.name, c.event))
        AND c.event NOT LIKE 'die: %'""",
    "deaths whose kinds are not all of them": """
        SELECT node_id, name FROM event_counters WHERE event LIKE 'die%' GROUP BY 1, 2
        HAVING 2 * max(total) FILTER (WHERE event = 'die') <> sum(total)""",
}


def breaches(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with psycopg.connect(database.superuser_url) as connection:
        found = {name: connection.execute(query).fetchall() for name, query in INVARIANTS.items()}
    return {name: rows for name, rows in found.items() if rows}


def last_seen(house: House) -> dict[str, str]:
    nodes = house.items("/api/nodes")
    return {node["name"]: node["state"]["last_success_at"] for node in nodes}


def goes_on(house: House) -> None:
    """Every node is scraped anew: what a dead collector had leased is asked again."""
    ready = house.api_url("/api/readyz")
    wait_for("PostgreSQL has recovered", lambda: house.answers(ready))
    before = last_seen(house)
    wait_for(
        "every node is scraped again",
        lambda: all(at and at != before[name] for name, at in last_seen(house).items()),
    )


def verify(house: House) -> Broken | None:
    lines = house.client.get("/api/audit-logs/export?format=ndjson").text.splitlines()
    return verify_chain(parse_entry(httpx.Response(200, text=line).json()) for line in lines)
