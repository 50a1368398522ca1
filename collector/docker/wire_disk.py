"""What takes room on an engine's disk as typed structs: `GET /system/df`.

Docker Engine API 1.41 … 1.51 and Podman list every thing; from 1.52 on there are sums beside.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.json import Decoder

from collector.docker.wire import Int64


class Sums(Struct, rename="pascal", gc=False):
    """What things of one kind take."""

    active_count: Int64 = 0
    total_count: Int64 = 0
    total_size: Int64 = 0
    reclaimable: Int64 = 0


class Image(Struct, rename="pascal", gc=False):
    """One image; `containers` is how many were made from it."""

    containers: Int64 = 0
    size: Int64 = 0
    shared_size: Int64 = 0


class Container(Struct, rename="pascal", gc=False):
    """One container; `size_rw` is what it wrote."""

    state: str = ""
    size_rw: Int64 = 0


class VolumeUsage(Struct, rename="pascal", gc=False):
    """What a volume takes; -1 is not known."""

    size: Int64 = 0
    ref_count: Int64 = 0


class Volume(Struct, rename="pascal"):
    """One volume."""

    usage_data: VolumeUsage | None = None


class BuildRecord(Struct, rename="pascal", gc=False):
    """One record of the build cache."""

    in_use: bool = False
    shared: bool = False
    size: Int64 = 0


class Disk(Struct, rename="pascal"):
    """`GET /system/df`."""

    image_usage: Sums | None = None
    container_usage: Sums | None = None
    volume_usage: Sums | None = None
    build_cache_usage: Sums | None = None
    layers_size: Int64 = 0
    images: list[Image] | None = None
    containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    build_cache: list[BuildRecord] | None = None


DISK = Decoder(Disk)
