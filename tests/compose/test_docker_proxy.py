"""The allow-list before the engine's socket, as it ships, in Debian's NGINX."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.docker import calls
from registry.facts.outcomes import Failure, FailureReason
from tests.collector.docker.labs import Asker, RealLab
from tests.parts.docker_proxy import NGINX_USER, Proxy, Recorder, proxy, wait_for
from tests.parts.dockerd import RealEngine, dockerd
from tests.parts.postgres import short_folder

ID = "0123456789abcdef" * 4
API = "/v1.41"
ALLOWED = [
    "/_ping",
    f"{API}/_ping",
    calls.VERSION,
    f"{API}/version",
    "/info",
    calls.info("1.52"),
    calls.containers("1.41"),
    "/containers/json?all=1",
    calls.inspect("1.41", ID),
    calls.stats("1.41", ID),
    calls.images("1.41"),
    calls.disk_usage("1.41"),
    calls.events("1.41", 0, 1_790_000_000_123_456_789),
]


@pytest.fixture(scope="module")
def docker_engine() -> Iterator[RealEngine]:
    with dockerd() as engine:
        engine.folder.chmod(0o711)  # the socket's own group is what decides
        yield engine


@pytest.fixture(scope="module")
def real(docker_engine: RealEngine) -> Iterator[Proxy]:
    path = docker_engine.folder / "docker.sock"
    with proxy(path, group=path.stat().st_gid) as running:
        yield running


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    with short_folder("vsa-recorder-") as folder, Recorder(folder / "engine.sock") as server:
        (folder / "engine.sock").chmod(0o666)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def recorded(recorder: Recorder) -> Iterator[Proxy]:
    with proxy(Path(str(recorder.server_address)), group=NGINX_USER) as running:
        yield running


@pytest.fixture
def heard(recorder: Recorder) -> list[bytes]:
    recorder.heard.clear()
    return recorder.heard


# ---------------------------------------------------------------------------- what goes through


async def test_a_whole_scrape_goes_through_and_its_next(
    docker_engine: RealEngine, real: Proxy
) -> None:
    lab = RealLab(docker_engine, podman=False)
    asker = Asker(f"unix://{real.socket}")
    try:
        lab.run("web")
        lab.run("job", exits=3)
        facts = await asker.facts()
        assert {(one.name, one.state.value) for one in facts.containers} == {
            ("web", "running"),
            ("job", "exited"),
        }
        assert facts.samples
        lab.kill("web")
        assert "die" in {event.action for event in (await asker.facts()).events}
    finally:
        await asker.close()
        docker_engine.remove_containers()


async def test_through_the_proxy_it_reads_what_it_reads_without(
    docker_engine: RealEngine, real: Proxy
) -> None:
    lab = RealLab(docker_engine, podman=False)
    lab.run("web")
    askers = [Asker(docker_engine.url), Asker(f"unix://{real.socket}")]
    try:
        direct, through = [await asker.facts() for asker in askers]
        assert through.containers == direct.containers
        assert through.engine == direct.engine
    finally:
        for asker in askers:
            await asker.close()
        docker_engine.remove_containers()


async def test_many_containers_are_asked_for_down_one_connection(recorded: Proxy) -> None:
    requests = f"GET {calls.stats('1.41', ID)} HTTP/1.1\r\nHost: docker\r\n\r\n" * 499
    last = f"GET {calls.VERSION} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
    assert recorded.send(requests + last).count(b"HTTP/1.1 200 OK") == 500


@pytest.mark.parametrize("path", ALLOWED)
def test_what_the_collector_asks_reaches_the_engine_as_it_is(
    recorded: Proxy, heard: list[bytes], path: str
) -> None:
    headers = "X-Registry-Auth: secret\r\nCookie: a=b\r\n"
    assert recorded.get(path, headers=headers) == 200
    assert heard == [f"GET {path} HTTP/1.1\r\nHost: docker\r\n".encode()]


def test_every_question_of_the_collector_s_is_tried_here() -> None:
    tried = {"VERSION", "info", "containers", "inspect", "stats", "events", "images", "disk_usage"}
    assert {name for name in vars(calls) if name[0] != "_" and name != "annotations"} == tried


# ---------------------------------------------------------------------------- what does not


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"{API}/containers/{ID}/archive?path=/etc/shadow",
        f"{API}/containers/{ID}/logs?stdout=1",
        f"{API}/containers/{ID}/export",
        f"{API}/containers/{ID}/top",
        f"{API}/containers/{ID}/changes",
        f"{API}/containers/{ID}/attach/ws",
        f"{API}/exec/{ID}/json",
        f"{API}/images/busy:1/json",
        f"{API}/images/busy:1/get",
        f"{API}/images/get?names=busy",
        f"{API}/secrets",
        f"{API}/configs",
        f"{API}/volumes",
        f"{API}/networks",
        f"{API}/swarm",
        f"{API}/plugins",
        "/session",
        "/grpc",
    ],
)
def test_every_other_path_is_refused(recorded: Proxy, heard: list[bytes], path: str) -> None:
    assert recorded.get(path) == 403
    assert not heard


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/containers/json",
        f"{API}/containers/json?all=1&size=1",
        f"{API}/containers/json?size=1&all=1",
        f"{API}/containers/json?all=1#",
        f"{API}/containers/{ID}/json?size=1",
        f"{API}/containers/{ID}/stats",
        f"{API}/containers/{ID}/stats?stream=1",
        f"{API}/containers/{ID}/stats?stream=0&one-shot=1&x=1",
        f"{API}/events",
        f"{API}/events?since=1.000000000",
        f"{API}/events?since=1.000000000&until=2.000000000&filters=x",
        f"{API}/info?x=1",
        f"{API}/images/json?all=1",
        f"{API}/images/json?shared-size=1",
        f"{API}/system/df?type=volume",
        "/version?",
    ],
)
def test_every_other_parameter_is_refused(recorded: Proxy, heard: list[bytes], path: str) -> None:
    assert recorded.get(path) == 403
    assert not heard


@pytest.mark.parametrize(
    "path",
    [
        "//version",
        "/./version",
        "/version/",
        "/x/../version",
        "/%76ersion",
        "/version%00",
        "/version%0d%0aX:%20y",
        "/version;x",
        "/VERSION",
        "/v1.41/../version",
        "/v1.41//info",
        "/v2.0/info",
        "/v1.41x/info",
        f"{API}/containers/{ID}/../{ID}/json",
        f"{API}/containers/{ID}%2farchive/json",
        f"{API}/containers/{ID}/archive/../json",
        f"{API}/containers/%2e%2e/{ID}/json",
        f"{API}/containers/{ID[:-1]}/json",
        f"{API}/containers/{ID.upper()}/json",
        f"{API}/containers/web/json",
        f"{API}/containers/{ID}/json%3Fx/archive",
        f"{API}/containers/{ID}/archive%3f/json",
        f"http://docker{API}/containers/{ID}/archive",
    ],
)
def test_no_other_spelling_gets_by(recorded: Proxy, heard: list[bytes], path: str) -> None:
    assert recorded.get(path) in {400, 403}
    assert not heard


@pytest.mark.parametrize(
    "method",
    ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"],
)
def test_every_other_method_is_refused(recorded: Proxy, heard: list[bytes], method: str) -> None:
    assert recorded.get("/version", method=method) in {400, 403, 405}
    assert not heard


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Length: 2\r\n", "{}"),
        ("Content-Length: 0\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Upgrade: tcp\r\nConnection: Upgrade\r\n", ""),
        ("Upgrade: h2c\r\n", ""),
        ("Upgrade: websocket\r\n", ""),
    ],
)
def test_a_body_or_another_protocol_is_refused(
    recorded: Proxy, heard: list[bytes], headers: str, body: str
) -> None:
    assert recorded.get("/version", headers=headers, body=body) in {400, 403}
    assert not heard


def test_a_request_hidden_behind_another_is_judged_by_itself(
    recorded: Proxy, heard: list[bytes]
) -> None:
    hidden = f"POST {API}/containers/create HTTP/1.1\r\nHost: docker\r\n\r\n"
    recorded.send(f"GET /version HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n{hidden}")
    both = f"Content-Length: {len(hidden)}\r\nTransfer-Encoding: chunked\r\n"
    recorded.get("/version", headers=both, body=f"0\r\n\r\n{hidden}")
    assert not [request for request in heard if not request.startswith(b"GET /version ")]


def test_a_refusal_reads_like_an_engine_s_and_is_logged(recorded: Proxy) -> None:
    answer = recorded.send(f"GET {API}/volumes HTTP/1.0\r\n\r\n")
    assert b"Content-Type: application/json" in answer
    assert b'{"message":"docker-proxy: this request is not on its list"}' in answer
    log = recorded.socket.with_name("refusals")
    wait_for(lambda: f"GET {API}/volumes HTTP/1.0" in log.read_text())


# ---------------------------------------------------------------------------- when it cannot


async def test_a_wrong_group_is_told_with_what_to_do(docker_engine: RealEngine) -> None:
    path = docker_engine.folder / "docker.sock"
    with proxy(path, group=NGINX_USER) as shut:
        asker = Asker(f"unix://{shut.socket}")
        failure = await asker.failure()
        await asker.close()
    assert isinstance(failure, Failure)
    assert failure.reason is not FailureReason.INTERNAL
    assert "DOCKER_GID must be what stat -c %g /var/run/docker.sock says" in failure.detail


def test_anybody_beside_it_may_open_its_socket(recorded: Proxy) -> None:
    assert recorded.socket.stat().st_mode & 0o777 == 0o666
