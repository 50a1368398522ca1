from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from cli.main import app
from registry.version import __version__
from tests.cli.person import Person
from tests.parts.ports import free_port


def commands() -> Iterator[tuple[str, ...]]:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        if isinstance(command, TyperGroup):
            yield from ((name, sub) for sub in command.commands)
        else:
            yield (name,)


def help_of(words: tuple[str, ...]) -> str:
    command: object = get_command(app)
    for word in words:
        assert isinstance(command, TyperGroup)
        command = command.commands[word]
    return str(getattr(command, "help", ""))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_each_command_has_an_example(words: tuple[str, ...]) -> None:
    example = help_of(words).partition("Example:")[2]
    assert f"vsa {' '.join(words)}" in example


def test_help_lists_every_command_and_costs_little(person: Person) -> None:
    said = person.vsa("--help")
    assert said.code == 0
    assert {words[0] for words in commands()} <= set(said.out.split())
    assert said.cpu_seconds < 0.5


def test_it_tells_its_version(person: Person) -> None:
    said = person.vsa("--version")
    assert (said.code, said.out) == (0, f"{__version__}\n")


def test_no_command_at_all_shows_the_help(person: Person) -> None:
    said = person.vsa()
    assert said.code == 2
    assert said.err.startswith("Usage: vsa [OPTIONS] COMMAND")
    assert "\nCommands:\n" in said.err


@pytest.mark.parametrize(
    "words", [(), ("db",), ("secrets",), ("domain",), ("certificate",)], ids=str
)
def test_no_line_of_a_list_of_commands_is_cut(person: Person, words: tuple[str, ...]) -> None:
    assert "..." not in person.vsa(*words, "-h").out.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nod",), "Did you mean 'node'?"),
        (("node", "add"), "NAME: say what to call the node"),
        (("token", "create", "x", "--role", "king"), "'--role': 'king' is not one of"),
        (("token", "create", "x"), "Missing option '--role'. Choose from: read, write, admin"),
        (("probe", "example.com", "--bogus"), "No such option: --bogus"),
        (("probe", "example.com:99999"), "port: must be from 1 to 65535"),
        (("probe", "*.example.com"), "name: must be a DNS name"),
        (("probe", "https://example.com/"), "name: must be NAME or NAME:PORT, without https://"),
        (("probe", "example.com", "--timeout", "soon"), "timeout: must be a duration"),
        (("domain", "add", "example.com:25", "--port", "26"), "--port: 26 contradicts"),
        (("node", "add", "n", "unix:///x", "--label", "site"), "--label: must be KEY=VALUE"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    person: Person, words: tuple[str, ...], told: str
) -> None:
    said = person.vsa(*words)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert said.err.count("\n") == 1


def test_every_wrong_setting_is_named_at_once(person: Person) -> None:
    said = person.vsa("status", VSA_API_LISTEN="here", VSA_PROBE_TIMEOUT="soon")
    assert said.code == 2
    assert said.err.splitlines()[0].startswith("vsa: VSA_API_LISTEN: must be HOST:PORT")
    assert said.err.splitlines()[1].startswith("vsa: VSA_PROBE_TIMEOUT: must be a duration")


def test_without_an_api_it_says_what_to_try_and_exits_with_3(person: Person) -> None:
    said = person.vsa("status", VSA_API_URL=f"http://127.0.0.1:{free_port()}")
    assert said.code == 3
    assert "start it with `vsa up`, or set VSA_API_URL" in said.err
    assert said.err.count("\n") == 1
