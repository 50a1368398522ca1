"""What `vsa up` says once everything runs: where things are, what is watched, what to try."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from urllib.parse import urlsplit

from rich.text import Text

from cli.answers import Node, decode
from cli.client import Api
from cli.faults import Fault
from cli.listening import reachable
from cli.local_engine import engine_trouble, engine_url
from cli.output import GOOD, QUIET, STRONG, WARN, pairs, say
from cli.token_file import token_path
from registry.own import same_engine
from registry.settings import Settings
from registry.version import __version__

_SNIPPET = """\
  scrape_configs:
    - job_name: vsa
      static_configs: [{{targets: ["{exporter}"]}}]
    - job_name: vsa-nodes
      track_timestamps_staleness: true
      http_sd_configs:
        - url: {api}/api/sd/nodes
          authorization: {{type: Bearer, credentials_file: {token}}}"""

_NEXT = ("status", "domain add example.com", "probe example.com", "--help")


def welcome(settings: Settings, seconds: float) -> None:
    """Print where everything is, and what the local engine is watched as."""
    api = f"http://{reachable(settings.api_listen)}"
    exporter = reachable(settings.exporter_listen)
    token = token_path(settings).absolute()
    docker = _local_engine(settings, api)
    say(Text(f"VSA Dashboard {__version__} is up after {seconds:.1f} s", STRONG), "")
    pairs(
        (
            ("API", f"{api}/api"),
            ("metrics", f"http://{exporter}/metrics"),
            ("token", str(token)),
            ("data", _data(settings)),
            ("Docker", docker),
        )
    )
    say("", Text("Next, in another terminal" + _same_settings(settings), STRONG))
    command = "vsa" if shutil.which("vsa") else sys.argv[0]
    say(*(f"  {command} {rest}" for rest in _NEXT))
    say("", Text("For prometheus.yml (Prometheus 2.48 or newer)", STRONG))
    say(*_SNIPPET.format(api=api, exporter=exporter, token=token).splitlines())
    say("", Text("Ctrl-C stops all of it; the data stays.", QUIET))


def _local_engine(settings: Settings, api_url: str) -> Text:
    """Say under which name this machine's engine is watched, or why it is not."""
    url = engine_url(settings)
    if trouble := engine_trouble(url):
        return Text(f"no engine at {url}: {trouble}", WARN)
    own = settings.model_copy(update={"api_url": api_url})
    try:
        with closing(Api(own)) as api:
            nodes = [decode(item, Node) for item in api.items("/nodes")]
    except Fault as error:
        return Text(f"{url}: {error}", WARN)
    names = [node.name for node in nodes if same_engine(node.docker_url, url)]
    if not names:
        return Text(f"{url}, not watched any more; vsa node add NAME brings it back", QUIET)
    return Text(f"{url}, watched as node {names[0]}", GOOD)


def _data(settings: Settings) -> str:
    if settings.database_url is None:
        return f"{settings.data_dir.absolute()} (embedded PostgreSQL)"
    host = urlsplit(settings.database_url.get_secret_value()).hostname
    return f"PostgreSQL at {host or 'a local socket'} (VSA_DATABASE_URL)"


def _same_settings(settings: Settings) -> str:
    """Name what the other terminal must have set too, for its commands to find this."""
    names = [name for name in ("data_dir", "api_listen") if name in settings.model_fields_set]
    return "".join(
        f"{' with the same' if place == 0 else ' and'} VSA_{name.upper()}"
        for place, name in enumerate(names)
    )
