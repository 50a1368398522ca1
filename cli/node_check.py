"""`vsa node check`: on one screen what works between a collector and a node, what does not, and what to do."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from cli.answers import Node, NodeChecked, decode
from cli.connection import connect
from cli.faults import CannotReach
from cli.options import Json
from cli.output import BAD, GOOD, QUIET, STRONG, WARN, note, print_json, say, table
from cli.words import count
from registry.facts.checks import CheckStep
from registry.facts.outcomes import Failure, FailureReason

_KIB = 1024

# What to do about each reason, on whose machine.
_FIXES = {
    FailureReason.DNS: "Does the name resolve where the collector runs? Try `getent hosts HOST` there.",
    FailureReason.REFUSED: "Nothing listens there, or something resets us: is the engine running, the port right,"
    " a firewall in between?",
    FailureReason.UNREACHABLE: "There is no way from the collector to it: look at routes and firewalls, or, for"
    " unix://, whether the socket is mounted where the collector runs.",
    FailureReason.TIMEOUT: "It was silent at the step above. On the node: is the engine busy or hung"
    " (`docker ps` there)? Allow more: vsa node set NAME --timeout 30s.",
    FailureReason.TOO_LARGE: "It sent more than VSA_MAX_RESPONSE_BYTES: remove what it need not hold, or raise it.",
    FailureReason.TLS: "The engine's certificate or TLS is wrong: it must be issued by the credential's CA, for the"
    " very name in the node's URL, and not have ended (`vsa credential list` says ours).",
    FailureReason.AUTH: "It does not know us: give the node the credential that it expects,"
    " vsa node set NAME --credential CREDENTIAL, or make one: vsa credential add.",
    FailureReason.FORBIDDEN: "We may not: the user needs the socket's group (docker); behind a proxy the calls above"
    " must be allowed; a plain tcp:// needs VSA_ALLOW_PLAIN_TCP.",
    FailureReason.HOST_KEY: "If the fingerprint is right (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub there):"
    " vsa node trust NAME.",
    FailureReason.PROTOCOL: "What answers is no Docker engine, or breaks off: is it another port, a proxy, a login page?",
    FailureReason.VERSION: "The engine is too old: API 1.41 (Docker 20.10) is the oldest that is spoken.",
    FailureReason.INTERNAL: "That is a fault of ours: the collector's log has more. Please report it.",
}  # fmt: skip


def check_node(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The node's name.")],
    *,
    as_json: Json = False,
) -> None:
    """Ask a node now, and say step by step what works, and what to do about what does not.

    A collector asks it, over connections of its own, as if nothing were known of it. Exit code 3 when it
    does not answer.

    Example: vsa node check web-1
    """
    note(f"asking {name} …")
    answer = connect().send("POST", f"/nodes/{quote(name, safe='')}/check")
    checked = decode(answer, NodeChecked)
    if as_json:
        print_json(answer)
    else:
        _show(checked)
    if checked.failure:
        raise typer.Exit(CannotReach.exit_code)


def _show(checked: NodeChecked) -> None:
    node = checked.node
    say(Text.assemble((node.name, STRONG), "  ", (node.docker_url, QUIET)))
    table(("  step", "", "time", "bytes", "seen"), map(_line, checked.steps))
    if checked.failure:
        _say_failure(node, checked.failure)
    else:
        _say_success(node, checked.steps)


def _line(step: CheckStep) -> tuple[str | Text, ...]:
    name = step.name if step.calls <= 1 else f"{step.calls} {step.name}"
    mark = Text("ok", GOOD) if step.ok else Text("failed", BAD)
    size = f"{step.received_bytes / _KIB:.1f} KiB" if step.received_bytes else ""
    return f"  {name}", mark, f"{step.seconds * 1000:.1f} ms", size, Text(step.detail, QUIET)


def _say_success(node: Node, steps: list[CheckStep]) -> None:
    seconds = sum(step.seconds for step in steps)
    say(Text(f"All works, in {seconds * 1000:.0f} ms.", GOOD))
    if engine := node.state.engine:
        containers = count(sum(node.state.containers.values()), "container")
        say(
            f"Docker {engine.version} on {engine.operating_system}, API {engine.api_version} is spoken; {containers}."
        )
        for warning in engine.warnings:
            say(Text(f"It warns: {warning}", WARN))
    if node.state.same_engine_as:
        say(Text(f"It is the same engine as {', '.join(node.state.same_engine_as)}.", WARN))
    if not steps:
        say(Text("Its collector is of an older release and does not tell its steps.", WARN))


def _say_failure(node: Node, failure: Failure) -> None:
    say(Text(f"{failure.reason.replace('_', ' ')}: {failure.detail}", BAD))
    say(_FIXES[failure.reason].replace("NAME", node.name))
