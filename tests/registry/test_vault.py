"""Sealing and opening secrets, and what cannot be opened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.vault import Vault, VaultError

OLD, NEW = "an old key of at least 32 characters", "a new key of at least 32 characters!"


@given(st.binary(max_size=4096), st.text(max_size=80))
def test_what_is_sealed_opens_again(secret: bytes, owner: str) -> None:
    vault = Vault([NEW])
    assert vault.open(vault.seal(secret, owner), owner) == secret


def test_the_same_secret_is_never_sealed_alike() -> None:
    vault = Vault([NEW])
    assert vault.seal(b"secret", "a") != vault.seal(b"secret", "a")


def test_an_old_key_opens_and_the_new_one_seals() -> None:
    sealed = Vault([OLD]).seal(b"secret", "a")
    both = Vault([NEW, OLD])
    assert both.open(sealed, "a") == b"secret"
    assert not both.is_current(sealed)
    again = both.seal(b"secret", "a")
    assert both.is_current(again)
    assert Vault([NEW]).open(again, "a") == b"secret"


@pytest.mark.parametrize("keys", [[], [NEW]])
def test_without_its_key_it_stays_closed(keys: list[str]) -> None:
    sealed = Vault([OLD]).seal(b"secret", "a")
    with pytest.raises(VaultError, match="VSA_SECRET_KEY"):
        Vault(keys).open(sealed, "a")


def test_another_owners_secret_stays_closed() -> None:
    sealed = Vault([NEW]).seal(b"secret", "a")
    with pytest.raises(VaultError, match="changed"):
        Vault([NEW]).open(sealed, "b")


@pytest.mark.parametrize("place", [0, 1, 9, 21, -1])
def test_a_changed_byte_shows(place: int) -> None:
    sealed = bytearray(Vault([NEW]).seal(b"secret", "a"))
    sealed[place] ^= 1
    with pytest.raises(VaultError):
        Vault([NEW]).open(bytes(sealed), "a")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(40)])
def test_what_was_never_sealed_stays_closed(sealed: bytes) -> None:
    with pytest.raises(VaultError):
        Vault([NEW]).open(sealed, "a")


@pytest.mark.parametrize("length", [9, 12, 21, 30])
def test_what_was_cut_stays_closed(length: int) -> None:
    with pytest.raises(VaultError, match="changed"):
        Vault([NEW]).open(Vault([NEW]).seal(b"secret", "a")[:length], "a")


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(VaultError, match="VSA_SECRET_KEY is not set"):
        Vault([]).seal(b"secret", "a")


def test_its_repr_tells_no_key() -> None:
    assert NEW not in repr(Vault([NEW]))
