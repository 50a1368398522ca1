from __future__ import annotations

import socket

import pytest

from cli.faults import BadInput
from cli.listening import check_free
from registry.setting_kinds import Address
from tests.parts.ports import free_port


def test_a_free_address_is_free() -> None:
    check_free(Address("127.0.0.1", free_port()), "VSA_API_LISTEN")
    check_free(Address("localhost", free_port()), "VSA_API_LISTEN")


def test_an_address_in_use_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(BadInput, match="in use by another program; set VSA_X to another"):
            check_free(address, "VSA_X")


@pytest.mark.parametrize(
    ("host", "trouble"),
    [("192.0.2.1", "is no address of this machine"), ("nowhere.invalid", "cannot be listened on")],
)
def test_an_address_that_cannot_be_had_says_why(host: str, trouble: str) -> None:
    with pytest.raises(BadInput, match=trouble):
        check_free(Address(host, free_port()), "VSA_X")
