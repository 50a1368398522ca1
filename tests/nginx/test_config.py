from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.nginx import SHIPPED, Nginx, shipped_nginx
from tests.parts.require import require_program

SETTINGS = ("Authorization", "Cookie", "X-VSA-Proxy", "X-VSA-User", "X-WEBAUTH-USER")


@pytest.fixture(scope="module")
def laid_out() -> Iterator[Nginx]:
    with shipped_nginx({}) as nginx:
        yield nginx


def test_nginx_finds_no_fault(laid_out: Nginx) -> None:
    judgement = laid_out.judge()
    assert judgement.returncode == 0, judgement.stderr
    assert "warn" not in judgement.stderr


def test_gixy_finds_no_fault(laid_out: Nginx) -> None:
    gixy = Path(sys.executable).with_name("gixy")
    said = subprocess.run(
        [gixy, "-l", laid_out.config], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout
    assert "No issues found." in said.stdout


def test_without_a_certificate_nginx_says_which_file_it_wants() -> None:
    with shipped_nginx({}) as nginx:
        for file in nginx.folder.rglob("privkey.pem"):
            file.unlink()
        judgement = nginx.judge()
    assert judgement.returncode != 0
    assert "privkey.pem" in judgement.stderr


HOST_CONFIG = """
pid {0}/nginx.pid;
events {{}}
http {{
    client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c; uwsgi_temp_path {0}/d;
    scgi_temp_path {0}/e;
    include place/vsa.conf;
}}
"""


def test_a_host_s_own_nginx_takes_the_same_files() -> None:
    with shipped_nginx({}) as nginx:
        etc = nginx.config.parent
        ports = {"80": nginx.ports["8080"], "443": nginx.ports["8443"]}
        for path in (SHIPPED / "host").iterdir():
            text = path.read_text(encoding="utf-8")
            text = re.sub(r"listen \[::\]:.*\n", "", text)
            text = re.sub(r"listen (\d+)", lambda m: f"listen 127.0.0.1:{ports[m[1]]}", text)
            (etc / "place" / path.name).write_text(text)
        (etc / "conf.d").rename(etc / "vsa-rendered")
        nginx.config.write_text(HOST_CONFIG.format(nginx.folder / "tmp"))
        judgement = nginx.judge()
    assert judgement.returncode == 0, judgement.stderr


def test_every_location_that_asks_an_upstream_settles_who_is_asking() -> None:
    for name in ("api", "grafana"):
        text = (SHIPPED / f"vsa/{name}.conf").read_text(encoding="utf-8")
        user = (SHIPPED / "vsa/grafana_user.conf").read_text(encoding="utf-8")
        text = text.replace("include vsa/grafana_user.conf;", user)
        asking = text.count("proxy_pass ")
        assert asking == text.count("include vsa/proxy.conf;")
        for setting in SETTINGS:
            assert len(re.findall(rf"proxy_set_header\s+{setting}\s", text)) == asking


def test_no_location_drops_the_headers_of_every_answer() -> None:
    adding = [
        path.name for path in SHIPPED.rglob("*.*") if "add_header " in path.read_text("utf-8")
    ]
    assert adding == ["headers.conf"]


def test_the_page_s_style_is_the_one_that_the_policy_allows() -> None:
    page = (SHIPPED / "vsa/errors/page.html").read_text(encoding="utf-8")
    match = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert match
    digest = base64.b64encode(hashlib.sha256(match[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in (SHIPPED / "vsa/http/policies.conf").read_text("utf-8")


def test_only_two_names_of_the_environment_are_in_the_templates() -> None:
    text = "".join(path.read_text("utf-8") for path in (SHIPPED / "templates").iterdir())
    assert set(re.findall(r"\$\{(\w+)\}", text)) == {"DASHBOARD_DOMAIN", "VSA_PROXY_TOKEN"}


def test_the_image_s_own_tool_renders_what_these_tests_render(laid_out: Nginx) -> None:
    envsubst = require_program("envsubst", "gettext-base")
    for template in (SHIPPED / "templates").iterdir():
        said = subprocess.run(
            [envsubst, "${DASHBOARD_DOMAIN} ${VSA_PROXY_TOKEN}"],
            input=template.read_text(encoding="utf-8"),
            env={"DASHBOARD_DOMAIN": "a.example", "VSA_PROXY_TOKEN": "t0ken"},
            capture_output=True,
            text=True,
            check=True,
        )
        ours = template.read_text(encoding="utf-8")
        ours = ours.replace("${DASHBOARD_DOMAIN}", "a.example")
        assert said.stdout == ours.replace("${VSA_PROXY_TOKEN}", "t0ken")
