"""What the Node page's variables choose, in SQL and in PromQL."""

from __future__ import annotations

from grafana.queries import chosen

NODE = "node = ${node:sqlstring}"
CHOSEN = chosen("name", "container")
OF_NODE = '{node="$node"}'
OF_CHOSEN = '{node="$node", name=~"$container"}'
