"""The embedded PostgreSQL of `vsa up`: started, found again and stopped by us; no TCP, no trust."""

from __future__ import annotations

from registry.embedded.layout import EmbeddedError
from registry.embedded.server import EmbeddedServer, find_server, start_server

__all__ = ["EmbeddedError", "EmbeddedServer", "find_server", "start_server"]
