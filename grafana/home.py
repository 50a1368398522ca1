"""Home: whether something is wrong, what it is, and where to go from here."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import glance, page, style
from grafana.page import TO_THING, band, link_to
from grafana.panels import note, stat
from grafana.queries import BAD_CERTIFICATES, CONTAINERS, NODES, UNTIL, sql
from grafana.tables import column, hidden, table


def dashboard() -> sdk.Dashboard:
    """Make the dashboard."""
    return page.dashboard(
        "vsa-home",
        "The first page: what is wrong now, what to do next, and the ways into the other pages.",
        band(4, *glance.tiles(), _nodes()),
        band(11, _wrong_now(), _next_steps(), widths=(15, 9)),
        band(5, _ways()),
        since="now-3h",
    )


def _nodes() -> sdk.Panel:
    return stat(
        "Nodes",
        "Nodes that are watched; `vsa node add` adds one.",
        sql("SELECT count(*) FROM dashboard.nodes WHERE enabled"),
        links=[link_to("vsa-fleet", "Open Fleet")],
    )


def _wrong_now() -> sdk.Panel:
    return table(
        "Wrong now",
        "Everything that wants somebody, the most pressing first: nodes, then certificates, then containers."
        " Click a name to go there. *Since* is when a node was last seen, a domain answered last, a certificate"
        " ended, or a container became so.",
        sql(_WRONG_NOW),
        {
            "Kind": column(width=90),
            "Name": column(width=210, link=TO_THING),
            "State": column(width=170, values={**style.CONDITIONS, **style.NODE_STATES, **_BAD}),
            "Since": column(width=130, unit=style.AGO),
            "Why": column(wrap=True),
            **dict.fromkeys(("page", "node", "domain"), hidden()),
        },
        no_value="Nothing that is watched is wrong",
    )


_BAD = {**style.VERDICTS, "no answer": style.BAD, "renewal overdue": style.WARNING}
_WRONG_NOW = f"""
SELECT "Kind", "Name", "State", "Since", "Why", page, node, domain
FROM (
    SELECT 1 AS rank, 'node' AS "Kind", node AS "Name", node_state AS "State",
        last_success_at AS "Since", failure_detail AS "Why", 'vsa-node' AS page, node, '' AS domain
    FROM {NODES}
    WHERE node_state NOT IN ('up', 'disabled')
    UNION ALL
    SELECT DISTINCT ON (domain.domain_id) 2, 'domain', domain.domain || ':' || domain.port,
        CASE
            WHEN domain.failure_reason IS NOT NULL THEN 'no answer'
            WHEN endpoint.verdict <> 'ok' THEN endpoint.verdict
            ELSE 'renewal overdue'
        END,
        CASE
            WHEN domain.failure_reason IS NOT NULL THEN domain.last_success_at
            WHEN endpoint.not_after < {UNTIL} THEN endpoint.not_after
        END,
        coalesce(
            domain.failure_detail,
            endpoint.faults -> 0 ->> 'detail',
            'its last day is ' || to_char(endpoint.not_after, 'YYYY-MM-DD')
        ),
        'vsa-certificates', '', domain.domain
    FROM ({BAD_CERTIFICATES}) AS bad
    JOIN dashboard.domains AS domain USING (domain_id)
    LEFT JOIN dashboard.endpoints AS endpoint USING (domain_id, address)
    UNION ALL
    SELECT 3, 'container', name || ' on ' || node, condition, seen_from,
        nullif(concat_ws(', ', 'exit code ' || nullif(exit_code, 0), nullif(error, '')), ''),
        'vsa-node', node, ''
    FROM {CONTAINERS}
    WHERE in_trouble
) AS wrong
ORDER BY rank, "Since" DESC NULLS FIRST, "Name"
LIMIT 200
"""


def _next_steps() -> sdk.Panel:
    return table(
        "Next steps",
        "What is still missing for a whole picture. `vsa` is the command line; in the shipped stack it is"
        " `docker compose exec dashboard-api vsa`.",
        sql(_NEXT_STEPS),
        {"What": column(width=250, wrap=True), "Do this": column(wrap=True)},
        no_value="All is set up",
    )


_NEXT_STEPS = """
WITH watched AS (
    SELECT count(*) FILTER (WHERE enabled) AS nodes FROM dashboard.nodes
), certified AS (
    SELECT count(*) FILTER (WHERE enabled) AS domains FROM dashboard.domains
), silent AS (
    SELECT node FROM dashboard.nodes
    WHERE enabled AND last_success_at IS NULL AND last_attempt_at IS NOT NULL ORDER BY node LIMIT 5
)
SELECT 'No node is watched yet' AS "What", 'vsa node add NAME unix:///path/to/docker.sock' AS "Do this"
FROM watched WHERE nodes = 0
UNION ALL
SELECT 'No certificate is watched yet', 'vsa domain add example.com'
FROM certified WHERE domains = 0
UNION ALL
SELECT node || ' has never answered', 'vsa node check ' || node FROM silent
UNION ALL
SELECT 'Nodes and certificates are watched', 'Nothing: look at what is wrong, if anything'
FROM watched, certified WHERE nodes > 0 AND domains > 0 AND NOT EXISTS (SELECT FROM silent)
"""


def _ways() -> sdk.Panel:
    return note(
        "Where to look",
        "The other pages; the links at the top right lead there too, and keep the time range.",
        """\
- [**Fleet**](d/vsa-fleet): what is wrong, where, and since when; the busiest nodes; how well the watching itself works
- [**Node**](d/vsa-node): one Docker host; its containers and their states over time, CPU, memory, network, events
- [**Certificates**](d/vsa-certificates): what expires when, in days and in share of its life; what clients say of it
- [**Audit**](d/vsa-audit): who changed what, when, and from where
""",
    )
