"""RFC 9525: which names of a certificate cover which server name."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from registry.server_names import as_address, is_named


def dns(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in names]


@pytest.mark.parametrize(
    ("server_name", "names"),
    [
        ("example.test", ["example.test"]),
        ("EXAMPLE.test", ["example.TEST"]),
        ("www.example.test", ["*.example.test"]),
        ("xn--bcher-kva.example.test", ["*.example.test"]),
        ("xn--bcher-kva.example.test", ["xn--bcher-kva.example.test"]),
        ("_sip.example.test", ["_sip.example.test"]),
    ],
)
def test_a_name_is_covered(server_name: str, names: list[str]) -> None:
    assert is_named(server_name, dns(*names))


@pytest.mark.parametrize(
    ("server_name", "names"),
    [
        ("example.test", []),
        ("example.test", ["*.example.test"]),
        ("a.b.example.test", ["*.example.test"]),
        ("www.example.test", ["w*.example.test"]),
        ("www.example.test", ["www.*.test"]),
        ("www.example.test", ["*"]),
        ("www.test", ["*.test"]),
        ("xn--bcher-kva.example.test", ["label.example.test"]),
        ("xn--bcher-kva.example.test", ["xn--*.example.test"]),
        ("example.test", ["example.test\0.evil.test"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("127.0.0.1", ["*.0.0.1"]),
        ("not a name!", ["not a name!"]),
        ("not a name!.example.test", ["*.example.test"]),
        ("localhost", ["*."]),
        (".example.test", ["*.example.test"]),
        ("", [""]),
    ],
)
def test_a_name_is_not_covered(server_name: str, names: list[str]) -> None:
    assert not is_named(server_name, dns(*names))


def test_an_address_is_covered_by_itself_only() -> None:
    names = [x509.IPAddress(ip_address("2001:db8::1"))]
    assert is_named("2001:db8:0::1", names)
    assert not is_named("2001:db8::2", names)
    assert not is_named("example.test", names)


def test_a_bad_name_spoils_none_of_its_neighbours() -> None:
    network = x509.IPAddress(ip_network("192.0.2.0/24"))
    names = [*dns("10.0.0.1", "*.*.test", "a\0b", "good.test"), network, x509.RFC822Name("a@b.c")]
    assert is_named("good.test", names)
    assert not is_named("192.0.2.1", names)


LABELS = st.sampled_from(["a", "b", "B", "xn--a", "*", "a*", "", "a b", "a\0", "1"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(NAMES, st.lists(NAMES, max_size=5))
def test_nothing_covers_a_name_but_itself_or_one_whole_wildcard_label(
    server_name: str, names: list[str]
) -> None:
    label, _, parent = server_name.lower().partition(".")
    allowed = {server_name.lower(), f"*.{parent}" if label else ""}
    if is_named(server_name, dns(*names)):
        assert allowed & {name.lower() for name in names}
        assert "*" not in server_name


@given(st.lists(st.sampled_from("abB"), min_size=3, max_size=4), st.lists(NAMES, max_size=3))
def test_a_name_and_the_wildcard_for_it_cover_it_among_any_others(
    labels: list[str], others: list[str]
) -> None:
    for presented in (labels, ["*", *labels[1:]]):
        assert is_named(".".join(labels), dns(*others, ".".join(presented)))


def test_an_address_is_told_from_a_name() -> None:
    assert as_address("::1") == ip_address("::1")
    assert as_address("1.example.test") is None
