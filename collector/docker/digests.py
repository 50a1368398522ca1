"""By which digests registries know a node's images: asked when an image is new, else by the hour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from collector.docker import wire

_REFRESH_EVERY: Final = 3600.0
# A host that builds all day has new images all day.
_NOT_BEFORE: Final = 60.0


class Digests:
    """What is known of one node's images; moments are of the monotonic clock."""

    def __init__(self) -> None:
        self._by_image: dict[str, tuple[str, ...]] = {}
        self._asked_at: float | None = None
        self._wanting = False

    def of(self, image_id: str, image: str) -> str | None:
        """Return the digest of a container's image, preferably in the repository that `image` names."""
        known = self._by_image.get(_bare(image_id))
        if known is None:
            self._wanting = True
        if "@" in image:
            return image.partition("@")[2]
        named = [text for text in known or () if _is_of(text, _repository(image))]
        return min(named or known or ("",)).partition("@")[2] or None

    def is_due(self, now: float) -> bool:
        """Tell whether to ask: an image was not known, or what is known is old."""
        if self._asked_at is None:
            return self._wanting
        return now > self._asked_at + (_NOT_BEFORE if self._wanting else _REFRESH_EVERY)

    def begin(self, image_ids: Iterable[str], now: float) -> None:
        """Note that these are asked for: an engine that cannot tell is not asked at every scrape."""
        self._asked_at, self._wanting = now, False
        for image_id in image_ids:
            self._by_image.setdefault(_bare(image_id), ())

    def learn(self, images: Iterable[wire.Image]) -> None:
        """Take what the engine told."""
        told = {
            _bare(image.id): tuple(filter(_is_one, image.repo_digests or ())) for image in images
        }
        self._by_image = dict.fromkeys(self._by_image, ()) | told


def _bare(image_id: str) -> str:
    return image_id.removeprefix("sha256:")


def _is_one(digest: str) -> bool:
    """Tell a digest from Docker's "<none>@<none>"."""
    return "@sha" in digest


def _repository(image: str) -> str:
    """Return a reference without its tag; a port is none."""
    name, _, tag = image.rpartition(":")
    return image if not name or "/" in tag else name


def _is_of(digest: str, repository: str) -> bool:
    """Compare as people write names: Podman spells out "docker.io/library/nginx"."""
    name = digest.partition("@")[0]
    return name == repository or name.endswith(f"/{repository}")
