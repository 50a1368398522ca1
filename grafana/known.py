"""The certificates' page: what was renewed and is not served yet, what changed, and what is known beside the wire."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import style
from grafana.endpoints import ALONE, DOMAINS, ISSUER, LEFT, SHARE, is_chosen
from grafana.page import Section, annotation, band, node_link, section
from grafana.panels import transformation
from grafana.queries import UNTIL, rows, sql
from grafana.tables import column, hidden, keep, table

_CHANGES = {
    "renewed": style.GOOD,
    "rolled_back": style.BAD,
    "issuer_changed": style.WARNING,
    "names_lost": style.WARNING,
}
# What the alert VsaCertificateExpiring has as well.
_NODE_LEFT: style.Steps = ((None, style.BAD), (7, style.WARNING), (21, style.GOOD))


def sections() -> tuple[Section, ...]:
    """Make the sections."""
    return (
        section("Renewed, not served yet", band(7, _newer(), widths=(24,))),
        section("Changes", band(8, _changes())),
        section("Beside the domains", band(8, _known(), _ends(), widths=(16, 8))),
    )


def changes() -> sdk.AnnotationQuery:
    """Mark in every chart when an address began to serve another certificate."""
    return annotation(
        "Certificate changes",
        style.CHANGING,
        sql(f"""
            SELECT min(change.at) AS time, replace(change.change, '_', ' ') AS title,
                concat_ws(': ', watched.name, string_agg(DISTINCT nullif(change.detail, ''), '; ')) AS text,
                change.change AS tags
            FROM dashboard.certificate_changes AS change JOIN ({DOMAINS}) AS watched USING (domain_id)
            WHERE $__timeFilter(change.at)
            GROUP BY watched.name, change.change, date_trunc('hour', change.at)
            ORDER BY 1
            LIMIT 1000
        """),
    )


def _newer() -> sdk.Panel:
    return table(
        "Renewed, not loaded",
        "Addresses that serve an older certificate than one that is known for the name: from a file on a collector's"
        " host, an upload, or another address of ours. The server there has to load it: `nginx -s reload`. A server"
        " of a pool that renews for itself stands here too, until its own turn comes.",
        rows(
            """
            label_join(
                1000 * vsa_endpoint_newer_certificate_not_before_timestamp_seconds{domain=~"$domain"},
                "name", ":", "domain", "port"
            )
            """
        ),
        {
            "Domain": column(width=260, link=ALONE),
            "Address": column(width=200),
            "Newer one from": column(width=140),
            "Where": column(at_least=260, wrap=True),
            "Issued": column(width=150, unit=style.AGO),
            "domain": hidden(),
        },
        no_value="Every address serves the newest certificate that is known for its name",
        transformations=[
            keep(
                name="Domain",
                address="Address",
                source="Newer one from",
                where="Where",
                Value="Issued",
                domain="domain",
            ),
            transformation("sortBy", fields={}, sort=[{"field": "Issued", "desc": False}]),
        ],
    )


def _changes() -> sdk.Panel:
    return table(
        "Changes seen",
        "When an address began to serve another certificate, and what was new about it, in this time range, the newest"
        " first. An issuer that changes without your doing, and a name that is lost, are worth a question. The charts"
        " on this page are marked at these times.",
        sql(f"""
            SELECT change.at AS "Seen", watched.name AS "Domain", change.address AS "Address",
                replace(change.change, '_', ' ') AS "Change", change.detail AS "In detail", watched.domain
            FROM dashboard.certificate_changes AS change JOIN ({DOMAINS}) AS watched USING (domain_id)
            WHERE $__timeFilter(change.at)
            ORDER BY change.at DESC, watched.name, change.address
            LIMIT 500
        """),
        {
            "Seen": column(width=170, unit=style.MOMENT),
            "Domain": column(width=260, link=ALONE),
            "Address": column(width=200),
            "Change": column(
                width=140,
                values={name.replace("_", " "): colour for name, colour in _CHANGES.items()},
            ),
            "In detail": column(at_least=260, wrap=True),
            "domain": hidden(),
        },
        no_value="No address changed its certificate in this time range",
    )


def _known() -> sdk.Panel:
    return table(
        "Files and uploads",
        "Certificates in files on collectors' hosts (`VSA_CERTIFICATE_FILES`) and uploaded ones"
        " (`vsa certificate add`), what cannot be read first, then the least life left. *Served by* is empty where no"
        " watched address shows it.",
        sql(f"""
            SELECT concat_ws(' ', source, nullif(host, '')) AS "Source", place AS "Place",
                coalesce(failure_detail, array_to_string(sans, ', ')) AS "Names", {LEFT} AS "Left",
                {SHARE} AS "Life left", {ISSUER} AS "Issued by", array_to_string(served_by, ', ') AS "Served by"
            FROM (
                SELECT *, not_after - {UNTIL} AS left_over, not_after - not_before AS life
                FROM dashboard.known_certificates AS certificates
                WHERE fingerprint_sha256 IS NULL OR {is_chosen("certificates")}
            ) AS known
            ORDER BY fingerprint_sha256 IS NOT NULL, {SHARE} NULLS FIRST, place
            LIMIT 500
        """),
        {
            "Source": column(width=130),
            "Place": column(at_least=200, wrap=True),
            "Names": column(at_least=160, wrap=True),
            "Left": column(width=70, unit=style.DAYS),
            "Life left": column(
                width=140,
                unit=style.PERCENT,
                decimals=0,
                steps=((None, style.WARNING), (1 / 3, style.GOOD)),
                gauge=True,
            ),
            "Issued by": column(width=150),
            "Served by": column(width=150, wrap=True),
        },
        no_value="No certificate files are read, and none was uploaded",
    )


def _ends() -> sdk.Panel:
    return table(
        "Connections to nodes",
        "Nodes that are asked over TLS: the engine's certificate (server) and ours (client). When either ends, the"
        " node is dark. Renewed by hand as a rule: `vsa node show NAME`.",
        rows("(vsa_node_certificate_not_after_timestamp_seconds - time()) / 86400"),
        {
            "Node": column(link=node_link()),
            "End": column(width=90),
            "Left": column(width=90, unit=style.DAYS, decimals=0, steps=_NODE_LEFT),
        },
        no_value="No node is asked over TLS",
        transformations=[
            keep(node="Node", end="End", Value="Left"),
            transformation("sortBy", fields={}, sort=[{"field": "Left", "desc": False}]),
        ],
    )
