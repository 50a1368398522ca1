"""What all tables share: the metadata, how names are made, and the usual columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, MetaData, text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)

Time = DateTime(timezone=True)
EMPTY_OBJECT = text("'{}'::jsonb")
EMPTY_ARRAY = text("'{}'::text[]")


def identity() -> Column[int]:
    """Make the column `id`, numbered by the database."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def node_key(*, primary_key: bool = True) -> Column[int]:
    """Make the column that ties a row to a node; the row goes when the node goes."""
    key = ForeignKey("vps_nodes.id", ondelete="CASCADE")
    return Column(
        "node_id", BigInteger, key, primary_key=primary_key, autoincrement=False, nullable=False
    )


def domain_key(*, primary_key: bool = True) -> Column[int]:
    """Make the column that ties a row to a domain; the row goes when the domain goes."""
    key = ForeignKey("domains.id", ondelete="CASCADE")
    return Column(
        "domain_id", BigInteger, key, primary_key=primary_key, autoincrement=False, nullable=False
    )
