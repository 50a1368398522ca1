from __future__ import annotations

import json

from tests.cli.person import Home
from tests.parts.tls import Server


def test_a_domain_s_past_tells_who_served_what_since_when(home: Home, good: Server) -> None:
    added = home.vsa("domain", "add", f"localhost:{good.port}")
    assert added.code == 0, added.err
    said = home.vsa("domain", "history", f"localhost:{good.port}")
    document = json.loads(home.vsa("domain", "history", f"localhost:{good.port}", "--json").out)
    home.vsa("domain", "rm", f"localhost:{good.port}")
    assert said.code == 0, said.err
    (line,) = (line for line in said.out.splitlines() if "127.0.0.1" in line)
    assert " now " in line
    assert document["changes"] == []
    assert document["served"][0]["seen_until"] is None


def test_a_domain_that_is_not_watched_is_refused(home: Home) -> None:
    said = home.vsa("domain", "history", "nobody.example")
    assert said.code == 2
    assert "no domain nobody.example is watched" in said.err
