"""What the panels ask: PromQL and SQL, and the meanings that several of them share."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import prometheus as sdk
from grafana_foundation_sdk.models.common import DataSourceRef

PROMETHEUS = DataSourceRef("prometheus", "${prometheus}")
POSTGRESQL = DataSourceRef("grafana-postgresql-datasource", "${postgresql}")

# ---------------------------------------------------------------------------- PromQL


def series(expression: str, legend: str = "__auto") -> sdk.Dataquery:
    """Ask for values over the time range."""
    return _prometheus(expression, instant=False, legend_format=legend)


def now(expression: str, legend: str = "__auto") -> sdk.Dataquery:
    """Ask for one value a series, at the end of the time range."""
    return _prometheus(expression, instant=True, legend_format=legend)


def rows(expression: str) -> sdk.Dataquery:
    """Ask for one table row a series, at the end of the time range: labels, and `Value`."""
    return _prometheus(expression, instant=True, format_val=sdk.PromQueryFormat.TABLE)


def or_zero(expression: str) -> str:
    """Turn "no such series" into 0, but only while the exporter is scraped: unknown is not zero."""
    return f"{dedent(expression).strip()} or 0 * count(vsa_build_info)"


def per_second(counter: str) -> str:
    """Return how fast a counter rises that is there; of a node asked every two minutes five hold two samples."""
    return f"(rate({counter}[$__rate_interval]) or rate({counter}[5m])) and {counter}"


def _prometheus(
    expression: str,
    *,
    instant: bool,
    format_val: sdk.PromQueryFormat = sdk.PromQueryFormat.TIME_SERIES,
    legend_format: str | None = None,
) -> sdk.Dataquery:
    return sdk.Dataquery(
        datasource=PROMETHEUS,
        editor_mode=sdk.QueryEditorMode.CODE,
        expr=dedent(expression).strip(),
        format_val=format_val,
        instant=instant,
        range_val=not instant,
        legend_format=legend_format,
    )


# ---------------------------------------------------------------------------- SQL


@dataclass
class Sql(Dataquery):
    """A query of the PostgreSQL data source, which the library has no type for."""

    raw_sql: str
    format: str = "table"
    ref_id: str | None = None
    datasource: DataSourceRef = POSTGRESQL

    def to_json(self) -> dict[str, object]:
        """Return the query as the data source's code editor stores it."""
        return {
            "refId": self.ref_id,
            "datasource": self.datasource,
            "editorMode": "code",
            "format": self.format,
            "rawQuery": True,
            "rawSql": self.raw_sql,
        }


def sql(statement: str) -> Sql:
    """Ask the views of the schema `dashboard`; no statement reads the clock, but `$__timeTo()`."""
    return Sql(dedent(statement).strip())


def sql_series(statement: str) -> Sql:
    """Ask for rows of `time`, a number and a text; each text becomes a series of that name."""
    return Sql(dedent(statement).strip(), format="time_series")


def chosen(column: str, variable: str) -> str:
    """Say in SQL that a column is among a variable's choices, as regex or All.

    Names are strangers' words: between dollars, which the regex format escapes, none can end the text.
    """
    return rf"{column} ~ $$^(${{{variable}:regex}})\Z$$"


Query = sdk.Dataquery | Sql

UNTIL = "$__timeTo()::timestamptz"
SINCE = "$__timeFrom()::timestamptz"

# Stale as the exporter has it: three intervals, at least a minute. The interval may be the setting's, which
# is not here: then three failures tell, or, if nobody asks, three times the longest that there may be.
NODES = f"""(
    SELECT *, CASE
        WHEN NOT enabled THEN 'disabled'
        WHEN last_attempt_at IS NULL THEN 'new'
        WHEN last_success_at IS NULL THEN 'never answered'
        WHEN last_success_at < {UNTIL}
            - make_interval(secs => greatest(3 * coalesce(interval_seconds, 120), 60)) THEN 'down'
        WHEN last_success_at < {UNTIL} - interval '1 minute' AND consecutive_failures >= 3 THEN 'down'
        WHEN consecutive_failures > 0 THEN 'failing'
        ELSE 'up'
    END AS node_state
    FROM dashboard.nodes
) AS nodes"""
SEEN = "node_state IN ('up', 'failing')"

# 130 and 143 are how a program ends that was asked to (SIGINT, SIGTERM).
CONDITION = """CASE
    WHEN oom_killed THEN 'out of memory'
    WHEN state = 'running' AND health <> 'none' THEN health
    WHEN state = 'exited' AND exit_code IN (0, 130, 143) THEN 'stopped'
    WHEN state = 'exited' THEN 'failed'
    ELSE state
END"""

# What the engine says went wrong, else what the health check said as it began to fail.
ERROR = "coalesce(nullif(error, ''), CASE health WHEN 'unhealthy' THEN health_output END)"

# Of a node that is not seen nothing is known now, and what is unknown is not in trouble: its node is.
CONTAINERS = f"""(
    SELECT *, CASE WHEN seen THEN last_condition ELSE 'unknown' END AS condition,
        seen AND last_condition IN
            ('out of memory', 'unhealthy', 'failed', 'restarting', 'dead') AS in_trouble
    FROM (
        SELECT container.*, {CONDITION} AS last_condition, {SEEN} AS seen
        FROM dashboard.containers AS container JOIN {NODES} USING (node)
    ) AS judged
) AS containers"""

# Overdue as the alert VsaCertificateExpiring has it: a third of the life left, 21 days at most.
BAD_CERTIFICATES = f"""
    SELECT domain.domain_id, endpoint.address
    FROM dashboard.domains AS domain
    LEFT JOIN dashboard.endpoints AS endpoint USING (domain_id)
    WHERE domain.enabled AND (
        domain.failure_reason IS NOT NULL
        OR endpoint.verdict <> 'ok'
        OR endpoint.not_after - {UNTIL}
            < least((endpoint.not_after - endpoint.not_before) / 3, interval '21 days')
    )
"""
