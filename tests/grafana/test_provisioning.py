"""What Grafana reads at its start, held against the dashboards and the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from grafana.page import TITLES
from grafana.queries import POSTGRESQL, PROMETHEUS
from tests.parts.grafana import dashboards
from tests.parts.postgres import Database

PROVISIONING = Path(__file__).parents[2] / "grafana" / "provisioning"


def read(kind: str) -> dict[str, Any]:
    text = (PROVISIONING / kind / "vsa.yml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    assert content["apiVersion"] == 1
    return content


def sources() -> dict[str, dict[str, Any]]:
    return {source["uid"]: source for source in read("datasources")["datasources"]}


def test_each_dashboard_begins_with_the_data_sources_that_are_provisioned() -> None:
    for board in dashboards():
        first = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
        chosen = {v["current"]["value"]: (v["query"], v["current"]["text"]) for v in first}
        assert chosen == {uid: (s["type"], s["name"]) for uid, s in sources().items()}


def test_the_types_are_those_that_panels_name() -> None:
    types = [source["type"] for source in sources().values()]
    assert types == [PROMETHEUS.type_val, POSTGRESQL.type_val]


def test_nobody_changes_them_in_the_browser() -> None:
    assert not any(source["editable"] for source in sources().values())
    (provider,) = read("dashboards")["providers"]
    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True


def test_the_password_comes_from_the_environment_alone() -> None:
    source = sources()["vsa-postgresql"]
    assert source["secureJsonData"] == {"password": "$__env{VSA_GRAFANA_PASSWORD}"}


def test_grafana_logs_in_as_the_role_of_its_own(database: Database) -> None:
    assert f"//{sources()['vsa-postgresql']['user']}@" in database.dashboard_url


def test_one_default_is_there_to_begin_with() -> None:
    assert [uid for uid, source in sources().items() if source.get("isDefault")] == [
        "vsa-prometheus"
    ]


def test_every_page_lies_in_the_folder_that_is_named() -> None:
    (provider,) = read("dashboards")["providers"]
    assert provider["folder"] == "VSA"
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
    assert len(dashboards()) == len(TITLES)
