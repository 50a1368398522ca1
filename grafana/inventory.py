"""The certificates' page, lower half: what comes, what came, and what there is."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import style
from grafana.endpoints import ENDPOINTS, ISSUER, SERVED, is_chosen
from grafana.page import Section, band, section
from grafana.panels import bars, chart
from grafana.queries import series, sql
from grafana.tables import column, table

_TOO_NEW = "Nothing was seen yet in this time range, or too little for a line"
# Half an hour of thirty days, however narrow the panel: a new installation soon has a line.
_POINTS = 1440
_CHOSEN = '{domain=~"$domain"}'
# Each certificate beside the one for the same names that came before it.
_SUCCESSORS = f"""
    SELECT *, lag(not_before) OVER same AS former_not_before, lag(not_after) OVER same AS former_not_after,
        lag(issuer) OVER same AS former_issuer, lag(key_type) OVER same AS former_key_type,
        lag(key_bits) OVER same AS former_key_bits,
        cardinality(lag(served_by) OVER same) = 0 AS is_renewal
    FROM dashboard.certificates
    WHERE {is_chosen("certificates")}
    WINDOW same AS (PARTITION BY sans ORDER BY first_seen_at, not_before)
"""


def sections() -> tuple[Section, ...]:
    """Make the sections."""
    return (
        section("Ahead, and over time", band(9, _ends(), _lives(), _trouble(), widths=(6, 9, 9))),
        section("Renewals", band(8, _renewals())),
        section("What is served", band(8, _issuers(), _keys(), _versions())),
        section("Every certificate that is kept", band(12, _certificates()), collapsed=True),
    )


# ---------------------------------------------------------------------------- over time


def _ends() -> sdk.Panel:
    return bars(
        "Ends ahead",
        "How many certificates end when. A long bar is a day on which many renewals must work.",
        sql(f"""
            SELECT
                count(*) FILTER (WHERE days <= 0) AS "ended",
                count(*) FILTER (WHERE days > 0 AND days <= 2) AS "≤ 2 d",
                count(*) FILTER (WHERE days > 2 AND days <= 7) AS "≤ 7 d",
                count(*) FILTER (WHERE days > 7 AND days <= 14) AS "≤ 14 d",
                count(*) FILTER (WHERE days > 14 AND days <= 30) AS "≤ 30 d",
                count(*) FILTER (WHERE days > 30 AND days <= 60) AS "≤ 60 d",
                count(*) FILTER (WHERE days > 60 AND days <= 90) AS "≤ 90 d",
                count(*) FILTER (WHERE days > 90) AS "later"
            FROM (
                SELECT DISTINCT fingerprint_sha256, extract(epoch FROM left_over) / 86400 AS days
                FROM ({SERVED}) AS served
            ) AS certificate
        """),
    )


def _lives() -> sdk.Panel:
    made = chart(
        "Share of life left",
        "The ten that end first. A renewal lifts a line to 1: where lines turn up at a third, renewal works; a line"
        " that sinks through it is overdue.",
        series(
            f"""
            min by (domain, port) (
                (vsa_certificate_not_after_timestamp_seconds{_CHOSEN} - time()) / (
                    vsa_certificate_not_after_timestamp_seconds{_CHOSEN}
                    - vsa_certificate_not_before_timestamp_seconds{_CHOSEN}
                )
            )
            and
            bottomk(10, min by (domain, port) (vsa_certificate_not_after_timestamp_seconds{_CHOSEN} @ end()))
            """,
            "{{domain}}:{{port}}",
        ),
        unit=style.PERCENT,
        steps=((None, style.NEUTRAL), (1 / 3, style.WARNING)),
        maximum=1,
        no_value=_TOO_NEW,
    )
    made.max_data_points = _POINTS
    return made


def _trouble() -> sdk.Panel:
    made = chart(
        "Endpoints in trouble",
        "Addresses that show a bad certificate, by verdict, and those that gave no answer. A step up tells since when.",
        series(f"sum(vsa_endpoint_failure{_CHOSEN})", "no answer"),
        series(
            'sum by (verdict) (vsa_endpoint_verdict{domain=~"$domain", verdict!="ok"}) > 0',
            "{{verdict}}",
        ),
        stacked=True,
        colours={"no answer": style.OFF, "weak": style.WARNING},
        no_value=_TOO_NEW,
    )
    made.max_data_points = _POINTS
    return made


def _renewals() -> sdk.Panel:
    return table(
        "Renewals seen",
        "Certificates that came in this time range in the place of one for the same names, which nobody serves any more."
        " *Life left*: of the former one when the new one was first seen; much less than a third means that renewal is"
        " late, none that clients were refused meanwhile.",
        sql(f"""
            SELECT first_seen_at AS "Seen", array_to_string(sans, ', ') AS "Names",
                greatest(0, extract(epoch FROM former_not_after - first_seen_at)
                    / nullif(extract(epoch FROM former_not_after - former_not_before), 0)) AS "Life left",
                round(extract(epoch FROM not_after - not_before) / 86400) AS "Life",
                not_after AS "Ends", {ISSUER} AS "Issued by",
                concat_ws(', ',
                    CASE WHEN issuer <> former_issuer THEN 'issuer' END,
                    CASE WHEN (key_type, key_bits) IS DISTINCT FROM (former_key_type, former_key_bits)
                        THEN 'kind of key' END
                ) AS "Changed too", array_to_string(served_by, ', ') AS "Served by"
            FROM ({_SUCCESSORS}) AS certificate
            WHERE is_renewal AND $__timeFilter(first_seen_at)
            ORDER BY first_seen_at DESC
            LIMIT 500
        """),
        {
            "Seen": column(width=170, unit=style.MOMENT),
            "Names": column(at_least=240, wrap=True),
            "Life left": column(
                width=170,
                unit=style.PERCENT,
                decimals=0,
                gauge=True,
                steps=((None, style.BAD), (0.1, style.WARNING), (0.25, style.GOOD)),
            ),
            "Life": column(width=80, unit=style.DAYS),
            "Ends": column(width=170, unit=style.MOMENT),
            "Issued by": column(width=220),
            "Changed too": column(width=150),
            "Served by": column(wrap=True),
        },
        no_value="No certificate was renewed in this time range",
    )


# ---------------------------------------------------------------------------- what there is


def _issuers() -> sdk.Panel:
    return table(
        "Issuers",
        "Who issued what is served. An authority that nobody expects here is worth a question; a CAA record in the DNS"
        " says who may.",
        sql(f"""
            SELECT {ISSUER} AS "Issued by", count(DISTINCT fingerprint_sha256) AS "Certificates",
                count(DISTINCT fingerprint_sha256) FILTER (WHERE verdict <> 'ok') AS "Not ok"
            FROM ({SERVED}) AS served
            GROUP BY 1
            ORDER BY 2 DESC, 1
        """),
        {
            "Certificates": column(width=190, unit=style.COUNT, gauge=True),
            "Not ok": column(width=80, steps=style.ANY_IS_BAD),
        },
        no_value="No certificate seen yet",
    )


def _keys() -> sdk.Panel:
    return table(
        "Keys and signatures",
        "Kinds of key and signature that are served; *weak* counts those that clients refuse or soon will: RSA below"
        " 2048 bits, SHA-1. Issue them anew.",
        sql(f"""
            SELECT concat_ws(' ', nullif(key_type, ''), key_bits) AS "Key", signature_algorithm AS "Signature",
                count(DISTINCT fingerprint_sha256) AS "Certificates",
                count(DISTINCT fingerprint_sha256) FILTER (WHERE faults @> '[{{"verdict": "weak"}}]') AS "Weak"
            FROM ({ENDPOINTS}) AS endpoint JOIN dashboard.certificates AS certificate USING (fingerprint_sha256)
            GROUP BY 1, 2
            ORDER BY 3 DESC, 1, 2
        """),
        {
            "Key": column(width=90),
            "Signature": column(width=190),
            "Certificates": column(width=125, unit=style.COUNT, gauge=True),
            "Weak": column(width=75, steps=style.ANY_IS_WARNING),
        },
        no_value="No certificate seen yet",
    )


def _versions() -> sdk.Panel:
    return table(
        "TLS versions and ciphers",
        "What the last handshakes agreed on; we offer all versions. TLS below 1.2 is weak: raise `ssl_protocols`.",
        sql(f"""
            SELECT tls_version AS "Version", cipher AS "Cipher", count(*) AS "Addresses"
            FROM ({ENDPOINTS}) AS endpoint
            WHERE tls_version IS NOT NULL
            GROUP BY 1, 2
            ORDER BY 1, 3 DESC, 2
        """),
        {
            "Version": column(width=90),
            "Addresses": column(width=160, unit=style.COUNT, gauge=True),
        },
        no_value="No handshake yet",
    )


def _certificates() -> sdk.Panel:
    return table(
        "All certificates",
        "All that are served, or were within `VSA_RETENTION`, and hold a chosen name or are served by it, the newest"
        " first (1,000 at most): names, key, and since when. *Served by* is empty once nobody serves it. The API has the"
        " whole certificate: `GET /api/certificates/FINGERPRINT`.",
        sql(f"""
            SELECT array_to_string(sans, ', ') AS "Names", array_to_string(served_by, ', ') AS "Served by",
                {ISSUER} AS "Issued by", concat_ws(' ', nullif(key_type, ''), key_bits) AS "Key",
                signature_algorithm AS "Signature", not_before AS "Begins", not_after AS "Ends",
                first_seen_at AS "First seen", last_seen_at AS "Last seen", subject AS "Subject",
                parse_error AS "Unreadable", serial_number AS "Serial number",
                fingerprint_sha256 AS "Fingerprint"
            FROM dashboard.certificates
            WHERE {is_chosen("certificates")}
            ORDER BY first_seen_at DESC, fingerprint_sha256
            LIMIT 1000
        """),
        {
            "Names": column(width=240, wrap=True),
            "Served by": column(width=220, wrap=True),
            "Issued by": column(width=170),
            "Key": column(width=100),
            "Signature": column(width=190),
            "Begins": column(width=165, unit=style.MOMENT),
            "Ends": column(width=165, unit=style.MOMENT),
            "First seen": column(width=130, unit=style.AGO),
            "Last seen": column(width=130, unit=style.AGO),
            "Subject": column(width=240),
            "Unreadable": column(width=200),
            "Serial number": column(width=330),
            "Fingerprint": column(width=560),
        },
        no_value="No certificate seen yet",
    )
