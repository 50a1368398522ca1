"""One service of compose.yml, run on a real engine as Compose would run it; no network is needed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.checkout import ROOT
from tests.parts.image import IMAGE, Docker

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def compose_run(
    docker: Docker, folder: Path, service: str, *command: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a one-shot service whose folder of compose.yml is `folder`, on the image of the tests."""
    text = (ROOT / "compose/compose.yml").read_text(encoding="utf-8")
    described = json.dumps(yaml.safe_load(text)["services"][service])
    settings = json.loads(
        _VARIABLE.sub(lambda found: variables.get(found[1]) or found[2], described)
    )
    entry, *rest = settings["entrypoint"]
    command = tuple(rest) + (command or tuple(settings.get("command", ())))
    return docker.run(
        "run", "--rm", *_options(settings, folder), f"--entrypoint={entry}", IMAGE, *command
    )


def _options(service: Mapping[str, Any], folder: Path) -> Iterator[str]:
    yield f"--network={service['network_mode']}"
    yield f"--user={service['user']}"
    yield f"--memory={service['mem_limit']}"
    yield f"--pids-limit={service['pids_limit']}"
    if service["read_only"]:
        yield "--read-only"
    if "working_dir" in service:
        yield f"--workdir={service['working_dir']}"
    for name in ("cap_add", "cap_drop", "security_opt", "tmpfs"):
        yield from (f"--{name.replace('_', '-')}={value}" for value in service.get(name, ()))
    for name, value in service.get("environment", {}).items():
        yield f"--env={name}={value}"
    for volume in service.get("volumes", ()):
        source, _, rest = volume.partition(":")
        yield f"--volume={(folder / source).resolve()}:{rest}"
