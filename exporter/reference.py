"""`docs/metrics.md`, made from the declared families: `python -m exporter.reference > docs/metrics.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from exporter.families.family import Family
from exporter.families.fleet import FLEET
from exporter.families.node import NODE

_HEAD = """# Metrics

Made from `exporter/families/` by `python -m exporter.reference`; a test holds the two equal.

- One-hot metrics have a series for each member of a closed set ([glossary](glossary.md)): 1 at the one that holds,
  0 at the others.
- A label in brackets is there only where it says something: `server_name` where it was set and is not the domain's own
  name, `alpn` where one was agreed on, `dnsnames`, `ips` and `ou` where the certificate has them, `host` where it lies
  in a file, `container_label_*` where the container has such a label and `VSA_CONTAINER_LABELS` keeps it (other
  characters than letters, digits and `_` become `_`; of labels that become one, the alphabetically first stays).
- A number that an engine does not give is left out, never zero.
"""
_FLEET = """## The fleet: `/metrics`

Beside these, the exporter's own `process_*` and `python_*`. Nodes and domains that are disabled are left out.
A node that was registered a moment ago and not asked yet has no `vsa_node_up`: it is neither up nor down. What is known
of a certificate stays when its address no longer answers, and whatever the verdict is.

`source` of an endpoint is `node` where DNS does not give the address and the domain's node does; `source` of a newer
certificate is `endpoint`, `file` or `upload`, and `where` says which.

`probe_*` are blackbox_exporter's and `ssl_*` are ssl_exporter's names for the same: `instance` is the domain and its
port, and `address` is ours, for every one is asked. Such dashboards and rules go on, with these differences: a
certificate that is expired or not trusted still has its dates; `probe_success` is 0 for it, as there; `ssl_cert_*` tell
of the leaf, and have no `emails`. Prometheus keeps `instance` with `honor_labels: true`, as `prometheus.yml` has it.
"""
_NODE = """## A node: `/metrics/nodes/{name}`

Every series carries the time at which the collector received it; Prometheus adds the node's name as `instance` and
`node`. Metrics whose name begins with `container_` have cAdvisor's meaning and, like `vsa_container_health`, are there
for containers that run or are paused; the others that begin with `vsa_` are there for stopped ones too, and so are
`container_state_*` and `container_restartcount`, which have docker_state_exporter's names. `id` is
`/docker/` and the container's id. A page older than three intervals (at least a minute) is not shown: the answer is 503
and says since when and why.
"""
_OPTIONAL = frozenset({"server_name", "container_label_*", "alpn", "dnsnames", "ips", "ou", "host"})


def render() -> str:
    """Write the document."""
    tables = f"{_FLEET}\n{_table(FLEET)}\n{_NODE}\n{_table(NODE)}"
    return f"{_HEAD}\n{tables}"


def _table(families: Iterable[Family]) -> str:
    rows = ["| metric | type | unit | labels | what it is | from |", "| --- " * 6 + "|"]
    return "".join(f"{row}\n" for row in [*rows, *map(_row, families)])


def _row(family: Family) -> str:
    labels = ", ".join(f"[{name}]" if name in _OPTIONAL else name for name in family.labels)
    cells = (f"`{family.name}`", family.kind, family.unit, labels, family.help, family.source)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(render())
