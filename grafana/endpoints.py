"""What the certificates' page asks of domains and endpoints, in SQL; `$domain` chooses everywhere."""

from __future__ import annotations

from grafana import advice
from grafana.page import link_to
from grafana.queries import UNTIL, chosen

ALONE = link_to("vsa-certificates", "Show this domain alone", domain="${__data.fields.domain}")

NAME = """domain
    || CASE WHEN port = 443 THEN '' ELSE ':' || port END
    || CASE WHEN server_name = domain THEN '' ELSE ' as ' || server_name END"""
DOMAINS = f"SELECT *, {NAME} AS name FROM dashboard.domains WHERE enabled AND {chosen('domain', 'domain')}"
ENDPOINTS = f"""
    SELECT endpoint.*, watched.name, watched.node
    FROM dashboard.endpoints AS endpoint JOIN ({DOMAINS}) AS watched USING (domain_id)
"""
# One row a domain and certificate: addresses that serve the same are one matter.
SERVED = f"""
    SELECT name, domain, domain_id, node, fingerprint_sha256, issuer, not_before, not_after,
        (array_agg(verdict ORDER BY array_position({advice.order(advice.VERDICTS)}, verdict)))[1] AS verdict,
        min(chain_not_after) AS chain_not_after,
        string_agg(address, ', ' ORDER BY address) AS addresses,
        not_after - {UNTIL} AS left_over, not_after - not_before AS life
    FROM ({ENDPOINTS}) AS endpoint
    WHERE fingerprint_sha256 IS NOT NULL
    GROUP BY name, domain, domain_id, node, fingerprint_sha256, issuer, not_before, not_after
"""
# Overdue and urgent are where the alert VsaCertificateExpiring warns and turns critical.
RENEWAL = """CASE
    WHEN left_over <= interval '0' THEN 'ended'
    WHEN left_over < least(life / 4, interval '7 days') THEN 'urgent'
    WHEN left_over < least(life / 3, interval '21 days') THEN 'overdue'
    WHEN left_over < life / 3 THEN 'due'
    WHEN left_over IS NOT NULL THEN 'ok'
END"""
SHARE = """CASE WHEN life > interval '0'
    THEN greatest(0, least(1, extract(epoch FROM left_over) / extract(epoch FROM life))) END"""
# Ten days and more without a fraction; a certificate of six days wants one.
LEFT = """CASE WHEN abs(extract(epoch FROM left_over)) < 864000
    THEN round(extract(epoch FROM left_over) / 86400, 1)
    ELSE trunc(extract(epoch FROM left_over) / 86400) END"""
# The authority's own name where it gives one: its intermediates change every few months.
ISSUER = r"""coalesce(
    replace(substring(issuer FROM '(?:^|,)O=((?:\\.|[^,\\])+)'), '\', ''),
    replace(substring(issuer FROM '(?:^|,)CN=((?:\\.|[^,\\])+)'), '\', ''),
    nullif(issuer, ''), 'unreadable'
)"""
SILENT = f"""
    SELECT name, domain, address, failure_reason, failure_detail, last_success_at, last_attempt_at
    FROM ({ENDPOINTS}) AS endpoint WHERE failure_reason IS NOT NULL
    UNION ALL
    SELECT name, domain, '', failure_reason, failure_detail, last_success_at, last_attempt_at
    FROM ({DOMAINS}) AS watched
    WHERE failure_reason IS NOT NULL AND NOT EXISTS (
        SELECT FROM dashboard.endpoints AS endpoint
        WHERE endpoint.domain_id = watched.domain_id AND endpoint.failure_reason IS NOT NULL
    )
"""


def is_chosen(certificates: str) -> str:
    """Say in SQL that a certificate holds a chosen name, or is served by a chosen domain."""
    names = f"{certificates}.sans || {certificates}.subject || {certificates}.served_by"
    name = r"regexp_replace(name, ':\d+\Z', '')"
    return f"EXISTS (SELECT FROM unnest({names}) AS name WHERE {chosen(name, 'domain')})"
