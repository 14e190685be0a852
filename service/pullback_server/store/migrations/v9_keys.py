"""Schema 9: keys, and what belongs to them."""

from alembic import op
from sqlalchemy import Column, DateTime, Float, String, Text

revision = "9"
down_revision = "8"


def upgrade() -> None:
    """Adds keys, what they share and use, and owners: what was there before is the operator's."""
    for table, index in (
        ("jobs", ["owner", "number"]),
        ("results", ["owner", "kind", "number"]),
        ("sessions", ["owner", "number"]),
    ):
        op.add_column(table, Column("owner", String(64), nullable=False, server_default=""))
        op.create_index(f"{table}_by_owner", table, index)
    op.create_table(
        "keys",
        Column("name", String(64), primary_key=True),
        Column("role", String(16), nullable=False),
        Column("digest", String(64), nullable=False, unique=True),
        Column("quotas", Text, nullable=False, server_default=""),
        Column("created", DateTime, nullable=False),
        Column("expires", DateTime),
        Column("revoked", DateTime),
    )
    op.create_table(
        "shares", Column("resource", String(320), primary_key=True), Column("key", String(64), primary_key=True)
    )
    op.create_table(
        "key_usage",
        Column("key", String(64), primary_key=True),
        Column("day", String(10), primary_key=True),
        Column("seconds", Float, nullable=False),
    )
