from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import rules

GOOD = [
    (rules.node_name, "web-1", "web-1"),
    (rules.node_name, "0._-", "0._-"),
    (rules.node_name, "a" * 63, "a" * 63),
    (rules.person_name, "Ann.Lee_1@example.com", "Ann.Lee_1@example.com"),
    *(
        (rules.docker_url, url, url)
        for url in (
            "unix:///run/docker.sock",
            "tcp://web-1",
            "tcp://web-1.example.com:2376",
            "tcp://[2001:db8::1]:2376",
            "ssh://vsa@web-1",
            "ssh://vsa@10.0.0.1:2222/run/user/1000/docker.sock",
        )
    ),
    (rules.domain_name, "Example.COM.", "example.com"),
    (rules.domain_name, "localhost", "localhost"),
    (rules.domain_name, "bücher.example", "xn--bcher-kva.example"),
    (rules.domain_name, "例え。", "xn--r8jz45g"),
    (rules.domain_name, "_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"),
    (rules.domain_name, "_dmarc.example.com", "_dmarc.example.com"),
    (rules.domain_name, "192.0.2.1", "192.0.2.1"),
    (rules.domain_name, "[2001:DB8::0:1]", "2001:db8::1"),
]
BAD = [
    (rules.node_name, text)
    for text in ("", "Web", "-web", ".web", "web 1", "wéb", "a" * 64, "web\n", "web/1", "web\x00")
]
BAD += [
    (rules.person_name, text)
    for text in ("", "a b", "a:b", "a\n", ".a", "-a", "ünal", "a" * 64, "a/b", "a\x00")
]
BAD += [
    (rules.docker_url, text)
    for text in (
        "",
        "/run/docker.sock",
        "tcp://",
        "tcp://10.0.0.1:0",
        "tcp://10.0.0.1:65536",
        "tcp://10.0.0.1:",
        "tcp://10.0.0.1/",
        "tcp://web-1?x=1",
        "tcp://web 1",
        "tcp://anna@web-1",
        "tcp://2001:db8::1",
        "ssh://web-1",
        "ssh://@web-1",
        "ssh://anna:secret@web-1",
        "ssh://-oProxyCommand=x@web-1",
        "ssh://anna@web-1/",
        "ssh://anna@web-1/run/docker.sock?x=1",
        "ssh://anna@-oProxyCommand=x",
        "unix://run/docker.sock",
        "unix:///run/docker.sock?x=1",
        "unix:///run/docker.sock#",
        "unix:///",
        " unix:///run/docker.sock",
        "UNIX:///run/docker.sock",
        "unix:///a\x00b",
        "unix:///" + "a" * 107,
        "http://[",
    )
]
BAD += [
    (rules.domain_name, text)
    for text in (
        "",
        ".",
        "*.example.com",
        "example..com",
        "example.com..",
        "💩.example",
        "fe80::1%eth0",
        "::1%\x00",
        "[[::1]]",
        "-a.example",
        "exa mple.com",
        "a" * 64 + ".com",
        ".".join(["a" * 60] * 5),
        "1.2.3.4.5",
        "256.1.1.1",
        "example.com:443",
        "https://example.com",
        "xn--\x00",
        "\ud800.example",
    )
]


@pytest.mark.parametrize(("rule", "text", "stored"), GOOD)
def test_a_good_value_is_taken(rule: Callable[[str], str], text: str, stored: str) -> None:
    assert rule(text) == stored


@pytest.mark.parametrize(("rule", "text"), BAD)
def test_a_bad_value_is_refused_with_a_sentence(rule: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        rule(text)


@pytest.mark.parametrize("rule", [rules.node_name, rules.docker_url, rules.domain_name])
@given(text=st.text())
def test_no_text_does_worse_than_be_refused(rule: Callable[[str], str], text: str) -> None:
    try:
        stored = rule(text)
    except ValueError:
        return
    assert rule(stored) == stored


@pytest.mark.parametrize(
    "values",
    [
        {"1a": "x"},
        {"": "x"},
        {"a-b": "x"},
        {"__address__": "x"},
        {"a": "x" * 257},
        {"a": "x\x00"},
        {"a": "\ud800"},
        {f"l{n}": "x" for n in range(33)},
    ],
)
def test_bad_labels_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        rules.labels(values)


def test_good_labels_are_taken() -> None:
    assert rules.labels({"site": "berlin", "_x": ""}) == {"site": "berlin", "_x": ""}
