"""PostgreSQL as the store's database: one server at a time, its own folder, and errors in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import postgres
from pullback_server.__main__ import main
from pullback_server.store import (
    IncompatibleStoreError,
    RefusedTextError,
    SessionChange,
    StorageBusyError,
    StorageFailingError,
    Store,
    StoreError,
)
from pullback_server.store.database import postgresql as backend
from pullback_server.store.schema import SCHEMA_VERSION


@pytest.fixture
def url(postgresql: str) -> Iterator[str]:
    postgres.empty(postgresql, tables=True)
    yield postgresql
    postgres.empty(postgresql, tables=True)


def create(store: Store, job_id: str = "a", **fields: Any) -> None:
    defaults = {"work": b"", "result": f"inversions/{job_id}", "request_id": None, "progress": b""}
    store.jobs.create(job_id=job_id, kind="inversion", request_digest="0" * 64, **{**defaults, **fields})


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection of another program."""
    import psycopg

    with closing(psycopg.connect(url, options="-c statement_timeout=60000")) as connection:
        yield connection


def ids(store: Store) -> list[str]:
    return [job.id for _, job in store.jobs.page(limit=9)]


def test_one_server_at_a_time_uses_a_database(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_IN_USE_MS", 50)
    with closing(Store(tmp_path / "data", url)) as store:
        for folder in ("data", "another"):
            with pytest.raises(StorageBusyError, match="another server uses this database; stop it"):
                Store(tmp_path / folder, url)
        create(store)
    with closing(Store(tmp_path / "data", url)) as store:
        assert ids(store) == ["a"]


def test_a_connection_that_is_lost_is_made_anew_and_nothing_else_may_write_meanwhile(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "_IN_USE_MS", 50)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pullback'"
    with closing(Store(tmp_path / "data", url)) as store, connected(url) as other:
        create(store)
        other.execute(ended)
        # Within a transaction it would be told of the same connections again.
        other.commit()
        create(store, "b")
        assert ids(store) == ["b", "a"]
        other.execute(ended)
        # Another server was quicker.
        other.execute(f"SELECT pg_advisory_lock({backend._LOCK})")
        with pytest.raises(StorageBusyError) as caught:
            create(store, "c")
        assert caught.value.told == "another server uses this server's database"
        assert ids(store) == ["b", "a"]
        other.execute(f"SELECT pg_advisory_unlock({backend._LOCK})")
        other.commit()
        create(store, "c")
        assert ids(store) == ["c", "b", "a"]


def test_a_database_that_another_program_holds_is_told_and_nothing_is_written(url: str, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "data", url)) as store, connected(url) as other:
        create(store)
        other.execute("LOCK TABLE jobs IN EXCLUSIVE MODE")
        with pytest.raises(StorageBusyError) as caught:
            create(store, "b")
        assert "held by another program" in caught.value.told
        assert ids(store) == ["a"]
        other.rollback()
        create(store, "b")
        assert ids(store) == ["b", "a"]


def test_a_reader_sees_one_moment_and_writes_nothing(url: str, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "data", url)) as store:
        create(store)
        with store._database.reading() as session:
            before = session.connection().exec_driver_sql("SELECT state FROM jobs").scalar()
            store.jobs.cancel("a")
            assert session.connection().exec_driver_sql("SELECT state FROM jobs").scalar() == before
            with pytest.raises(Exception, match="read-only transaction"):
                session.connection().exec_driver_sql("DELETE FROM events")


def test_a_folder_and_a_database_that_do_not_belong_to_each_other_are_refused(url: str, tmp_path: Path) -> None:
    Store(tmp_path / "data", url).close()
    Store(tmp_path / "own").close()
    for open_it, said in (
        (lambda: Store(tmp_path / "new", url), "belongs to another data folder than"),
        (
            lambda: Store(tmp_path / "data"),
            r"the rows of .*data are in postgresql:///postgres: name it with --database",
        ),
        (lambda: Store(tmp_path / "own", url), "has a database of its own"),
    ):
        with pytest.raises(IncompatibleStoreError, match=said):
            open_it()
    (tmp_path / "data" / "database.json").write_text("{")
    with pytest.raises(IncompatibleStoreError, match=r"database\.json is damaged"):
        Store(tmp_path / "data", url)


def test_a_server_that_is_killed_between_the_two_marks_finds_its_folder_again(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(tmp_path / "data", url).close()
    with connected(url) as other:
        other.execute("DELETE FROM meta WHERE key = 'folder'")
        other.commit()
    Store(tmp_path / "data", url).close()
    Store(tmp_path / "data", url).close()


def test_another_version_is_refused_and_the_one_before_is_brought_up_to_date(url: str, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "data", url)) as store:
        create(store, payload=store.blobs.write(b"four"))

    def change(*statements: str) -> None:
        with connected(url) as other:
            for statement in statements:
                other.execute(statement)
            other.commit()

    change("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(
        IncompatibleStoreError, match=f"schema version 99, this server reads version {SCHEMA_VERSION}: use the server"
    ):
        Store(tmp_path / "data", url)
    change(
        "UPDATE meta SET value = '9' WHERE key = 'schema_version'",
        "ALTER TABLE written_files DROP COLUMN size",
        "DROP INDEX jobs_by_payload, jobs_by_end, results_by_content",
    )
    with closing(Store(tmp_path / "data", url)) as store:
        store.sweep_blobs()
        assert (ids(store), store.bytes_by_kind()["inputs"]) == (["a"], 4)


def test_a_text_that_it_does_not_take_is_an_error_of_who_sent_it(url: str, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "data", url)) as store:
        change = SessionChange(events=(), state=1, evolving=False, summary=b"")
        with pytest.raises(RefusedTextError, match="the character NUL"):
            store.sessions.create("s", request_id=None, request_digest="", spec=b"", change=change, title="a\0b")
        assert not store.sessions.has("s")


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ("nonsense", StoreError, "but what came is no URL"),
        ("mysql://me:secret@there/x", StoreError, r"but what came is mysql://…"),
        ("postgresql://me:secret@127.0.0.1:1/x", StorageFailingError, r"postgresql://127.0.0.1:1/x cannot be used"),
    ],
)
def test_what_is_no_database_is_refused_and_no_password_is_told(
    tmp_path: Path, given: str, kind: type[Exception], said: str
) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(kind, match=said) as caught:
        Store(tmp_path / "data", given)
    assert "secret" not in f"{caught.value} {caught.value.__dict__}"


def test_a_password_on_the_command_line_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--database", "postgresql://me:secret@there/x"])
    said = capsys.readouterr().err
    assert "seen by all users of this machine" in said
    assert "secret" not in said
