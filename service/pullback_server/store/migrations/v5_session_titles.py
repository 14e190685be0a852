"""Schema 5: titles of sessions, to find them by."""

from alembic import op
from google.protobuf.message import DecodeError
from sqlalchemy import Column, ForeignKey, LargeBinary, String, column, select, table

from pullback_api.v1 import search_pb2

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Adds the table, and the titles that are in the sessions' specifications."""
    titles = op.create_table(
        "session_titles",
        Column("session", String(64), ForeignKey("sessions.id"), primary_key=True),
        Column("title", String(200), nullable=False, index=True),
    )
    specs = table("session_specs", column("session", String), column("spec", LargeBinary))
    found = op.get_bind().execute(select(specs.c.session, specs.c.spec)).all()
    op.bulk_insert(titles, [{"session": session, "title": _title(spec)} for session, spec in found])


def _title(spec: bytes) -> str:
    try:
        return search_pb2.SessionSpec.FromString(spec).title
    except DecodeError:
        # One damaged session must not keep the server from the others.
        return ""
