"""Schema 2: jobs, their events and results. The earliest that is read; older stores there are none."""

revision = "2"
down_revision = None


def upgrade() -> None:
    """Nothing came before it."""
