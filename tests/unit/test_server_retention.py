"""Retention: what is too old goes, whatever happens in between; all else stays."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pullback_server.keeping.options import add_retention
from pullback_server.keeping.retention import Retention
from pullback_server.store import ResultRecord, Store
from pullback_server.store.schema import JobRow

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)


class Turns:
    """Calls the store at once."""

    async def in_store(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)


@pytest.fixture
def store(tmp_path: Path, database: str | None) -> Iterator[Store]:
    opened = Store(tmp_path / "data", database)
    yield opened
    opened.close()


def job(
    store: Store, name: str, *, days: float | None, kind: str = "inversion", made: bool = True, **fields: Any
) -> None:
    """A job that ended so many days ago, None = not yet; its result was made then."""
    result = f"inversions/{name}" if kind == "inversion" else f"generators/tiny/{kind}/{name}"
    store.jobs.create(
        job_id=name,
        kind=kind,
        work=b"",
        result=result,
        request_id=None,
        request_digest="",
        progress=b"",
        payload=store.blobs.write(f"input of {name}".encode()),
        **fields,
    )
    store.jobs.start(name)
    if days is None:
        return
    ended = NOW - timedelta(days=days)
    if made:
        content = store.blobs.write(name.encode())
        store.jobs.finish(ResultRecord(result, kind, "tiny", name, ended, b"", content), b"")
    else:
        store.jobs.cancel(name)
    with store._database.writing() as session:
        session.query(JobRow).filter(JobRow.id == name).update({"ended": ended})


def enforce(store: Store, folder: Path, days: float | None, now: Callable[[], datetime] = lambda: NOW) -> int:
    turns: Any = Turns()
    return asyncio.run(Retention(store, turns, folder, days, now).enforce())


def left(store: Store) -> tuple[set[str], set[str], set[bytes]]:
    blobs = {path.read_bytes() for path in store.blobs._folder.rglob("*") if path.is_file()}
    results = {
        record.name
        for kind in ("inversion", "tuning", "eigenbasis")
        for _, record in store.results.page(kind, limit=99)
    }
    return {record.id for _, record in store.jobs.page(limit=99)}, results, blobs


def test_what_is_too_old_goes_and_the_rest_stays(store: Store, tmp_path: Path) -> None:
    job(store, "old", days=31)
    job(store, "tuned", days=31, kind="tuning")
    job(store, "oldfailed", days=31, made=False)
    job(store, "young", days=29)
    job(store, "basis", days=400, kind="eigenbasis")
    job(store, "running", days=None, uses="generators/tiny/eigenbasis/basis")
    job(store, "orphan", days=31)
    with store._database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM events WHERE job = 'orphan'")
        session.connection().exec_driver_sql("DELETE FROM jobs WHERE id = 'orphan'")
    for name, days in (("photograph", 31), ("other", 1)):
        path = tmp_path / "aside" / name / "file"
        path.parent.mkdir(parents=True)
        path.touch()
        written = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (written, written))
    assert enforce(store, tmp_path, None) == 0
    assert enforce(store, tmp_path, 30) == 5
    assert left(store) == (
        {"young", "basis", "running"},
        {"inversions/young", "generators/tiny/eigenbasis/basis"},
        {b"young", b"basis", b"input of running"},
    )
    assert [path.name for path in (tmp_path / "aside").iterdir()] == ["other"]
    assert enforce(store, tmp_path, 30) == 0


def test_what_a_kill_leaves_is_deleted_by_the_next_round(store: Store, tmp_path: Path) -> None:
    for name in "abc":
        job(store, name, days=31)

    class KilledError(BaseException):
        pass

    class Dying(Turns):
        deleted = 0

        async def in_store(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if "expired" not in getattr(method, "__name__", ""):
                self.deleted += 1
                if self.deleted == 2:
                    raise KilledError
            return method(*args, **kwargs)

    dying: Any = Dying()
    with pytest.raises(KilledError):
        asyncio.run(Retention(store, dying, tmp_path, 30, lambda: NOW).enforce())
    assert left(store)[0] == {"b", "c"}
    enforce(store, tmp_path, 30)
    assert left(store) == (set(), set(), set())


def test_a_clock_that_was_set_deletes_nothing(store: Store, tmp_path: Path) -> None:
    job(store, "young", days=1)
    times = iter([NOW, NOW + timedelta(days=365)])
    assert enforce(store, tmp_path, 30, lambda: next(times)) == 0
    assert left(store)[0] == {"young"}


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "a week"])
def test_days_that_cannot_be_are_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_retention(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--retention={given}"])
    assert "expected a number of days" in capsys.readouterr().err
    assert parser.parse_args(["--retention", "30"]).retention == 30
