"""Stores of every earlier version of the schema: brought up to date whole, or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest

from old_stores import FOLDERS, VERSIONS, columns_of, make_older, tables
from pullback_api.v1 import search_pb2
from pullback_server.keeping.commands import main
from pullback_server.store import JobState, SessionChange, SessionEventRecord, Store
from pullback_server.store.schema import EARLIEST_VERSION, SCHEMA_VERSION

TIME = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a job and a session."""
    store = Store(tmp_path / "data")
    store.jobs.create(
        job_id="a", kind="analysis", work=b"w", result="r", request_id="q", request_digest="0" * 64, progress=b"p"
    )
    store.jobs.start("a")
    change = SessionChange(
        state=1, evolving=False, summary=b"summary", events=(SessionEventRecord(1, TIME, "Began", b"{}"),)
    )
    spec = search_pb2.SessionSpec(title="slow rig").SerializeToString()
    store.sessions.create("s", request_id=None, request_digest="0" * 64, spec=spec, change=change, title="slow rig")
    store.close()
    return tmp_path / "data"


def shape(path: Path) -> dict[str, object]:
    """What a database's tables are: columns, keys, references and indexes, in no order of their own."""
    with closing(sqlite3.connect(path)) as database:
        names = tables(database)
        columns = {name: sorted(row[1:] for row in database.execute(f"PRAGMA table_info({name})")) for name in names}
        references = {
            name: sorted(row[2:] for row in database.execute(f"PRAGMA foreign_key_list({name})")) for name in names
        }
        indexes = {}
        for name in names:
            for _, index, unique, *_ in database.execute(f"PRAGMA index_list({name})").fetchall():
                over = tuple(row[2] for row in database.execute(f"PRAGMA index_info({index})"))
                # Those that SQLite makes for a constraint are numbered.
                indexes[name, over] = (unique, None if index.startswith("sqlite_") else index)
    return {"columns": columns, "references": references, "indexes": indexes}


def rows(path: Path) -> dict[str, list[dict[str, object]]]:
    """All that a database holds, but its version."""
    with closing(sqlite3.connect(path)) as database:
        return {
            table: [
                dict(zip(columns_of(database, table), row, strict=True))
                for row in database.execute(f"SELECT * FROM {table}")
            ]
            for table in tables(database)
            if table != "meta"
        }


def test_every_version_since_the_earliest_is_known_as_it_was() -> None:
    assert list(range(EARLIEST_VERSION, SCHEMA_VERSION)) == VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_each_version_becomes_one_of_this_and_keeps_what_it_has(
    data: Path, version: int, tmp_path: Path
) -> None:
    path = data / "pullback.sqlite"
    make_older(path, version)
    before = rows(path)
    Store(data).close()
    Store(tmp_path / "new").close()
    assert shape(path) == shape(tmp_path / "new" / "pullback.sqlite")
    after = rows(path)
    for table, kept in before.items():
        assert [{name: row[name] for name in kept[0]} for row in after[table]] == kept
    if version > 2:
        assert after["session_titles"] == [{"session": "s", "title": "slow rig"}]
    again = Store(data)
    job = again.jobs.find("a")
    assert job is not None
    assert (job.work, job.needs, job.provided) == (b"w", None, False)
    again.close()


def test_a_migration_that_fails_half_way_leaves_the_store_as_it_was(data: Path) -> None:
    path = data / "pullback.sqlite"
    make_older(path, 5)
    with closing(sqlite3.connect(path)) as database, database:
        # In the way of version 7; that of version 6 comes before it.
        database.execute("CREATE TABLE job_owners (mine INTEGER)")
    before = shape(path), rows(path)
    with pytest.raises(Exception, match="job_owners"):
        Store(data)
    assert (shape(path), rows(path)) == before
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute("SELECT value FROM meta").fetchall() == [("5",)]
        database.execute("DROP TABLE job_owners")
    Store(data).close()


def test_a_data_folder_that_an_earlier_server_made_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Made by the server of version 8 itself, not put into its form.
    with tarfile.open(FOLDERS / "8.tar.xz") as archive:
        # Pythons before 3.11.4 know no filter, and the archive is our own.
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    data = tmp_path / "data"
    with closing(Store(data)) as store:
        assert (store.sweep_blobs().removed, store.sweep_blobs().strangers) == (0, 0)
        states = {job.id: job.state for _, job in store.jobs.page(limit=9)}
        assert states == {
            "basis": JobState.SUCCEEDED,
            "directions": JobState.SUCCEEDED,
            "inverted": JobState.SUCCEEDED,
            "failed": JobState.FAILED,
            "running": JobState.RUNNING,
            "needed": JobState.QUEUED,
            "waiting": JobState.QUEUED,
        }
        contents = {
            record.name: store.results.content(record)
            for kind in ("eigenbasis", "directions", "inversion")
            for _, record in store.results.page(kind, limit=9)
        }
        assert contents == {
            "generators/tiny/eigenbases/b": b"an eigenbasis",
            "generators/tiny/directions/d": b"directions",
            "inversions/inverted": b"an inversion",
        }
        (said,) = store.annotations.of(["generators/tiny/directions/d"])["generators/tiny/directions/d"]
        assert (said.place, said.title, said.notes) == (2, "smile", "wide")
        (job,) = store.jobs.interrupted()
        assert (job.batch, job.rows, job.owner, store.blobs.read(job.payload or "")) == (
            "tiny adam",
            4,
            "",
            b"photographs of running",
        )
        assert [waiting.needs for waiting in store.waiting.all()] == ["needed"]
        assert store.jobs.repeated("request of inverted", "0" * 64) is not None
        (found,) = store.sessions.records(limit=9, match="slow rig")
        assert [event.kind for event in store.sessions.events(found[1].id)] == ["Began"]  # type: ignore[union-attr]
        sizes = store.bytes_by_kind()
        assert (sizes["inputs"], sizes["inversion"], sizes["sessions"]) == (44, 12, 7)
    assert main(["check", "--data", str(data)]) == 0, capsys.readouterr()
    assert main(["backup", str(tmp_path / "backup"), "--data", str(data)]) == 0


def test_what_migrates_is_loaded_only_where_there_is_something_to_migrate(data: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pullback_server.store import Store; "
        "Store(Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )

    def loads() -> str:
        return subprocess.run(
            [sys.executable, "-c", program, str(data)], check=True, capture_output=True, text=True
        ).stdout

    make_older(data / "pullback.sqlite", 7)
    assert loads() == "True\n"
    assert loads() == "False\n"
