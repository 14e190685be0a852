"""The store's contract: whole transactions, states that move forward, and files that are what their names say."""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from old_stores import make_older
from pullback_server.store import (
    AnnotationRecord,
    BlobCorruptedError,
    BlobStore,
    IncompatibleStoreError,
    InUseError,
    JobRecord,
    JobState,
    RequestConflictError,
    ResultRecord,
    StorageFailingError,
    StorageFullError,
    Store,
    TitleTakenError,
)
from storing import only_sqlite

BASIS = "generators/tiny/eigenbases/b"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, timezone.utc)


@pytest.fixture
def store(tmp_path: Path, database: str | None) -> Iterator[Store]:
    opened = Store(tmp_path / "data", database)
    yield opened
    opened.close()


def create(store: Store, job_id: str = "a", **fields: Any) -> JobRecord:
    defaults = {
        "kind": "eigenbasis",
        "work": b"work",
        "result": f"results/{job_id}",
        "request_id": None,
        "request_digest": "0" * 64,
        "progress": b"waiting",
    }
    return store.jobs.create(job_id=job_id, **{**defaults, **fields})


def running(store: Store, job_id: str = "a", **fields: Any) -> JobRecord:
    create(store, job_id, **fields)
    return store.jobs.start(job_id)


def result(
    store: Store,
    job_id: str = "a",
    *,
    name: str = BASIS,
    kind: str = "eigenbasis",
    content: bytes = b"arrays",
    header: bytes = b"header",
) -> ResultRecord:
    """A result of that job, its content written already."""
    generator = name.split("/")[1]
    return ResultRecord(name, kind, generator, job_id, NOW, header, store.blobs.write(content))


def make(store: Store, job_id: str = "a", **fields: Any) -> ResultRecord:
    """A job from start to end, and its result."""
    record = result(store, job_id, **fields)
    running(store, job_id, result=record.name)
    store.jobs.finish(record, b"done")
    return record


def files(store: Store) -> set[str]:
    """Every file of the store's blobs, leftovers included."""
    return {path.name for path in store.blobs._folder.rglob("*") if path.is_file()}


def everything(store: Store) -> tuple[Any, ...]:
    """All that the store says."""
    jobs = store.jobs.page(limit=100)
    return (
        jobs,
        [store.jobs.events(job.id, 0) for _, job in jobs],
        store.results.page("eigenbasis", limit=100),
        store.results.page("inversion", limit=100),
        files(store),
    )


# Jobs and their states ----------------------------------------------------------------------------------------------


def test_a_new_job_waits_and_says_what_it_was_given(store: Store) -> None:
    job = create(store, uses=BASIS, payload="f" * 64, batch="faces adam", rows=8)
    assert (job.id, job.kind, job.state, job.work, job.result) == (
        "a",
        "eigenbasis",
        JobState.QUEUED,
        b"work",
        "results/a",
    )
    assert (job.batch, job.rows) == ("faces adam", 8)
    assert (job.uses, job.payload, job.progress, job.error) == (BASIS, "f" * 64, b"waiting", None)
    assert (job.started, job.ended, job.attempts, job.crashes, job.last_sequence) == (None, None, 0, 0, 1)
    assert abs((datetime.now(timezone.utc) - job.created).total_seconds()) < 60
    assert store.jobs.find("a") == job


def test_a_job_that_nobody_made_is_not_there(store: Store) -> None:
    assert store.jobs.find("a") is None
    assert store.jobs.events("a", 0) == []
    with pytest.raises(LookupError, match="no job a"):
        store.jobs.start("a")
    with pytest.raises(LookupError, match="no job a"):
        store.jobs.cancel("a")


def test_a_job_starts_progresses_and_succeeds(store: Store) -> None:
    started = running(store)
    assert (started.state, started.attempts) == (JobState.RUNNING, 1)
    assert started.started is not None
    assert store.jobs.record_progress("a", b"half").progress == b"half"
    ended = store.jobs.finish(result(store), b"done")
    assert (ended.state, ended.progress) == (JobState.SUCCEEDED, b"done")
    assert ended.ended is not None
    assert store.jobs.find("a") == ended


def test_a_job_goes_back_to_the_queue_and_remembers_its_first_start(store: Store) -> None:
    first = running(store)
    queued = store.jobs.requeue("a", progress=b"again", crashed=True)
    assert (queued.state, queued.crashes, queued.progress) == (JobState.QUEUED, 1, b"again")
    again = store.jobs.start("a")
    assert (again.attempts, again.started) == (2, first.started)
    assert store.jobs.requeue("a", progress=b"", crashed=False).crashes == 1
    # Deaths between which it came further do not add up.
    store.jobs.start("a")
    assert store.jobs.requeue("a", progress=b"", crashed=True, progressed=True).crashes == 1
    store.jobs.start("a")
    assert store.jobs.requeue("a", progress=b"", crashed=False, progressed=True).crashes == 0


def test_a_failed_job_keeps_its_reason_and_its_last_progress(store: Store) -> None:
    running(store)
    store.jobs.record_progress("a", b"half")
    failed = store.jobs.fail("a", b"reason")
    assert (failed.state, failed.error, failed.progress) == (JobState.FAILED, b"reason", b"half")


CHANGES: dict[str, Callable[[Store], JobRecord]] = {
    "start": lambda store: store.jobs.start("a"),
    "progress": lambda store: store.jobs.record_progress("a", b"late"),
    "requeue": lambda store: store.jobs.requeue("a", progress=b"late", crashed=True),
    "cancel": lambda store: store.jobs.cancel("a"),
    "fail": lambda store: store.jobs.fail("a", b"late"),
    "finish": lambda store: store.jobs.finish(result(store), b"late"),
}
ENDS = ["cancel", "fail", "finish"]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("change", CHANGES)
def test_an_ended_job_never_changes(store: Store, end: str, change: str) -> None:
    running(store)
    ended = CHANGES[end](store)
    results = store.results.page("eigenbasis", limit=9)
    assert CHANGES[change](store) == ended
    assert store.jobs.find("a") == ended
    assert len(store.jobs.events("a", 0)) == 3
    assert store.results.page("eigenbasis", limit=9) == results


@pytest.mark.parametrize("change", ["progress", "requeue"])
def test_what_only_a_running_job_does_leaves_a_queued_one_alone(store: Store, change: str) -> None:
    job = create(store)
    assert CHANGES[change](store) == job
    assert store.jobs.find("a") == job


def test_a_running_job_does_not_start_again(store: Store) -> None:
    assert store.jobs.start(running(store).id).attempts == 1


def test_queued_jobs_wait_in_the_order_in_which_they_came(store: Store) -> None:
    assert store.jobs.queued() == []
    for job_id in "abc":
        create(store, job_id)
    store.jobs.start("a")
    store.jobs.cancel("b")
    assert store.jobs.queued() == [store.jobs.find("c")]
    assert store.jobs.queue_length() == 1
    # A job that goes back to the queue has its old place in it.
    store.jobs.requeue("a", progress=b"", crashed=False)
    assert store.jobs.queued() == [store.jobs.find("a"), store.jobs.find("c")]
    assert store.jobs.queue_length() == 2


def test_what_a_crash_left_running_is_found(store: Store) -> None:
    for job_id in "abcd":
        running(store, job_id)
    store.jobs.cancel("b")
    store.jobs.requeue("c", progress=b"", crashed=False)
    assert [job.id for job in store.jobs.interrupted()] == ["a", "d"]


def test_jobs_are_listed_newest_first_by_page_and_state(store: Store) -> None:
    for job_id in "abcde":
        create(store, job_id)
    store.jobs.start("b")
    store.jobs.cancel("d")
    page = store.jobs.page(limit=2)
    assert [job.id for _, job in page] == ["e", "d"]
    following = store.jobs.page(limit=9, before=page[-1][0])
    assert [job.id for _, job in following] == ["c", "b", "a"]
    some = store.jobs.page(limit=9, states=[JobState.RUNNING, JobState.CANCELLED])
    assert [job.id for _, job in some] == ["d", "b"]


@only_sqlite
def test_a_damaged_entry_does_not_keep_the_other_jobs_waiting(store: Store, tmp_path: Path) -> None:
    for job_id in "abc":
        create(store, job_id)
    for job_id in "de":
        running(store, job_id)
    with sqlite3.connect(tmp_path / "data" / "pullback.sqlite") as other:
        other.execute("UPDATE jobs SET created = 'nonsense' WHERE id IN ('b', 'd')")
    other.close()
    assert [job.id for job in store.jobs.queued()] == ["a", "c"]
    assert [job.id for job in store.jobs.interrupted()] == ["e"]


# Requests -----------------------------------------------------------------------------------------------------------


def test_a_repeated_request_finds_its_job_as_it_stands(store: Store) -> None:
    create(store, request_id="mine", request_digest="1" * 64)
    assert store.jobs.repeated("mine", "1" * 64) == store.jobs.find("a")
    ended = store.jobs.cancel("a")
    assert store.jobs.repeated("mine", "1" * 64) == ended
    assert store.jobs.repeated("yours", "1" * 64) is None


def test_a_request_id_for_another_request_is_a_conflict(store: Store) -> None:
    create(store, request_id="mine", request_digest="1" * 64)
    with pytest.raises(RequestConflictError, match=r"'mine' was used for another request, jobs/a; take a new one"):
        store.jobs.repeated("mine", "2" * 64)


def test_jobs_without_a_request_id_do_not_repeat_each_other(store: Store) -> None:
    create(store, "a")
    create(store, "b")
    assert store.jobs.queue_length() == 2


def test_the_maker_of_an_eigenbasis_is_the_job_at_it_or_the_one_that_made_it(store: Store) -> None:
    assert store.jobs.maker_of(BASIS) is None
    running(store, "a", result=BASIS)
    assert store.jobs.maker_of(BASIS) == store.jobs.find("a")
    store.jobs.fail("a", b"reason")
    assert store.jobs.maker_of(BASIS) is None
    made = make(store, "b")
    assert store.jobs.maker_of(BASIS) == store.jobs.find("b")
    store.results.delete(made.name)
    assert store.jobs.maker_of(BASIS) is None


# Events -------------------------------------------------------------------------------------------------------------


def test_events_show_the_job_as_it_stood(store: Store) -> None:
    seen = [
        running(store),
        store.jobs.record_progress("a", b"half"),
        store.jobs.requeue("a", progress=b"again", crashed=False),
    ]
    events = store.jobs.events("a", 0)
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    # How often a worker died is told of the job as it is, not of every event.
    assert [event.job for event in events[1:]] == seen
    assert (events[0].job.state, events[0].job.started, events[0].job.attempts) == (JobState.QUEUED, None, 0)
    assert [event.sequence for event in store.jobs.events("a", 2)] == [3, 4]
    assert [event.sequence for event in store.jobs.events("a", 0, limit=3)] == [1, 2, 3]
    assert store.jobs.events("a", 4) == []


def test_steps_of_progress_are_dropped_at_the_end_and_changes_of_state_are_kept(store: Store) -> None:
    running(store)
    for step in range(5):
        store.jobs.record_progress("a", bytes([step]))
    store.jobs.requeue("a", progress=b"again", crashed=False)
    store.jobs.start("a")
    store.jobs.record_progress("a", b"half")
    ended = store.jobs.fail("a", b"reason")
    events = store.jobs.events("a", 0)
    states = [JobState.QUEUED, JobState.RUNNING, JobState.QUEUED, JobState.RUNNING, JobState.FAILED]
    assert [event.job.state for event in events] == states
    assert [event.sequence for event in events] == [1, 2, 8, 9, 11]
    assert events[-1].job == ended
    assert [event.job.error for event in events] == [None, None, None, None, b"reason"]


def test_the_end_of_one_job_leaves_the_events_of_another_alone(store: Store) -> None:
    for job_id in "ab":
        running(store, job_id)
        store.jobs.record_progress(job_id, b"half")
    store.jobs.cancel("a")
    assert len(store.jobs.events("b", 0)) == 3


# Results ------------------------------------------------------------------------------------------------------------


def test_results_are_there_as_they_were_written(store: Store) -> None:
    basis = make(store)
    found = make(store, "b", name="generators/tiny/other/b", kind="inversion", content=b"results")
    assert store.results.find(BASIS) == basis
    assert store.results.find(found.name) == found
    assert store.results.find("generators/tiny/other/c") is None
    assert store.blobs.read(found.content) == b"results"


def test_results_are_listed_newest_first_by_kind_generator_and_page(store: Store) -> None:
    for job_id, generator in zip("abc", ["x", "y", "x"], strict=True):
        make(store, job_id, name=f"generators/{generator}/eigenbases/{job_id}")
    make(store, "d", name="generators/x/other/d", kind="inversion")
    page = store.results.page("eigenbasis", limit=1)
    assert [record.job for _, record in page] == ["c"]
    assert [record.job for _, record in store.results.page("eigenbasis", limit=9, before=page[0][0])] == ["b", "a"]
    assert [record.job for _, record in store.results.page("eigenbasis", limit=9, generator="x")] == ["c", "a"]
    assert [record.job for _, record in store.results.page("inversion", limit=9)] == ["d"]
    assert store.results.page("analysis", limit=9) == []


def test_a_result_of_a_job_that_was_cancelled_meanwhile_is_not_kept(store: Store) -> None:
    running(store)
    store.jobs.cancel("a")
    assert store.jobs.finish(result(store), b"done").state == JobState.CANCELLED
    assert store.results.find(BASIS) is None


@pytest.mark.parametrize("start", [create, running])
def test_an_eigenbasis_in_use_is_not_deleted(store: Store, start: Callable[..., JobRecord]) -> None:
    basis = make(store)
    start(store, "user", uses=BASIS)
    with pytest.raises(InUseError, match=r"is used by jobs/user, which has not ended"):
        store.results.delete(BASIS)
    assert store.results.find(BASIS) == basis
    store.jobs.cancel("user")
    store.results.delete(BASIS)
    assert store.results.find(BASIS) is None
    assert files(store) == set()


def test_deleting_what_is_not_there_does_nothing(store: Store) -> None:
    store.results.delete(BASIS)


def test_a_deleted_eigenbasis_can_be_made_again(store: Store) -> None:
    make(store, "a")
    store.results.delete(BASIS)
    again = make(store, "b")
    assert store.results.find(BASIS) == again


# Files --------------------------------------------------------------------------------------------------------------


def test_a_file_is_named_by_its_content_and_kept_once(store: Store) -> None:
    digest = store.blobs.write(b"content")
    assert digest == hashlib.sha256(b"content").hexdigest()
    assert store.blobs.write(b"content") == digest
    assert store.blobs.read(digest) == b"content"
    assert files(store) == {digest}


def test_an_empty_file_is_a_file(store: Store) -> None:
    assert store.blobs.read(store.blobs.write(b"")) == b""


def test_a_damaged_file_is_told_from_a_whole_one_and_named(store: Store, tmp_path: Path) -> None:
    digest = store.blobs.write(b"content")
    (path,) = (tmp_path / "data" / "blobs").rglob(digest)
    path.write_bytes(b"c0ntent")
    with pytest.raises(BlobCorruptedError, match="was changed or damaged") as caught:
        store.blobs.read(digest)
    assert str(path) in str(caught.value)
    path.unlink()
    with pytest.raises(BlobCorruptedError, match="is missing from the store"):
        store.blobs.read(digest)


def test_an_input_is_removed_with_the_end_of_its_job_unless_another_job_needs_it(store: Store) -> None:
    payload = store.blobs.write(b"targets")
    for job_id in "ab":
        running(store, job_id, payload=payload)
    assert store.jobs.cancel("a").payload is None
    assert files(store) == {payload}
    store.jobs.fail("b", b"reason")
    assert files(store) == set()


def test_a_result_of_the_same_content_is_kept_while_one_of_them_is_there(store: Store) -> None:
    for job_id in "ab":
        make(store, job_id, name=f"generators/tiny/eigenbases/{job_id}")
    assert len(files(store)) == 1
    store.results.delete("generators/tiny/eigenbases/a")
    assert len(files(store)) == 1
    store.results.delete("generators/tiny/eigenbases/b")
    assert files(store) == set()


def test_a_sweep_removes_what_a_crash_left_and_nothing_else(store: Store) -> None:
    basis = make(store)
    found = make(store, "b", name="inversions/b", kind="inversion", content=b"results")
    payload = store.blobs.write(b"targets")
    create(store, "c", payload=payload)
    orphan = store.blobs.write(b"nobody's")
    folder = store.blobs._folder / orphan[:2]
    (folder / ".tmp-123").write_bytes(b"half")
    assert store.sweep_blobs().removed == 2
    assert files(store) == {basis.content, found.content, payload}
    assert store.sweep_blobs().removed == 0


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = BlobStore(tmp_path, lambda digest, size: None)
    digest = hashlib.sha256(b"content").hexdigest()
    path = tmp_path / digest[:2] / digest
    seen = []

    def fsync(descriptor: int) -> None:
        seen.append(path.exists())

    monkeypatch.setattr(os, "fsync", fsync)
    blobs.write(b"content")
    # The new folder's name and the content are flushed before the file has its name, and the folder after.
    assert seen == [False, False, True]


# A full disk --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_no_file_behind(store: Store, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    before = everything(store)

    def fsync(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        with pytest.raises(StorageFullError, match=r"no room to write in .*blobs.*free some space and try again"):
            store.blobs.write(b"content")
    assert everything(store) == before
    assert store.blobs.read(store.blobs.write(b"content")) == b"content"


def test_another_failure_of_the_disk_is_not_called_full(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StorageFailingError, match=os.strerror(errno.EIO)):
        store.blobs.write(b"content")
    assert files(store) == set()


@pytest.fixture
def full_store(store: Store) -> Iterator[Store]:
    """A store with a running job, whose database cannot grow by a single page."""
    running(store)
    store.jobs.record_progress("a", b"half")
    set_pages(store, 1)
    return store


def set_pages(store: Store, pages: int) -> None:
    """Limits the database's size; SQLite says "database or disk is full" beyond, as it does on a full disk."""
    # The pool has one connection, which the store's next session takes.
    with store._database.writer.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


LARGE = b"x" * 100_000
WRITES: dict[str, Callable[[Store], object]] = {
    "create": lambda store: create(store, "b", work=LARGE),
    "progress": lambda store: store.jobs.record_progress("a", LARGE),
    "requeue": lambda store: store.jobs.requeue("a", progress=LARGE, crashed=True),
    "fail": lambda store: store.jobs.fail("a", LARGE),
    "finish": lambda store: store.jobs.finish(result(store, header=LARGE), b"done"),
}


@only_sqlite
@pytest.mark.parametrize("write", WRITES)
def test_a_full_database_leaves_everything_as_it_was(full_store: Store, write: str) -> None:
    # The file of the result is there already: its row is what does not fit.
    result(full_store)
    before = everything(full_store)
    with pytest.raises(StorageFullError, match=r"no room to write in .*database or disk is full.*free some space"):
        WRITES[write](full_store)
    assert everything(full_store) == before
    set_pages(full_store, 1_000_000)
    WRITES[write](full_store)
    assert everything(full_store) != before


@only_sqlite
def test_another_failure_of_the_database_is_not_called_full(store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "data" / "pullback.sqlite") as other:
        other.execute("DROP TABLE events")
    other.close()
    with pytest.raises(OperationalError, match="no such table"):
        create(store)


# Annotations and what was brought ------------------------------------------------------------------------------------


def test_what_is_said_of_a_result_is_replaced_taken_back_and_deleted_with_it(store: Store) -> None:
    name = make(store).name
    other = make(store, "b", name=f"{BASIS}2").name
    store.annotations.put(name, AnnotationRecord(3, "smile", ""))
    store.annotations.put(name, AnnotationRecord(1, "", "unclear"))
    store.annotations.put(other, AnnotationRecord(0, "smile", ""))
    store.annotations.put(name, AnnotationRecord(3, "grin", "wider"))
    said = store.annotations.of([name, other, "none"])
    assert said == {
        name: [AnnotationRecord(1, "", "unclear"), AnnotationRecord(3, "grin", "wider")],
        other: [AnnotationRecord(0, "smile", "")],
    }
    store.annotations.put(name, AnnotationRecord(1, "", ""))
    assert [note.place for note in store.annotations.of([name])[name]] == [3]
    store.results.delete(name)
    assert store.annotations.of([name, other]).keys() == {other}


def test_two_places_of_a_result_bear_no_common_title(store: Store) -> None:
    name = make(store).name
    store.annotations.put(name, AnnotationRecord(0, "smile", ""))
    store.annotations.put(name, AnnotationRecord(0, "smile", "again"))
    with pytest.raises(TitleTakenError, match="direction 0 of this set is titled 'smile' already"):
        store.annotations.put(name, AnnotationRecord(1, "smile", ""))
    store.annotations.put(name, AnnotationRecord(1, "", "no title"))
    store.annotations.put(name, AnnotationRecord(2, "", "none either"))
    assert len(store.annotations.of([name])[name]) == 3


def test_a_result_that_no_job_made_is_kept_as_any_other(store: Store) -> None:
    brought = replace(result(store, "a"), job="")
    store.results.keep(brought)
    assert store.results.find(brought.name) == brought
    assert store.jobs.maker_of(brought.name) is None
    assert [record for _, record in store.results.page(brought.kind, limit=9)] == [brought]


# Opening ------------------------------------------------------------------------------------------------------------


def test_reopening_finds_everything(store: Store, tmp_path: Path, database: str | None) -> None:
    make(store, "a")
    running(store, "b", request_id="mine", payload=store.blobs.write(b"targets"))
    store.jobs.record_progress("b", b"half")
    make(store, "c", name="inversions/c", kind="inversion", content=b"results")
    before = everything(store)
    store.close()
    again = Store(tmp_path / "data", database)
    assert everything(again) == before
    assert again.sweep_blobs().removed == 0
    assert create(again, "d").created.tzinfo is not None
    assert [job.id for _, job in again.jobs.page(limit=2)] == ["d", "c"]
    again.close()


@only_sqlite
def test_a_commit_is_on_disk_before_it_is_acknowledged(store: Store) -> None:
    with store._database.writer.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@only_sqlite
def test_a_store_of_another_version_is_refused_and_left_alone(store: Store, tmp_path: Path) -> None:
    create(store)
    store.close()
    path = tmp_path / "data" / "pullback.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    database.close()
    with pytest.raises(IncompatibleStoreError, match=r"schema version 99, this server reads version 10.*--data folder"):
        Store(tmp_path / "data")
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
    database.close()


@only_sqlite
def test_a_store_of_the_version_before_is_extended_by_what_jobs_need(store: Store, tmp_path: Path) -> None:
    name, running = make(store).name, create(store, "running").id
    store.jobs.start(running)
    before = (store.jobs.find(running), store.jobs.events(running, 0), store.results.find(name))
    store.close()
    path = tmp_path / "data" / "pullback.sqlite"
    make_older(path, 7)
    extended = Store(tmp_path / "data")
    assert (extended.jobs.find(running), extended.jobs.events(running, 0), extended.results.find(name)) == before
    assert create(extended, "waiting", needs=running).needs == running
    assert [job.id for job in extended.waiting.all()] == ["waiting"]
    extended.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT value FROM meta").fetchone() == ("10",)
        assert database.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs_by_needs'").fetchone() is not None
    database.close()


@only_sqlite
def test_a_store_of_an_earlier_version_that_only_lacks_tables_is_extended(store: Store, tmp_path: Path) -> None:
    name = make(store).name
    store.close()
    path = tmp_path / "data" / "pullback.sqlite"
    make_older(path, 3)
    extended = Store(tmp_path / "data")
    extended.annotations.put(name, AnnotationRecord(0, "smile", ""))
    assert extended.results.find(name) is not None
    extended.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT value FROM meta").fetchone() == ("10",)
    database.close()
