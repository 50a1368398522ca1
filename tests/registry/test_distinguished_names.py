from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from registry.distinguished_names import organisation, values_of

AWKWARD = ['Let\'s "Encrypt", Inc', "a+b=c", "back\\slash", " blank ", "#hash", "ü;<>", "x\\2C"]


@pytest.mark.parametrize("value", AWKWARD)
def test_a_value_is_read_as_it_was_before_it_was_written(value: str) -> None:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, value),
            x509.NameAttribute(NameOID.COMMON_NAME, "R10"),
        ]
    ).rfc4514_string()
    assert values_of(name, "O") == [value]
    assert values_of(name, "CN") == ["R10"]
    assert organisation(name) == value


def test_a_comma_in_a_value_begins_no_attribute() -> None:
    assert values_of(r"O=a\,CN=b,OU=x+OU=y", "CN") == []
    assert values_of(r"O=a\,CN=b,OU=x+OU=y", "OU") == ["x", "y"]


def test_escaped_bytes_are_utf8() -> None:
    assert values_of(r"CN=\C3\BC\00", "CN") == ["ü\x00"]


@pytest.mark.parametrize(
    ("issuer", "who"), [("CN=Root,C=US", "Root"), ("C=US", "C=US"), ("", ""), ("=,", "=,")]
)
def test_an_issuer_without_an_organisation_is_told_by_what_it_has(issuer: str, who: str) -> None:
    assert organisation(issuer) == who
