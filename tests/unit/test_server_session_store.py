"""The store's part for sessions: logs without gaps, whole transactions, files that live as long as they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from old_stores import make_older
from pullback_api.v1 import search_pb2
from pullback_server.store import RequestConflictError, SessionChange, SessionEventRecord, Store
from storing import only_sqlite

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, timezone.utc)


@pytest.fixture
def store(tmp_path: Path, database: str | None) -> Iterator[Store]:
    opened = Store(tmp_path / "data", database)
    yield opened
    opened.close()


def events(first: int, count: int = 1) -> tuple[SessionEventRecord, ...]:
    return tuple(
        SessionEventRecord(number, NOW + timedelta(seconds=number), "Told", b"%d" % number)
        for number in range(first, first + count)
    )


def change(first: int = 1, count: int = 1, **fields: Any) -> SessionChange:
    values = {"state": 1, "evolving": False, "summary": b"summary", **fields}
    return SessionChange(events=events(first, count), **values)


def create(store: Store, name: str = "a", *, request_id: str | None = None, **fields: Any) -> None:
    store.sessions.create(name, request_id=request_id, request_digest="0" * 64, spec=b"spec", change=change(**fields))


def test_a_new_session_is_what_it_was_given(store: Store) -> None:
    create(store, count=2, state=2)
    found = store.sessions.record("a")
    assert found is not None
    assert (found.id, found.state, found.spec, found.summary, found.last_sequence) == ("a", 2, b"spec", b"summary", 2)
    assert store.sessions.events("a") == list(events(1, 2))
    assert store.sessions.record("b") is None


def test_sessions_are_found_by_what_their_id_begins_with_and_by_their_title(store: Store) -> None:
    for name, title in (("2bcd", "slow rig"), ("2bce", "2b"), ("3bcd", "slow rig"), ("9zzz", "")):
        store.sessions.create(
            name, request_id=None, request_digest="0" * 64, spec=b"spec", change=change(), title=title
        )

    def found(match: str, limit: int = 10) -> list[str]:
        return [record.id for _, record in store.sessions.records(limit=limit, match=match)]

    assert found("2bcd") == ["2bcd"]
    assert found("2b") == ["2bce", "2bcd"]
    assert found("slow rig") == ["3bcd", "2bcd"]
    assert found("slow rig", limit=1) == ["3bcd"]
    assert found("") == ["9zzz", "3bcd", "2bce", "2bcd"]
    for none in ("slow", "bcd", "%", "_", "2BCD", "9zzzz"):
        assert found(none) == []
    assert store.sessions.has("2bcd")
    assert not store.sessions.has("2b")


def test_titles_of_sessions_of_the_version_before_are_found_too(tmp_path: Path) -> None:
    before = Store(tmp_path / "data")
    for name, spec in (("a", search_pb2.SessionSpec(title="slow rig").SerializeToString()), ("b", b"damaged")):
        before.sessions.create(name, request_id=None, request_digest="0" * 64, spec=spec, change=change())
    before.close()
    make_older(tmp_path / "data" / "pullback.sqlite", 4)
    after = Store(tmp_path / "data")
    assert [record.id for _, record in after.sessions.records(limit=5, match="slow rig")] == ["a"]
    assert after.sessions.record("b") is not None
    after.close()


def test_events_are_appended_and_read_in_parts(store: Store) -> None:
    create(store)
    store.sessions.append("a", change(2, 3, state=3, summary=b"later"))
    assert store.sessions.events("a", after=1, limit=2) == list(events(2, 2))
    found = store.sessions.record("a")
    assert found is not None
    assert (found.state, found.summary, found.last_sequence) == (3, b"later", 4)


@pytest.mark.parametrize("first", [1, 3])
def test_an_event_that_does_not_follow_is_refused_and_nothing_is_written(store: Store, first: int) -> None:
    create(store)
    with pytest.raises(ValueError, match=f"event {first} of session a does not follow event 1"):
        store.sessions.append("a", change(first, 2, summary=b"wrong"))
    assert store.sessions.events("a") == list(events(1))
    found = store.sessions.record("a")
    assert found is not None
    assert found.summary == b"summary"


def test_a_session_that_nobody_began_has_no_log(store: Store) -> None:
    with pytest.raises(LookupError, match="no session a"):
        store.sessions.append("a", change())
    assert store.sessions.events("a") == []


def test_a_repeated_request_finds_its_session_and_another_is_refused(store: Store) -> None:
    create(store, request_id="x")
    found = store.sessions.repeated("x", "0" * 64)
    assert found is not None
    assert found.id == "a"
    assert store.sessions.repeated("y", "0" * 64) is None
    with pytest.raises(RequestConflictError, match="sessions/a"):
        store.sessions.repeated("x", "1" * 64)


def test_sessions_are_listed_newest_first(store: Store) -> None:
    for number, name in enumerate("abc"):
        create(store, name, state=1 + number % 2)
    rows = store.sessions.records(limit=2)
    assert [record.id for _, record in rows] == ["c", "b"]
    assert [record.id for _, record in store.sessions.records(limit=2, before=rows[-1][0])] == ["a"]
    assert [record.id for _, record in store.sessions.records(limit=9, states=[2])] == ["b"]


def test_sessions_that_wait_for_an_optimizer_are_known(store: Store) -> None:
    create(store, "a", evolving=True)
    create(store, "b")
    create(store, "c", evolving=True)
    store.sessions.append("a", change(2, evolving=True))
    assert store.sessions.evolving() == ["a", "c"]
    store.sessions.append("c", change(2))
    assert store.sessions.evolving() == ["a"]


def test_a_file_lives_as_long_as_some_session_needs_it(store: Store) -> None:
    shared, own, nobodys = (store.blobs.write(data) for data in (b"shared", b"own", b"nobody's"))
    create(store, "a", needed=(shared, own))
    create(store, "b", needed=(shared,))
    assert store.sweep_blobs().removed == 1
    store.sessions.append("a", change(2, released=(shared, own)))
    assert store.blobs.read(shared) == b"shared"
    store.sessions.append("b", change(2, released=(shared,)))
    assert store.sweep_blobs().removed == 0
    assert not [path for path in store.blobs._folder.rglob("*") if path.is_file()]
    assert nobodys


def test_files_are_written_with_the_events_that_need_them(store: Store) -> None:
    create(store)
    digest = hashlib.sha256(b"state").hexdigest()
    store.sessions.append("a", change(2, needed=(digest,)), [b"state"])
    assert store.blobs.read(digest) == b"state"
    assert store.sweep_blobs().removed == 0


def test_a_file_may_be_needed_again(store: Store) -> None:
    digest = store.blobs.write(b"state")
    create(store, needed=(digest,))
    store.sessions.append("a", change(2, needed=(digest,)))
    store.sweep_blobs()
    assert store.blobs.read(digest) == b"state"


@only_sqlite
def test_a_store_without_sessions_is_extended_and_keeps_what_it_has(store: Store, tmp_path: Path) -> None:
    job = store.jobs.create(
        job_id="a", kind="analysis", work=b"", result="r", request_id=None, request_digest="0" * 64, progress=b""
    )
    store.close()
    make_older(tmp_path / "data" / "pullback.sqlite", 2)
    for _ in range(2):
        reopened = Store(tmp_path / "data")
        assert reopened.jobs.find("a") == job
        assert reopened.sessions.records(limit=1) == []
        reopened.close()
