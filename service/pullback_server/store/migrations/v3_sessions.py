"""Schema 3: search sessions."""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Integer, LargeBinary, String

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Adds the tables of sessions."""
    op.create_table(
        "sessions",
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("id", String(64), nullable=False, unique=True),
        Column("request_id", String(64), unique=True),
        Column("request_digest", String(64), nullable=False),
        Column("state", Integer, nullable=False),
        Column("evolving", Boolean, nullable=False),
        Column("summary", LargeBinary, nullable=False),
        Column("created", DateTime, nullable=False),
        Column("updated", DateTime, nullable=False),
        Column("last_sequence", Integer, nullable=False),
    )
    op.create_index("sessions_by_state", "sessions", ["state", "number"])
    op.create_index("sessions_evolving", "sessions", ["evolving", "updated"])
    op.create_table(
        "session_specs",
        Column("session", String(64), ForeignKey("sessions.id"), primary_key=True),
        Column("spec", LargeBinary, nullable=False),
    )
    op.create_table(
        "session_events",
        Column("session", String(64), ForeignKey("sessions.id"), primary_key=True),
        Column("sequence", Integer, primary_key=True),
        Column("time", DateTime, nullable=False),
        Column("kind", String(32), nullable=False),
        Column("payload", LargeBinary, nullable=False),
    )
    op.create_table(
        "session_files",
        Column("session", String(64), ForeignKey("sessions.id"), primary_key=True),
        Column("digest", String(64), primary_key=True),
    )
    op.create_index("session_files_by_digest", "session_files", ["digest"])
