"""What is released: an sdist with everything, a wheel that runs `vsa up` anywhere, their licences."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from registry.version import __version__
from tests import licences
from tests.checkout import ROOMS, ROOT, sources
from tests.cli.person import Home, wait_gone
from tests.parts.postgres import short_folder

UV = str(Path(sys.executable).with_name("uv"))
# These ask nothing of a program that uses the package, and little of whoever passes it on.
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0"}
WEAK_COPYLEFT = {
    "asyncssh": "EPL-2.0 OR GPL-2.0-or-later",
    "certifi": "MPL-2.0",
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel that was made from it, as `make dist` makes them."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder)
    return folder


def build(folder: Path, *what: str) -> None:
    locked = [f"--build-constraints={ROOT}/compose/build.lock", "--require-hashes"]
    command = [UV, "build", "--quiet", *what, *locked, f"--out-dir={folder}", str(ROOT)]
    subprocess.run(command, check=True, timeout=100)


def wheel_of(folder: Path) -> Path:
    return folder / f"vsa_dashboard-{__version__}-py3-none-any.whl"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_sdist_holds_everything(dist: Path) -> None:
    top = f"vsa_dashboard-{__version__}"
    with tarfile.open(dist / f"{top}.tar.gz") as archive:
        held = {name.removeprefix(f"{top}/") for name in archive.getnames()}
    assert sources(".") <= held


def test_the_wheel_holds_the_rooms_and_nothing_else(dist: Path) -> None:
    held = {name for name in contents(wheel_of(dist)) if ".dist-info/" not in name}
    assert sources(*ROOMS) <= held
    assert {name.partition("/")[0] for name in held} == set(ROOMS)


def test_sdist_and_checkout_give_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    build(tmp_path, "--wheel")
    assert contents(wheel_of(tmp_path)) == contents(wheel_of(dist))


def test_the_newest_version_in_the_changelog_is_this_one() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)
    assert released[0] == __version__
    ordered = sorted(released, key=lambda text: [int(part) for part in text.split(".")])
    assert released == ordered[::-1]


def test_the_stack_runs_this_version_unless_told_otherwise() -> None:
    text = (ROOT / "compose/compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"VSA_VERSION:-([^}]*)", text)) == {__version__}


# ---------------------------------------------------------------------------- installed


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; the locked packages are lent to it by this one."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([UV, "venv", "--quiet", folder], check=True, timeout=60)
    install = [UV, "pip", "install", "--quiet", "--offline", "--no-deps", f"--python={folder}"]
    subprocess.run([*install, str(wheel_of(dist))], check=True, timeout=60)
    site = folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin"


@pytest.fixture
def home(installed: Path) -> Iterator[Home]:
    """A person who has installed the wheel, and has no checkout."""
    with short_folder("vsa-installed-") as folder:
        home = Home(folder)
        home.command = [str(installed / "vsa")]
        home.environment.pop("PYTHONPATH")
        home.begin()
        try:
            yield home
        finally:
            home.end()
            wait_gone(home)


def test_the_installed_wheel_runs_the_main_job(home: Home, installed: Path) -> None:
    for program in ("api", "collector", "exporter"):
        process = home.process(program, "--supervised")
        assert process, program
        assert str(installed) in home.processes()[process]
    assert home.rest("GET", "/readyz").json() == {"status": "ready"}
    said = home.vsa("status")
    assert (said.code, said.out.splitlines()[0]) == (0, "Nothing is watched yet.")


# ---------------------------------------------------------------------------- the forge's workflow


def test_the_workflow_runs_the_same_ci_and_trusts_no_tag_that_may_move() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert {"run": ".ci/run"} in jobs["test"]["steps"]
    assert jobs["release"]["needs"] == "test"
    actions = re.findall(r"uses: (.+)", text)
    assert actions
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) for one in actions)


# ---------------------------------------------------------------------------- licences


def test_the_licences_are_listed_as_the_packages_say_them() -> None:
    listed = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    assert listed == licences.document(), "run: make licences"


def test_no_package_asks_more_than_is_known() -> None:
    surprises = [
        package
        for package in licences.packages()
        if package.licence != WEAK_COPYLEFT.get(package.name)
        and not set(re.split(r" (?:AND|OR) ", package.licence)) <= PERMISSIVE
    ]
    assert not surprises
