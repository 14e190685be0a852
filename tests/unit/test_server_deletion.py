"""Deletion: whole resources or none, what depends on them named, and no file that something needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from PIL import Image

import pullback_client
from commands import Run
from in_process import InProcessServer
from pullback_client import Client
from pullback_server.store import (
    InUseError,
    JobState,
    NotEndedError,
    ResultRecord,
    SessionChange,
    SessionEventRecord,
    Store,
)
from storing import only_sqlite

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
CLOSED = 3


@pytest.fixture
def store(tmp_path: Path, database: str | None) -> Iterator[Store]:
    opened = Store(tmp_path / "data", database)
    yield opened
    opened.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "me.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


def create(store: Store, job_id: str, **fields: object) -> None:
    store.jobs.create(
        job_id=job_id,
        kind="inversion",
        work=b"",
        result=f"inversions/{job_id}",
        request_id=None,
        request_digest="0" * 64,
        progress=b"",
        **fields,  # type: ignore[arg-type]
    )


def finish(store: Store, job_id: str, content: bytes = b"images") -> str:
    """A job from start to end; returns the digest of its result."""
    create(store, job_id)
    store.jobs.start(job_id)
    digest = store.blobs.write(content)
    store.jobs.finish(ResultRecord(f"inversions/{job_id}", "inversion", "tiny", job_id, NOW, b"", digest), b"")
    return digest


def begin(store: Store, session_id: str, *contents: bytes, state: int = CLOSED) -> list[str]:
    """A session with files; returns their digests."""
    digests = [store.blobs.write(content) for content in contents]
    change = SessionChange(
        events=(SessionEventRecord(1, NOW, "Began", b"{}"),),
        state=state,
        evolving=False,
        summary=b"",
        needed=tuple(digests),
    )
    store.sessions.create(session_id, request_id=None, request_digest="0" * 64, spec=b"", change=change)
    return digests


def files(store: Store) -> set[str]:
    return {path.name for path in store.blobs._folder.rglob("*") if path.is_file()}


# In the store --------------------------------------------------------------------------------------------------------


def test_a_job_that_has_not_ended_or_made_what_is_there_stays(store: Store) -> None:
    create(store, "queued")
    create(store, "waiting", needs="queued")
    finish(store, "done")
    with pytest.raises(NotEndedError, match="jobs/queued has not ended"):
        store.deletion.job("queued", with_result=True)
    with pytest.raises(InUseError, match="inversions/done was made by jobs/done"):
        store.deletion.job("done")
    store.jobs.cancel("queued")
    with pytest.raises(InUseError, match="jobs/queued is used by jobs/waiting, which has not ended"):
        store.deletion.job("queued")
    assert [job.id for _, job in store.jobs.page(limit=9)] == ["done", "waiting", "queued"]


def test_a_job_goes_with_its_events_and_with_what_it_made(store: Store) -> None:
    same = finish(store, "a")
    finish(store, "b")
    store.deletion.job("a", with_result=True)
    assert (store.jobs.find("a"), store.jobs.events("a", 0), store.results.find("inversions/a")) == (None, [], None)
    # Another job made the same.
    assert files(store) == {same}
    store.deletion.job("b", with_result=True)
    assert (files(store), store.jobs.page(limit=9)) == (set(), [])
    store.deletion.job("b")


@only_sqlite
def test_what_is_damaged_can_be_deleted(store: Store) -> None:
    finish(store, "a")
    begin(store, "s", b"image", state=1)
    with store._database.writing() as session:
        session.connection().exec_driver_sql("UPDATE jobs SET state = 'x', result = CAST(x'ff' AS TEXT)")
        session.connection().exec_driver_sql("DELETE FROM session_specs")
    store.deletion.job("a")
    store.deletion.session("s", closed=[CLOSED])
    assert (store.jobs.has("a"), store.sessions.has("s")) == (False, False)


def test_a_session_goes_with_its_log_and_leaves_what_others_need(store: Store) -> None:
    shared, own = begin(store, "s", b"shared", b"own")
    begin(store, "t", b"shared")
    begin(store, "open", b"third", state=1)
    with pytest.raises(NotEndedError, match="sessions/open is not closed"):
        store.deletion.session("open", closed=[CLOSED])
    assert sorted(store.deletion.session("s", closed=[CLOSED])) == sorted([shared, own])
    assert (store.sessions.record("s"), store.sessions.events("s")) == (None, [])
    assert store.collect([shared, own]) == 1
    assert own not in files(store)
    assert shared in files(store)


@pytest.mark.parametrize("step", ["before the file", "before the note"])
def test_what_a_crash_leaves_of_a_deletion_is_collected(
    store: Store, tmp_path: Path, database: str | None, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class CrashError(BaseException):
        pass

    kept = finish(store, "kept", b"kept")
    (gone,) = begin(store, "s", b"gone")
    store.deletion.session("s", closed=[CLOSED])
    delete = store.blobs.delete

    def crash(digest: str) -> bool:
        if step == "before the note":
            delete(digest)
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(store.blobs, "delete", crash)
        with pytest.raises(CrashError):
            store.collect([gone])
    store.close()
    again = Store(tmp_path / "data", database)
    assert again.orphans() == [gone]
    assert again.collect(again.orphans()) == 1
    assert again.orphans() == []
    assert files(again) == {kept}
    again.close()


def test_no_file_is_collected_while_one_is_missing(store: Store) -> None:
    lost = finish(store, "a", b"lost")
    orphan = store.blobs.write(b"orphan")
    assert store.orphans() == [orphan]
    store.blobs.delete(lost)
    assert store.orphans() == []
    assert orphan in files(store)


def test_files_of_another_database_are_left_alone(store: Store) -> None:
    stranger = "ab" * 32
    (store.blobs._folder / "ab").mkdir(exist_ok=True)
    (store.blobs._folder / "ab" / stranger).write_bytes(b"another's")
    assert store.orphans() == []
    assert files(store) == {stranger}


# By callers ----------------------------------------------------------------------------------------------------------


def test_each_resource_is_deleted_by_its_name(client: Client, server: InProcessServer, photo: Path) -> None:
    basis, analysis = client.compute_eigenbasis("faces"), client.analyze("faces")
    inverted = client.submit_inversion(photo, "faces", steps=3)
    inverted.wait()
    session = client.evolve("faces", optimizer="cma", population=4)
    client.delete_analysis(analysis.name)
    client.delete_eigenbasis(basis.name)
    client.delete_inversion(inverted.result_name)
    with pytest.raises(pullback_client.NotFoundError, match=r"inversions/\w+ was deleted"):
        client.get_inversion(inverted.result_name)
    with pytest.raises(pullback_client.FailedPreconditionError, match="is not closed; close it first"):
        client.delete_session(session.name)
    session.close()
    client.delete_session(session.name)
    for job in client.list_jobs():
        client.delete_job(job.name)
    assert (client.list_jobs(), client.list_sessions(), client.list_analyses()) == ([], [], [])
    assert [path for path in (server.data / "blobs").rglob("*") if path.is_file()] == []
    for call in (
        lambda: client.delete_analysis(analysis.name),
        lambda: client.delete_inversion(inverted.result_name),
        lambda: client.delete_session(session.name),
        lambda: client.delete_job("jobs/1"),
    ):
        with pytest.raises(pullback_client.NotFoundError):
            call()


def test_dependents_are_named_and_cascade_deletes_and_cancels_them(
    client: Client, server: InProcessServer, photo: Path
) -> None:
    basis = client.compute_eigenbasis("faces")
    server.bench.room = False
    waiting = [client.submit_inversion(photo, "faces", steps=3) for _ in range(2)]
    maker = client.list_jobs(["succeeded"])[0]
    with pytest.raises(
        pullback_client.FailedPreconditionError, match=rf"is used by {waiting[0].name}, {waiting[1].name}.*cascade=True"
    ):
        client.delete_eigenbasis(basis.name)
    with pytest.raises(pullback_client.FailedPreconditionError, match=f"{basis.name} was made by {maker.name}"):
        client.delete_job(maker.name)
    with pytest.raises(pullback_client.FailedPreconditionError, match="has not ended; wait for it, or cancel it"):
        client.delete_job(waiting[0].name, cascade=True)
    client.delete_job(maker.name, cascade=True)
    assert {job.refresh().state.value for job in waiting} == {"cancelled"}
    assert client.list_eigenbases() == []
    assert {job.name for job in client.list_jobs()} == {job.name for job in waiting}
    assert server.server._store.jobs.find(waiting[0].name.removeprefix("jobs/")).state == JobState.CANCELLED


def test_the_command_line_deletes_whatever_is_named(client: Client, run: Run) -> None:
    basis = client.compute_eigenbasis("faces")
    (job,) = client.list_jobs()
    for arguments, code, said in (
        (["nonsense"], 1, "expected the name of a resource"),
        ([job.name], 1, "was made by"),
        ([basis.name, job.name], 0, f"deleted {basis.name}\ndeleted {job.name}\n"),
    ):
        ended = run("delete", *arguments)
        assert (ended.code, said in ended.out + ended.err) == (code, True), ended
