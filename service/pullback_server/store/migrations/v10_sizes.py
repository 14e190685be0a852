"""Schema 10: sizes of files, and quick ways to what refers to them and to jobs that have ended long ago."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "10"
down_revision = "9"


def upgrade() -> None:
    """Adds sizes, and indexes."""
    op.add_column("written_files", Column("size", BigInteger))
    op.create_index("jobs_by_payload", "jobs", ["payload"])
    op.create_index("jobs_by_end", "jobs", ["ended"])
    op.create_index("results_by_content", "results", ["content"])
