"""Schema 8: jobs that need another's result."""

from alembic import op
from sqlalchemy import Boolean, Column, String, false

revision = "8"
down_revision = "7"


def upgrade() -> None:
    """Adds what a job needs, and whether it was queued for others alone."""
    op.add_column("jobs", Column("needs", String(64)))
    op.add_column("jobs", Column("provided", Boolean, nullable=False, server_default=false()))
    op.add_column("events", Column("needs", String(64)))
    op.create_index("jobs_by_needs", "jobs", ["needs"])
