"""`vsa up`: the main job in one command."""

from __future__ import annotations

from cli.connection import own_settings
from cli.programs import Verbose


def up(*, verbose: Verbose = False) -> None:
    """Run everything in this one command.

    PostgreSQL (unless VSA_DATABASE_URL is set), API, collector and exporter; this machine's Docker
    engine is watched by itself. Ctrl-C stops all of it; the data stays.

    Example: VSA_DATA_DIR=/srv/vsa vsa up
    """
    from cli.claim import claim
    from cli.running import run
    from cli.supervisor import supervise

    settings = own_settings()
    with claim(settings.data_dir) as after_kill:
        run(supervise(settings, verbose=verbose, after_kill=after_kill))
