from __future__ import annotations

import pytest

from collector.docker.digests import Digests
from collector.docker.wire import Image

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def knowing(*digests: str) -> Digests:
    found = Digests()
    found.learn([Image("sha256:abc", list(digests))])
    return found


@pytest.mark.parametrize(
    ("image", "digests", "expected"),
    [
        ("nginx:1", [f"nginx@{ONE}"], ONE),
        ("nginx", [f"docker.io/library/nginx@{ONE}"], ONE),
        ("nginx:1", [f"mirror.example:5000/nginx-fork@{ONE}", f"nginx@{TWO}"], TWO),
        ("mirror.example:5000/nginx", [f"mirror.example:5000/nginx@{ONE}", f"nginx@{TWO}"], ONE),
        ("renamed:1", [f"nginx@{ONE}"], ONE),
        ("abc", [], None),
        ("nginx", ["<none>@<none>"], None),
        (f"nginx@{TWO}", [f"nginx@{ONE}"], TWO),
    ],
)
def test_the_digest_of_the_named_repository_is_taken(
    image: str, digests: list[str], expected: str | None
) -> None:
    assert knowing(*digests).of("sha256:abc", image) == expected


def test_podmans_bare_ids_are_the_same_images() -> None:
    assert knowing(f"busy@{ONE}").of("abc", "busy") == ONE


def test_it_is_due_when_an_image_is_unknown_but_not_twice_a_minute() -> None:
    digests = Digests()
    assert not digests.is_due(0.0)
    digests.of("sha256:abc", "busy")
    assert digests.is_due(0.0)
    digests.begin(["sha256:abc"], 0.0)
    assert not digests.is_due(3600.0)
    digests.of("sha256:def", "busy")
    assert not digests.is_due(60.0)
    assert digests.is_due(60.1)


def test_it_is_due_by_the_hour() -> None:
    digests = Digests()
    digests.begin([], 0.0)
    assert not digests.is_due(3600.0)
    assert digests.is_due(3600.1)


def test_an_image_that_is_gone_is_not_asked_for_again() -> None:
    digests = knowing(f"busy@{ONE}")
    digests.begin(["sha256:def"], 0.0)
    digests.learn([])
    assert digests.of("sha256:abc", "busy") is None
    assert digests.of("sha256:def", "busy") is None
    assert not digests.is_due(3600.0)
