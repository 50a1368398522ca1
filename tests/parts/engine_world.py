"""What a stand-in engine knows: containers and events, in the shapes of API 1.41 … 1.52."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

_NEVER = "0001-01-01T00:00:00Z"
_IMAGE_ID = "sha256:" + "ab" * 32
_DIGEST = "sha256:" + "cd" * 32


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}123Z"


@dataclass
class Box:
    """A container that only exists on paper."""

    id: str
    name: str
    image: str = "busy:1"
    image_id: str = _IMAGE_ID
    state: str = "running"
    exit_code: int = 0
    restart_count: int = 0
    restart_policy: str = "no"
    oom_killed: bool = False
    health: str = ""
    health_output: str = "checked"
    labels: dict[str, str] = field(default_factory=dict)
    memory: int = 0
    started_at: str = field(default_factory=_now)
    finished_at: str = _NEVER
    ports: list[dict[str, object]] = field(default_factory=list)
    networks: tuple[str, ...] = ("bridge",)

    @property
    def runs(self) -> bool:
        return self.state in {"running", "paused"}

    @property
    def status(self) -> str:
        """The list's text that changes by itself."""
        health = f" ({self.health})" if self.health else ""
        age = int(time.time() * 1000) % 100_000
        return f"Up {age} ms{health}" if self.runs else f"Exited ({self.exit_code}) {age} ms ago"


class World:
    """An engine's containers and its buffer of the last 256 events."""

    def __init__(
        self, api: str = "1.52", *, oldest_api: str = "1.24", version: str = "29.0.1"
    ) -> None:
        self.api = api
        self.oldest_api = oldest_api
        self.version = version
        self.engine_id = "0e9f6e36-5d5a-4f2b-9d54-0f8f3d1b7c11"
        self.boxes: dict[str, Box] = {}
        self.digests = {_IMAGE_ID: [f"busy@{_DIGEST}"]}
        self.swarm: dict[str, object] = {"LocalNodeState": "inactive", "ControlAvailable": False}
        self.warnings: list[str] | None = None
        self.events: deque[tuple[int, bytes]] = deque(maxlen=256)
        self.clock_ahead_ns = 0
        self.revision = 0

    @property
    def minor(self) -> int:
        return int(self.api.partition(".")[2])

    def now(self) -> int:
        """The engine's clock, in nanoseconds."""
        return time.time_ns() + self.clock_ahead_ns

    # ------------------------------------------------------------------------ what happens

    def run(self, name: str, **facts: object) -> Box:
        """Create and start a container."""
        box = Box(hashlib.sha256(f"{name}{len(self.events)}".encode()).hexdigest(), name)
        self.boxes[box.id] = box
        self.tell(box, "create")
        self.tell(box, "start")
        self.change(box, **facts)
        return box

    def change(self, box: Box, **facts: object) -> None:
        """Change a container without a word in the events."""
        for key, value in facts.items():
            assert hasattr(box, key)
            setattr(box, key, value)
        self.revision += 1

    def die(self, box: Box, code: int) -> None:
        """End a container; it comes back at once where its policy says so."""
        self.tell(box, "die", exitCode=str(code))
        if box.restart_policy == "always":
            self.change(box, restart_count=box.restart_count + 1, started_at=_now())
            self.tell(box, "start")
        else:
            self.change(box, state="exited", exit_code=code, finished_at=_now(), health="")

    def remove(self, box: Box) -> None:
        del self.boxes[box.id]
        self.tell(box, "destroy")

    def restart(self) -> None:
        """Restart the engine, its containers living on: it remembers no event."""
        self.events.clear()

    def upgrade(self, version: str) -> None:
        """Restart as another version."""
        self.version = version
        self.revision += 1
        self.restart()

    def tell(self, box: Box, action: str, **attributes: str) -> None:
        """Add an event to the buffer."""
        now = self.now()
        event: dict[str, object] = {
            "Type": "container",
            "Action": action,
            "Actor": {
                "ID": box.id,
                "Attributes": {"image": box.image, "name": box.name, **box.labels, **attributes},
            },
            "scope": "local",
            "time": now // 1_000_000_000,
            "timeNano": now,
        }
        if self.minor < 52:
            event |= {"status": action, "id": box.id, "from": box.image}
        self.events.append((now, json.dumps(event).encode() + b"\n"))
        self.revision += 1

    # ------------------------------------------------------------------------ what is answered

    def document(self, kind: str, box: Box | None) -> object:
        """The answer to a kind of question, as Python's own types."""
        if box is not None:
            about: Callable[[Box], object] = self._inspection if kind == "inspect" else self._stats
            return about(box)
        if kind == "list":
            return [self._row(each) for each in reversed(self.boxes.values())]
        if kind == "images":
            return [self._image(image_id) for image_id in self.digests]
        if kind == "disk":
            return self._disk()
        return self._version() if kind == "version" else self._info()

    def _version(self) -> dict[str, object]:
        return {
            "Platform": {"Name": ""},
            "Components": [{"Name": "Engine", "Version": self.version, "Details": {}}],
            "Version": self.version,
            "ApiVersion": self.api,
            "MinAPIVersion": self.oldest_api,
            "Os": "linux",
            "Arch": "amd64",
        }

    def _info(self) -> dict[str, object]:
        moment = datetime.fromtimestamp(self.now() / 1e9, UTC)
        return {
            "ID": self.engine_id,
            "Name": "stand-in",
            "ServerVersion": self.version,
            "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
            "Architecture": "x86_64",
            "KernelVersion": "6.1.0",
            "Driver": "overlay2",
            "CgroupVersion": self._cgroup,
            "NCPU": 2,
            "MemTotal": 8 << 30,
            "Warnings": self.warnings,
            "Swarm": {"NodeID": "", "NodeAddr": "", "Error": "", **self.swarm},
            "SystemTime": f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z",
        }

    @property
    def _cgroup(self) -> str:
        return "2" if self.minor >= 44 else "1"

    def _row(self, box: Box) -> dict[str, object]:
        row: dict[str, object] = {
            "Id": box.id,
            "Names": [f"/{box.name}"],
            "Image": box.image,
            "ImageID": box.image_id,
            "Command": "/bin/sleep 3600",
            "Created": 1_700_000_000,
            "Ports": box.ports,
            "Labels": box.labels,
            "State": box.state,
            "Status": box.status,
            "HostConfig": {"NetworkMode": "bridge"},
            "NetworkSettings": self._networks(box),
            "Mounts": [],
        }
        if self.minor >= 52:
            row["Health"] = {"Status": box.health or "none", "FailingStreak": 0}
        return row

    def _networks(self, box: Box) -> dict[str, object]:
        endpoint = hashlib.sha256(box.started_at.encode()).hexdigest()
        settings = {"NetworkID": "11" * 32, "EndpointID": endpoint, "IPAddress": "172.17.0.2"}
        return {"Networks": dict.fromkeys(box.networks, settings)}

    def _inspection(self, box: Box) -> dict[str, object]:
        state: dict[str, object] = {
            "Status": box.state,
            "Running": box.runs,
            "OOMKilled": box.oom_killed,
            "ExitCode": box.exit_code,
            "Error": "",
            "StartedAt": box.started_at,
            "FinishedAt": box.finished_at,
        }
        if box.health:
            run = {"Start": _now(), "End": _now(), "ExitCode": 1, "Output": box.health_output}
            state["Health"] = {"Status": box.health, "FailingStreak": 0, "Log": [run]}
        return {
            "Id": box.id,
            "Created": "2023-11-14T22:13:20.123456789Z",
            "State": state,
            "Image": box.image_id,
            "Name": f"/{box.name}",
            "RestartCount": box.restart_count,
            "HostConfig": {
                "RestartPolicy": {"Name": box.restart_policy, "MaximumRetryCount": 0},
                "Memory": box.memory,
                "MemorySwap": 2 * box.memory,
            },
            "Mounts": [],
            "Config": {"Image": box.image, "Labels": box.labels, "Env": ["PASSWORD=secret"]},
            "NetworkSettings": self._networks(box),
        }

    def _image(self, image_id: str) -> dict[str, object]:
        digests = self.digests[image_id]
        tags = [f"{digest.partition('@')[0]}:1" for digest in digests]
        sizes = {"Size": 3000, "SharedSize": -1, "Containers": -1, "Created": 1_700_000_000}
        names = {"RepoTags": tags, "RepoDigests": digests, "Labels": None}
        return {"Id": image_id, "ParentId": "", **names, **sizes}

    def _disk(self) -> dict[str, object]:
        """Two images of which one is used, its container, a volume of nobody's, a build record."""
        document: dict[str, object] = {
            "LayersSize": 5000,
            "Images": [
                {"Id": _IMAGE_ID, "Containers": 1, "Size": 3000, "SharedSize": 1000},
                {"Id": "sha256:" + "ef" * 32, "Containers": 0, "Size": 3000, "SharedSize": 1000},
            ],
            "Containers": [{"Id": "ab" * 32, "State": "exited", "SizeRw": 70, "SizeRootFs": 3070}],
            "Volumes": [{"Name": "data", "UsageData": {"Size": 900, "RefCount": 0}}],
            "BuildCache": [{"ID": "x", "InUse": False, "Shared": False, "Size": 11}],
            "BuilderSize": 11,
        }
        if self.minor >= 52:
            names = ("ImageUsage", "ContainerUsage", "VolumeUsage", "BuildCacheUsage")
            sums = ((2, 1, 5000, 3000), (1, 0, 70, 70), (1, 0, 900, 900), (1, 0, 11, 11))
            keys = ("TotalCount", "ActiveCount", "TotalSize", "Reclaimable")
            for name, values in zip(names, sums, strict=True):
                document[name] = dict(zip(keys, values, strict=True))
        return document

    def _stats(self, box: Box) -> dict[str, object]:
        head = {"name": f"/{box.name}", "id": box.id, "preread": _NEVER}
        if not box.runs:
            return {**head, "read": _NEVER, "cpu_stats": {"cpu_usage": {"total_usage": 0}}}
        return {**head, "read": _now(), **_numbers(v1=self._cgroup == "1")}


def _numbers(*, v1: bool) -> dict[str, object]:
    """What a running container's stats hold, as either generation of control groups tells it."""
    operations = ("Read", "Write", "Sync", "Async", "Discard", "Total") if v1 else ("read", "write")
    counters = [{"major": 8, "minor": 0, "op": op, "value": 4096} for op in operations]
    prefix = "total_" if v1 else ""
    names = ("rss", "cache") if v1 else ("anon", "file")
    details = dict.fromkeys(
        (f"{prefix}{name}" for name in (*names, "inactive_file", "pgfault", "mapped_file")), 8192
    )
    details |= {f"{prefix}filler_{number}": number for number in range(30)}
    memory = {"usage": 1 << 20, "limit": 8 << 30, "stats": details}
    return {
        "pids_stats": {"current": 3, "limit": 18446744073709551615},
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": 55_141_381,
                "usage_in_kernelmode": 30_000_000,
                "usage_in_usermode": 10_000_000,
            },
            "system_cpu_usage": 4_350_470_000_000,
            "online_cpus": 2,
            "throttling_data": {"periods": 10, "throttled_periods": 2, "throttled_time": 3_000},
        },
        "precpu_stats": {"cpu_usage": {"total_usage": 0}, "throttling_data": {"periods": 0}},
        "memory_stats": memory | ({"max_usage": 2 << 20} if v1 else {}),
        "blkio_stats": {
            "io_service_bytes_recursive": counters,
            "io_serviced_recursive": counters if v1 else None,
            "io_queue_recursive": None,
        },
        "networks": {
            "eth0": {
                f"{way}_{what}": 1000
                for way in ("rx", "tx")
                for what in ("bytes", "packets", "errors", "dropped")
            }
        },
    }
