"""Schema 6: which files are the store's own."""

from alembic import op
from sqlalchemy import Column, String

revision = "6"
down_revision = "5"


def upgrade() -> None:
    """Adds the table of files that were written."""
    op.create_table("written_files", Column("digest", String(64), primary_key=True))
