"""The watcher beside NGINX: what it does when NGINX refuses, and how the container ends."""

from __future__ import annotations

import time
from pathlib import Path

from tests.certbot.edge import LOOKS_SECONDS, SCRIPTS, Edge
from tests.end_to_end.house import wait_for
from tests.parts.nginx import DOMAIN
from tests.parts.tls import Authority


def test_a_refused_configuration_leaves_the_old_certificate_served_and_is_told_once(
    edge: Edge,
) -> None:
    placeholder = edge.served()
    broken = edge.folder / "etc/nginx/conf.d/broken.conf"
    broken.write_text("no_such_directive on;\n", encoding="utf-8")
    edge.put_own(Authority.create().issue([DOMAIN]))
    line = "reload-nginx: the certificate served stays, NGINX refuses the new state"
    wait_for("the watcher says it", lambda: line in edge.log("nginx"))
    assert 'unknown directive "no_such_directive"' in edge.log("nginx")
    time.sleep(LOOKS_SECONDS)
    assert edge.log("nginx").count(line) == 1
    assert edge.served() == placeholder


def test_a_certificate_that_goes_away_leaves_the_last_one_served(edge: Edge) -> None:
    placeholder = edge.served()
    edge.stop("keeper")
    (edge.published / "live").rename(edge.published / "gone")
    line = "reload-nginx: the certificate served stays"
    wait_for("the watcher says it", lambda: line in edge.log("nginx"))
    assert edge.served() == placeholder


def test_nginx_is_the_main_process_and_ends_in_order_when_docker_asks(edge: Edge) -> None:
    process = edge.processes["nginx"]
    pid = int((edge.folder / "tmp/nginx.pid").read_text(encoding="utf-8"))
    assert pid == process.pid
    assert edge.stop("nginx") == 0


def test_what_docker_runs_is_executable() -> None:
    """NGINX's entrypoint passes over a script that is not, with a line that nobody reads."""
    programs: list[Path] = [SCRIPTS / "reload-nginx.sh", SCRIPTS / "certificate.py"]
    assert [path.stat().st_mode & 0o111 for path in programs] == [0o111, 0o111]
