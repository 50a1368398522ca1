"""The exporter's own role: it reads what the pages show, and nothing else."""

from __future__ import annotations

import httpx
import psycopg
import pytest

from exporter.program import make_app
from registry.migrate import upgrade
from registry.models import metadata
from registry.session import make_engine
from tests.compose.conftest import EXPORTER, OWNER, PASSWORDS, PROGRAM, Cluster
from tests.grafana.living import make_living
from tests.registry.targets import DEFAULTS


def test_an_installation_without_the_exporter_s_password_goes_on_without_its_role(
    migrated: Cluster,
) -> None:
    migrated.psql(**{**PASSWORDS, "VSA_EXPORTER_PASSWORD": ""})  # as Compose passes what is not set
    try:
        migrated.connect("vsa", PROGRAM).close()
        for guess in ("", EXPORTER):
            with pytest.raises(psycopg.OperationalError, match="password"):
                migrated.connect("vsa_exporter", guess)
    finally:
        migrated.psql(**PASSWORDS)


@pytest.fixture(scope="module")
def seen(migrated: Cluster) -> Cluster:
    """The same server, on which much was seen."""
    make_living(migrated.url("vsa", PROGRAM))
    return migrated


@pytest.mark.parametrize("path", ["metrics", "metrics/nodes/web-1", "readyz"])
async def test_the_exporter_s_role_is_enough_for_every_page(seen: Cluster, path: str) -> None:
    engine = make_engine(seen.url("vsa_exporter", EXPORTER), program="test")
    app = httpx.ASGITransport(make_app(engine, DEFAULTS))
    async with httpx.AsyncClient(transport=app, base_url="http://vsa.test") as exporter:
        answer = await exporter.get(f"/{path}")
    await engine.dispose()
    assert answer.status_code == 200, answer.text
    assert ("web" in answer.text) == path.startswith("metrics")


def test_the_exporter_s_role_reads_nothing_else(migrated: Cluster) -> None:
    read = """
        SELECT table_name FROM information_schema.table_privileges WHERE grantee = 'vsa_exporter'
    """
    with migrated.connect("vsa_exporter", EXPORTER) as exporter:
        granted = {str(name) for (name,) in exporter.execute(read)}
        assert granted & {"credentials", "tokens", "audit_logs", "events"} == set()
        for table in metadata.tables.keys() - granted:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                exporter.execute(f"SELECT * FROM {table}".encode())


def test_the_exporter_s_role_changes_nothing(migrated: Cluster) -> None:
    with migrated.connect("vsa_exporter", EXPORTER) as exporter:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            exporter.execute("DELETE FROM vps_nodes")
        exporter.execute("SET default_transaction_read_only = off")
        for change in ("DELETE FROM vps_nodes", "UPDATE schedule SET lease_token = NULL"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                exporter.execute(change.encode())


def test_an_upgrade_takes_back_what_the_exporter_s_role_must_not_have(migrated: Cluster) -> None:
    with migrated.connect("vsa_owner", OWNER) as owner:
        owner.execute("GRANT SELECT ON tokens, credentials TO vsa_exporter")
    upgrade(migrated.url("vsa_owner", OWNER), migrated.url("vsa", PROGRAM))
    test_the_exporter_s_role_reads_nothing_else(migrated)
