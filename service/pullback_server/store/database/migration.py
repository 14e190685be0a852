"""Migration of a store that an earlier version of the schema wrote."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

_MODULES = Path(__file__).parents[1] / "migrations"


def migrate(connection: Connection, found: int, wanted: int) -> None:
    """Takes the tables from one version of the schema to a later one, within the connection's transaction.

    Which version they have is for the store to note: it says so in a table that servers of every version read.

    Args:
        connection: In a transaction that writes.
        found: The version that the tables have.
        wanted: The one that they are to have.
    """
    # Slow to import, and few starts need it.
    from alembic.operations import Operations  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(_MODULES, version_locations=[_MODULES])
    steps = reversed(list(scripts.iterate_revisions(str(wanted), str(found))))
    with Operations.context(MigrationContext.configure(connection)):
        for step in steps:
            step.module.upgrade()
