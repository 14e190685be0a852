"""Schema 7: who brought a job."""

from alembic import op
from sqlalchemy import Column, ForeignKey, String

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Adds the table of owners."""
    op.create_table(
        "job_owners",
        Column("job", String(64), ForeignKey("jobs.id"), primary_key=True),
        Column("client", String(256), nullable=False),
    )
