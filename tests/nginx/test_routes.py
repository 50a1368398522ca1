from __future__ import annotations

from tests.nginx.conftest import ask
from tests.parts.nginx import Nginx


def test_the_configuration_is_in_order(nginx: Nginx) -> None:
    judgement = nginx.judge()
    assert judgement.returncode == 0, judgement.stderr
    assert "warn" not in judgement.stderr


def test_the_root_leads_to_grafana(nginx: Nginx) -> None:
    for path in ("/", "/grafana"):
        answer = ask(nginx, "GET", path)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/grafana/")
