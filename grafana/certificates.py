"""Certificates: what ends when, what is wrong with which, and who serves what."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as sdk

from grafana import advice, inventory, known, page, style
from grafana.endpoints import (
    ALONE,
    DOMAINS,
    ENDPOINTS,
    ISSUER,
    LEFT,
    RENEWAL,
    SERVED,
    SHARE,
    SILENT,
)
from grafana.page import band, node_link, query_variable, section
from grafana.panels import stat
from grafana.queries import now, or_zero, sql
from grafana.tables import column, hidden, table

_ADD = "No certificate seen yet. Watch the first domain: vsa domain add example.com"
_BELOW_A_THIRD: style.Steps = ((None, style.WARNING), (1 / 3, style.GOOD))
_RENEWALS = {
    "ok": style.GOOD,
    "due": style.CHANGING,
    "overdue": style.WARNING,
    "urgent": style.BAD,
    "ended": style.BAD,
}


def dashboard() -> sdk.Dashboard:
    """Make the dashboard."""
    return page.dashboard(
        "vsa-certificates",
        "What ends when, in days and in share of life left, and what clients refuse. A domain's name shows it alone.",
        band(4, *_tiles()),
        band(11, _certificates()),
        section(
            "Wrong now", band(8, _verdicts()), band(8, _silent()), band(7, _differing(), _chains())
        ),
        *known.sections(),
        *inventory.sections(),
        variables=(_domain(),),
        annotations=(known.changes(),),
        since="now-30d",
        refresh="1m",
    )


def _domain() -> sdk.VariableModel:
    return query_variable(
        "domain",
        "Domain",
        "The domains that this page is about.",
        "SELECT DISTINCT domain FROM dashboard.domains WHERE enabled ORDER BY domain",
        several=True,
    )


# ---------------------------------------------------------------------------- at a glance


def _tiles() -> tuple[sdk.Panel, ...]:
    return (
        stat(
            "Domains",
            "Domains that are watched, of those chosen. Add one: `vsa domain add example.com`.",
            sql(f"SELECT count(*) FROM ({DOMAINS}) AS watched"),
        ),
        stat(
            "Certificates",
            "Different certificates that they serve, or served when they last answered.",
            sql(f"SELECT count(DISTINCT fingerprint_sha256) FROM ({ENDPOINTS}) AS endpoint"),
        ),
        stat(
            "Bad verdicts",
            "Domains that show a certificate that clients refuse, or that is weak, at some address.",
            sql(
                f"SELECT count(DISTINCT domain_id) FROM ({SERVED}) AS served WHERE verdict <> 'ok'"
            ),
            steps=style.ANY_IS_BAD,
        ),
        stat(
            "Overdue",
            "Certificates with less than a third of their life left, and less than 21 days: their renewal"
            " should have run. Ended ones too.",
            sql(f"""
                SELECT count(DISTINCT fingerprint_sha256) FROM ({SERVED}) AS served
                WHERE {RENEWAL} IN ('overdue', 'urgent', 'ended')
            """),
            steps=style.ANY_IS_BAD,
        ),
        _not_reloaded(),
        _disagree(),
        stat(
            "No answer",
            "Domains of which an address, or the name itself, gives no answer.",
            sql(f"SELECT count(DISTINCT name) FROM ({SILENT}) AS silent"),
            steps=style.ANY_IS_BAD,
        ),
        _next_end(),
    )


def _not_reloaded() -> sdk.Panel:
    return stat(
        "Not reloaded",
        "Domains of which an address serves an older certificate than one that is known for the name. Which, and"
        " where the newer one is: *Renewed, not loaded*, below.",
        now(
            or_zero(
                'count(count by (domain, port, server_name) (vsa_endpoint_newer_certificate_info{domain=~"$domain"}))'
            )
        ),
        steps=style.ANY_IS_WARNING,
        no_value="exporter not scraped",
    )


def _disagree() -> sdk.Panel:
    return stat(
        "Disagree",
        "Domains whose addresses serve certificates of different issuers or names: *One domain, different"
        " certificates*, below.",
        now(or_zero('count(vsa_domain_certificate_variants{domain=~"$domain"} > 1)')),
        steps=style.ANY_IS_WARNING,
        no_value="exporter not scraped",
    )


def _next_end() -> sdk.Panel:
    return stat(
        "Next end in",
        "Days until the next certificate ends; the table below begins with it.",
        sql(f"SELECT min({LEFT}) FROM ({SERVED}) AS served WHERE left_over > interval '0'"),
        unit=style.DAYS,
        steps=((None, style.BAD), (2, style.WARNING), (7, style.NEUTRAL)),
        no_value="none",
    )


def _certificates() -> sdk.Panel:
    return table(
        "What ends when",
        "One row a domain and certificate, the least life left first. *Renewal* is **due** with a third of the life"
        " left, **overdue** when less than 21 days remain besides (an alert tells it), **urgent** with less than a"
        " quarter and 7 days. Long overdue: does the renewal job run (`certbot renew --dry-run`), and was the server"
        " reloaded (`nginx -s reload`)?",
        sql(f"""
            SELECT name AS "Domain", verdict AS "Verdict", {RENEWAL} AS "Renewal", {LEFT} AS "Left",
                {SHARE} AS "Life left", round(extract(epoch FROM life) / 86400) AS "Life",
                not_after AS "Ends", {ISSUER} AS "Issued by", node AS "Node", addresses AS "Addresses", domain
            FROM ({SERVED}) AS served
            ORDER BY {SHARE} NULLS FIRST, not_after, name
        """),
        {
            "Domain": column(width=240, link=ALONE),
            "Verdict": column(width=160, values=style.VERDICTS),
            "Renewal": column(width=90, values=_RENEWALS),
            "Left": column(width=80, unit=style.DAYS),
            "Life left": column(
                width=170, unit=style.PERCENT, decimals=0, steps=_BELOW_A_THIRD, gauge=True
            ),
            "Life": column(width=80, unit=style.DAYS),
            "Ends": column(width=170, unit=style.MOMENT),
            "Issued by": column(width=220),
            "Node": column(width=130, link=node_link()),
            "domain": hidden(),
        },
        no_value=_ADD,
    )


# ---------------------------------------------------------------------------- wrong now


def _verdicts() -> sdk.Panel:
    return table(
        "Verdicts that are not ok",
        "What clients see at which address, what it means and what to do. `vsa probe DOMAIN:PORT` shows the chain.",
        sql(f"""
            SELECT name AS "Domain", address AS "Address", verdict AS "Verdict", meaning AS "Means",
                act AS "What to do", (
                    SELECT string_agg(DISTINCT fault ->> 'detail', '; ')
                    FROM jsonb_array_elements(faults) AS fault
                ) AS "In detail", last_success_at AS "Seen", domain
            FROM ({ENDPOINTS}) AS endpoint
            LEFT JOIN (VALUES {advice.values(advice.VERDICTS)}) AS advice (verdict, meaning, act) USING (verdict)
            WHERE verdict <> 'ok'
            ORDER BY array_position({advice.order(advice.VERDICTS)}, verdict), name, address
        """),
        {
            "Domain": column(width=240, link=ALONE),
            "Address": column(width=140),
            "Verdict": column(width=160, values=style.VERDICTS),
            "Means": column(width=270, wrap=True),
            "What to do": column(width=300, wrap=True),
            "In detail": column(at_least=240, wrap=True),
            "Seen": column(width=140, unit=style.AGO),
            "domain": hidden(),
        },
        no_value="No certificate with a bad verdict was seen",
    )


def _silent() -> sdk.Panel:
    return table(
        "Addresses that do not answer",
        "Addresses that gave no certificate when last asked, and names that do not resolve. What was known of their"
        " certificates stays on this page. *Last answer*: since when there is none.",
        sql(f"""
            SELECT name AS "Domain", address AS "Address", failure_reason AS "Reason", meaning AS "Means",
                act AS "What to do", failure_detail AS "In detail", last_success_at AS "Last answer",
                last_attempt_at AS "Asked", domain
            FROM ({SILENT}) AS silent
            LEFT JOIN (VALUES {advice.values(advice.FAILURES)}) AS advice (failure_reason, meaning, act)
                USING (failure_reason)
            ORDER BY last_success_at NULLS FIRST, name, address
        """),
        {
            "Domain": column(width=240, link=ALONE),
            "Address": column(width=140, absent="none"),
            "Reason": column(width=110),
            "Means": column(width=270, wrap=True),
            "What to do": column(width=300, wrap=True),
            "In detail": column(at_least=240, wrap=True),
            "Last answer": column(width=140, unit=style.AGO, absent="never"),
            "Asked": column(width=140, unit=style.AGO),
            "domain": hidden(),
        },
        no_value="Nothing that was asked kept silent",
    )


def _differing() -> sdk.Panel:
    return table(
        "One domain, different certificates",
        "Addresses of one domain that do not serve the same certificate. Meant (one of each kind of key) or not: after"
        " a renewal a server that was not reloaded shows here.",
        sql(f"""
            SELECT name AS "Domain", left(fingerprint_sha256, 16) AS "Certificate", {LEFT} AS "Left",
                addresses AS "Addresses", {ISSUER} AS "Issued by", domain
            FROM (
                SELECT *, count(*) OVER (PARTITION BY domain_id) AS different FROM ({SERVED}) AS served
            ) AS served
            WHERE different > 1
            ORDER BY name, not_after
        """),
        {
            "Domain": column(width=200, link=ALONE),
            "Certificate": column(width=150),
            "Left": column(width=80, unit=style.DAYS),
            "Addresses": column(wrap=True),
            "domain": hidden(),
        },
        no_value="No domain serves two",
    )


def _chains() -> sdk.Panel:
    return table(
        "Chains that end first",
        "An authority in the chain ends before the certificate itself: clients refuse it from then on. A newer"
        " fullchain.pem, by an early renewal, usually has the authority's next one.",
        sql(f"""
            SELECT name AS "Domain", chain_not_after AS "Chain ends", not_after AS "Certificate ends",
                {ISSUER} AS "Issued by", domain
            FROM ({SERVED}) AS served
            WHERE chain_not_after < not_after
            ORDER BY chain_not_after, name
        """),
        {
            "Domain": column(width=200, link=ALONE),
            "Chain ends": column(width=170, unit=style.MOMENT),
            "Certificate ends": column(width=170, unit=style.MOMENT),
            "domain": hidden(),
        },
        no_value="No chain ends before its certificate",
    )
