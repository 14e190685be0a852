"""Backups while a server runs, put back in either kind of database; and what a check says is lost."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import postgres
from pullback_server.keeping.commands import main
from pullback_server.keeping.copies import backup as backups
from pullback_server.store import IncompatibleStoreError, ResultRecord, SessionChange, SessionEventRecord, Store

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def store(tmp_path: Path, database: str | None) -> Iterator[Store]:
    opened = Store(tmp_path / "data", database)
    yield opened
    opened.close()


@pytest.fixture
def say(tmp_path: Path, database: str | None, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command on the store's data; its exit status and what it says."""

    def run(command: str, *arguments: object, data: str = "data", url: str | None = database) -> tuple[int, str]:
        where = ["--data", str(tmp_path / data), *([] if url is None else ["--database", url])]
        status = main([command, *map(str, arguments), *where])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def fill(store: Store, *names: str) -> None:
    """Of each name a queued job with an input, an inversion, and a session with a file."""
    for name in names:
        for job_id in (f"{name}-queued", name):
            store.jobs.create(
                job_id=job_id,
                kind="inversion",
                work=b"w",
                result=f"inversions/{job_id}",
                request_id=None,
                request_digest="",
                progress=b"p",
                payload=store.blobs.write(f"input of {job_id}".encode()),
            )
        store.jobs.start(name)
        content = store.blobs.write(f"result of {name}".encode())
        store.jobs.finish(ResultRecord(f"inversions/{name}", "inversion", "tiny", name, NOW, b"", content), b"")
        change = SessionChange(
            events=(SessionEventRecord(1, NOW, "Began", b"{}"),),
            state=1,
            evolving=False,
            summary=b"",
            needed=(store.blobs.write(f"file of {name}".encode()),),
        )
        store.sessions.create(name, request_id=None, request_digest="", spec=b"s", change=change, title=name)


def everything(store: Store) -> Any:
    jobs = store.jobs.page(limit=99)
    return (
        jobs,
        [store.jobs.events(job.id, 0) for _, job in jobs],
        [(record, store.results.content(record)) for _, record in store.results.page("inversion", limit=99)],
        [(record, store.sessions.events(record.id)) for _, record in store.sessions.records(limit=99)],
        sorted(path.read_bytes() for path in store.blobs._folder.rglob("*") if path.is_file()),
    )


def test_a_backup_that_is_put_back_is_what_was_there(store: Store, say: Say, tmp_path: Path) -> None:
    fill(store, "a", "b")
    (tmp_path / "data" / "token").write_text("secret")
    (tmp_path / "data" / "token").chmod(0o600)
    store.blobs.write(b"orphan")
    status, said = say("backup", tmp_path / "backup")
    assert (status, "6 files" in said) == (0, True), said
    before = everything(store)
    assert say("backup", tmp_path / "backup")[0] == 1
    fill(store, "later")
    assert say("restore", tmp_path / "backup", data="new", url=None)[0] == 0
    with closing(Store(tmp_path / "new")) as again:
        jobs, events, results, sessions, files = everything(again)
        assert (jobs, events, results, sessions) == before[:4]
        assert files == [content for content in before[4] if content != b"orphan"]
        fill(again, "more")
        assert again.sweep_blobs().strangers == 0
        assert everything(again)[0][0][0] > jobs[0][0]
    assert (tmp_path / "new" / "token").read_text() == "secret"
    for folder in ("backup", "new"):
        for path in (tmp_path / folder).rglob("*"):
            assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, path
    assert say("check", data="new", url=None) == (
        0,
        "12 jobs, results and sessions; 9 files, 0.0 MiB; 0 files that none of them refers to\n",
    )


def test_rows_of_sqlite_are_moved_to_postgresql(postgresql: str, tmp_path: Path, capsys: Any) -> None:
    postgres.empty(postgresql, tables=True)
    with closing(Store(tmp_path / "data")) as store:
        fill(store, "a")
        before = everything(store)
    assert main(["backup", str(tmp_path / "backup"), "--data", str(tmp_path / "data")]) == 0
    arguments = ["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "new"), "--database", postgresql]
    assert main(arguments) == 0
    with closing(Store(tmp_path / "new", postgresql)) as moved:
        assert everything(moved) == before
        fill(moved, "b")
        assert [number for number, _ in moved.jobs.page(limit=9)] == [4, 3, 2, 1]
    capsys.readouterr()
    arguments[3] = str(tmp_path / "another")
    assert main(arguments) == 1
    assert "is not empty: name another database" in capsys.readouterr().err
    assert not (tmp_path / "another").exists()
    postgres.empty(postgresql, tables=True)


def test_what_is_deleted_while_it_is_backed_up_is_whole_or_not_there(
    store: Store, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, "a", "b", "c")
    snapshot, moments = backups.snapshot, list[Any]()

    def deleting(backend: Any, path: Path) -> None:
        snapshot(backend, path)
        moments.append(everything(store)[:4])
        # After the rows were copied, before their files are.
        name = "abc"[len(moments) - 1]
        store.deletion.job(name, with_result=True)
        store.jobs.cancel(f"{name}-queued")

    monkeypatch.setattr(backups, "snapshot", deleting)
    status, said = say("backup", tmp_path / "backup")
    assert (status, len(moments)) == (0, 2), said
    assert say("restore", tmp_path / "backup", data="new", url=None)[0] == 0
    assert say("check", data="new", url=None)[0] == 0
    with closing(Store(tmp_path / "new")) as again:
        assert everything(again)[:4] == moments[-1]


def test_a_check_names_what_is_lost_and_a_backup_keeps_the_rest(store: Store, say: Say, tmp_path: Path) -> None:
    fill(store, "a", "b")
    record = store.results.find("inversions/a")
    queued = store.jobs.find("b-queued")
    assert record is not None
    assert queued is not None
    Path(store.results.file(record).path).write_bytes(b"changed")
    Path(store.blobs.file(queued.payload or "").path).unlink()
    with store._database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM session_events WHERE session = 'b'")
    status, said = say("check")
    assert status == 1
    lost = [line for line in said.splitlines() if line.startswith("lost: ")]
    assert sorted(line.split()[1] for line in lost) == ["inversions/a", "jobs/b-queued", "sessions/b"]
    assert "invert the images again" in said
    assert str(tmp_path) not in "".join(lost)
    status, said = say("backup", tmp_path / "backup")
    assert (status, said.count("was missing or damaged")) == (1, 2), said
    assert say("restore", tmp_path / "backup", data="new", url=None)[0] == 0
    with closing(Store(tmp_path / "new")) as again:
        kept = again.results.find("inversions/b")
        assert kept is not None
        assert again.results.content(kept) == b"result of b"


def test_a_damaged_backup_loses_what_is_damaged_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Store(tmp_path / "data")) as store:
        fill(store, "a")
        record = store.results.find("inversions/a")
    assert record is not None
    assert main(["backup", str(tmp_path / "backup"), "--data", str(tmp_path / "data")]) == 0
    (tmp_path / "backup" / "blobs" / record.content[:2] / record.content).write_bytes(b"x")
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "new")]) == 1
    assert record.content in capsys.readouterr().out
    assert main(["check", "--data", str(tmp_path / "new")]) == 1
    assert "lost: inversions/a cannot be read: its file is missing" in capsys.readouterr().out
    rows = tmp_path / "backup" / "rows.sqlite"
    with closing(sqlite3.connect(rows)) as changed, changed:
        changed.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "newer")]) == 1
    assert "schema version 99, this server reads version" in capsys.readouterr().err
    rows.write_bytes(b"no database" * 1000)
    assert main(["restore", str(tmp_path / "backup"), "--data", str(tmp_path / "newer")]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data", "new"]


@pytest.mark.parametrize("command", ["backup", "check", "restore"])
def test_what_is_no_data_folder_or_backup_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "empty").mkdir()
    where = ["--data", str(tmp_path / ("new" if command == "restore" else "empty"))]
    arguments = {"backup": [str(tmp_path / "b")], "restore": [str(tmp_path / "empty")], "check": []}[command]
    assert main([command, *arguments, *where]) == 1
    assert "is no " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    with pytest.raises(IncompatibleStoreError):
        backups.back_up(tmp_path / "empty", None, tmp_path / "b")
