"""Which revision the tables have, and whether this code runs on them (docs/adr/0012).

Alembic is not asked: its import costs more than a program's whole start needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Connection, text

_MAY_READ = text(
    "SELECT coalesce(has_table_privilege(to_regclass('public.alembic_version'), 'SELECT'), false)"
)
# The comment is the migrations' word to code that is older than they are: see registry.migrate.
_READ = text("""
    SELECT version_num, obj_description('public.alembic_version'::regclass, 'pg_class')
    FROM public.alembic_version
""")


class Fit(Enum):
    """How the tables stand to this code."""

    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"
    TOO_NEW = "too new"


class TooNewError(Exception):
    """The tables are newer than this code can use; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables' revision, None without any, and the oldest code that runs on them, as they say."""

    revision: str | None
    oldest_code: str | None

    @property
    def fit(self) -> Fit:
        """How they stand to this code. Who knows the oldest code that runs here is not older."""
        known = known_revisions()
        if self.revision is None or self.revision in known[:-1]:
            return Fit.BEHIND
        if self.revision == known[-1]:
            return Fit.CURRENT
        return Fit.AHEAD if self.oldest_code in known else Fit.TOO_NEW

    @property
    def runs(self) -> bool:
        """Whether this code may work on them."""
        return self.fit in {Fit.CURRENT, Fit.AHEAD}

    def remark(self) -> str:
        """Say in one line what is to be said of them; empty when they are this code's own."""
        newest = known_revisions()[-1]
        return {
            Fit.CURRENT: "",
            Fit.BEHIND: "the database lacks migrations; run: vsa db upgrade",
            Fit.AHEAD: f"the database is at revision {self.revision}, newer than this version's "
            f"{newest}, which still runs on it; upgrade this program soon",
            Fit.TOO_NEW: f"the database is at revision {self.revision}, on which this version "
            f"({newest}) cannot run; start the newer version, or restore a backup of this one",
        }[self.fit]


@cache
def known_revisions() -> tuple[str, ...]:
    """Return the revisions that this code has migrations for, the oldest first."""
    package = find_spec("migrations")
    folders = package.submodule_search_locations if package else None
    assert folders, "the package migrations is a part of this product"
    files = (Path(folders[0]) / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def read_schema(connection: Connection) -> Schema:
    """Read the tables' revision; a role that may not read it yet sees none."""
    if not connection.execute(_MAY_READ).scalar_one():
        return Schema(None, None)
    row = connection.execute(_READ).one_or_none()
    return Schema(None, None) if row is None else Schema(row[0], row[1])


def demand_fit(schema: Schema) -> str:
    """Return the warning for tables that are ahead of this code; TooNewError where it cannot run."""
    if schema.fit is Fit.TOO_NEW:
        raise TooNewError(schema.remark())
    return schema.remark() if schema.fit is Fit.AHEAD else ""
