from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import psycopg
import pytest

from registry.facts.containers import ContainerState
from registry.facts.outcomes import Failure, FailureReason
from tests.exporter.reading import assert_promtool_is_content, names, series, values
from tests.exporter.things import SHOP, SHOP_SAMPLE
from tests.exporter.watch import Watch, scraped
from tests.parts.postgres import Database

PAGE = "/metrics/nodes/web-1"
RUNNING = scraped(SHOP, samples=(SHOP_SAMPLE,))
REFUSED = Failure(FailureReason.REFUSED, "nothing listens there")


@pytest.fixture
async def watched(watch: Watch) -> Watch:
    await watch.add_node("web-1")
    return watch


async def test_promtool_is_content_with_the_page(watched: Watch, client: httpx.AsyncClient) -> None:
    await watched.answer_nodes(RUNNING)
    answer = await client.get(PAGE)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert_promtool_is_content(answer.text)


async def test_a_state_carries_the_time_of_the_scrape_and_a_number_its_own(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    seen = await watched.answer_nodes(RUNNING)
    found = series((await client.get(PAGE)).text)
    at = {text.partition("{")[0]: value.split()[1] for text, value in found.items()}
    assert at["vsa_container_state"] == at["machine_cpu_cores"] == f"{seen.timestamp() * 1000:.0f}"
    assert at["container_memory_usage_bytes"] == f"{SHOP_SAMPLE.received_at * 1000:.0f}"


async def test_new_numbers_show_though_the_containers_are_the_same(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    await watched.answer_nodes(RUNNING)
    first = (await client.get(PAGE)).text
    await watched.answer_nodes(scraped(SHOP, samples=(replace(SHOP_SAMPLE, pids=18),)))
    second = (await client.get(PAGE)).text
    assert list(values(first, "container_threads").values()) == ["17"]
    assert list(values(second, "container_threads").values()) == ["18"]


async def test_a_change_of_state_shows_at_the_next_scrape(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    await watched.answer_nodes(RUNNING)
    assert "container_last_seen" in names((await client.get(PAGE)).text)
    stopped = replace(SHOP, state=ContainerState.EXITED, exit_code=137)
    await watched.answer_nodes(scraped(stopped))
    page = (await client.get(PAGE)).text
    assert list(values(page, "vsa_container_exit_code").values()) == ["137"]
    assert "container_last_seen" not in names(page)


async def test_states_stand_when_a_crash_took_the_numbers(
    watched: Watch, database: Database, client: httpx.AsyncClient
) -> None:
    await watched.answer_nodes(RUNNING)
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("TRUNCATE node_samples")
    found = names((await client.get(PAGE)).text)
    assert "vsa_container_state" in found
    assert "container_memory_usage_bytes" not in found


@pytest.mark.parametrize("name", ["web-1", "%00", "%FF", "a%22%0Ab", "x" * 5000])
async def test_a_name_that_no_node_has_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/metrics/nodes/{name}")
    assert answer.status_code == 404
    assert answer.text == "There is no node of that name.\n"


async def test_a_name_that_passed_to_another_node_shows_that_ones_containers(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    await watched.answer_nodes(RUNNING)
    assert 'name="shop"' in (await client.get(PAGE)).text
    await watched.remove_node("web-1")
    await watched.add_node("web-1")
    await watched.answer_nodes(scraped(replace(SHOP, name="mail", container_id="b" * 64)))
    page = (await client.get(PAGE)).text
    assert 'name="mail"' in page
    assert 'name="shop"' not in page


async def test_a_node_not_yet_asked_says_so(watched: Watch, client: httpx.AsyncClient) -> None:
    answer = await client.get(PAGE)
    assert answer.status_code == 503
    assert answer.text == "There is no fresh data of node web-1 yet: no collector has asked it.\n"


async def test_a_node_that_never_answered_says_why(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    await watched.answer_nodes(REFUSED)
    answer = await client.get(PAGE)
    assert answer.status_code == 503
    assert (
        answer.text == "There is no fresh data of node web-1 yet: refused: nothing listens there\n"
    )


async def test_a_node_whose_data_is_old_says_since_when_and_why(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    seen = await watched.answer_nodes(RUNNING, ago=timedelta(minutes=5))
    await watched.answer_nodes(REFUSED)
    answer = await client.get(PAGE)
    assert answer.status_code == 503
    assert answer.text == (
        f"There is no fresh data of node web-1 since {seen:%Y-%m-%d %H:%M:%S}+00:00: "
        "refused: nothing listens there\n"
    )


async def test_one_failure_does_not_take_fresh_data_away(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    await watched.answer_nodes(RUNNING)
    await watched.answer_nodes(REFUSED)
    assert (await client.get(PAGE)).status_code == 200


async def test_a_node_that_nobody_asks_any_more_says_so(
    watched: Watch, client: httpx.AsyncClient
) -> None:
    seen = await watched.answer_nodes(RUNNING, ago=timedelta(minutes=5))
    text = (await client.get(PAGE)).text
    assert text.endswith(f"no collector has asked it since {seen:%Y-%m-%d %H:%M:%S}+00:00.\n")


async def test_a_disabled_node_says_so(watched: Watch, client: httpx.AsyncClient) -> None:
    await watched.disable_node("web-1")
    answer = await client.get(PAGE)
    assert answer.status_code == 503
    assert answer.text == "There is no fresh data of node web-1 yet: it is disabled.\n"
