from __future__ import annotations

import pytest

from cli.faults import BadInput
from cli.options import given, read_labels, split_port


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("example.com", "example.com", 443),
        ("example.com:25", "example.com", 25),
        ("192.0.2.1:8443", "192.0.2.1", 8443),
        ("::1", "::1", 443),
        ("[::1]", "::1", 443),
        ("[::1]:25", "::1", 25),
        ("2001:db8::25", "2001:db8::25", 443),
    ],
)
def test_a_port_may_follow_a_name(text: str, name: str, port: int) -> None:
    assert split_port(text, 443) == (name, port)


@pytest.mark.parametrize("text", ["a:", "a:0", "a:65536", "a:http", "[::1]:", "a:-1", "a:²"])
def test_a_port_is_a_number_from_1_to_65535(text: str) -> None:
    with pytest.raises(BadInput, match="port: must be from 1 to 65535"):
        split_port(text, 443)


@pytest.mark.parametrize(
    "text", ["https://example.com", "https://example.com:8443/x", "a/b", "//a"]
)
def test_an_address_of_a_browser_is_not_a_name(text: str) -> None:
    with pytest.raises(BadInput, match="name: must be NAME or NAME:PORT, without https://"):
        split_port(text, 443)


def test_labels_are_set_and_taken_away() -> None:
    assert read_labels(["a=1", "b=x=y", "c="], ["d"]) == {"a": "1", "b": "x=y", "c": "", "d": None}


def test_what_was_not_given_is_left_out_and_default_is_null() -> None:
    assert given(a=None, b="default", c=False, d="x") == {"b": None, "c": False, "d": "x"}
