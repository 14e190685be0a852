"""Schema 4: what people say of directions."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, String, Text

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Adds the table of annotations."""
    op.create_table(
        "annotations",
        Column("result", String(320), ForeignKey("results.name", ondelete="CASCADE"), primary_key=True),
        Column("place", Integer, primary_key=True),
        Column("title", String(100), nullable=False),
        Column("notes", Text, nullable=False),
    )
