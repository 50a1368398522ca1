"""Write the dashboards' JSON, or compare it (`--check`) and exit 1 where it differs."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

NAMES = ("home", "fleet", "node", "certificates", "audit")
FOLDER = Path(__file__).parent / "dashboards"


def render(name: str) -> str:
    """Return the JSON of the dashboard that the module of this name makes."""
    made = import_module(f"grafana.{name}").dashboard()
    return json.dumps(made, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


def differing() -> list[str]:
    """Return the names of the dashboards whose file is not what the code makes."""
    return [name for name in NAMES if _stored(name) != render(name)]


def main() -> int:
    """Write or compare all dashboards."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 where one differs"
    )
    if parser.parse_args().check:
        stale = differing()
        sys.stderr.writelines(f"{name}.json is not what the code makes\n" for name in stale)
        return int(bool(stale))
    FOLDER.mkdir(exist_ok=True)
    for name in NAMES:
        (FOLDER / f"{name}.json").write_text(render(name), encoding="utf-8")
    return 0


def _stored(name: str) -> str:
    file = FOLDER / f"{name}.json"
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
