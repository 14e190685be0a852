"""A live session and workers that come and go, without processes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from pullback_api.v1 import search_pb2
from pullback_server.access import Access, Keys
from pullback_server.access.usage import Usage
from pullback_server.damage import DataLossError
from pullback_server.errors import ApiError, failed_precondition, unavailable
from pullback_server.protocol.calls import Evolved
from pullback_server.sessions import live
from pullback_server.sessions.answers import Asker, reclaim, tell
from pullback_server.sessions.live import LiveSession
from pullback_server.sessions.registry import SessionRegistry
from pullback_server.sessions.state.events import Began, SessionState, StateChanged
from pullback_server.sessions.state.thread import ThreadState
from pullback_server.specs.reports import Report
from pullback_server.store import SessionEventRecord, Store, UnreadableError
from session_driver import LEASE, scored, session_spec


class Workers:
    """An executor whose only worker cannot start for a while, and dies a few times when it can."""

    def __init__(self, *, starts_after: int, deaths: int) -> None:
        self.starts_after = starts_after
        self.deaths = deaths
        self.looks = 0

    def loads(self) -> list[Any]:
        self.looks += 1
        return [[] if self.looks > self.starts_after else None]

    async def begin_search(self, **call: Any) -> Evolved:
        # A call that is sent to a worker that cannot start ends with its death.
        if self.looks < self.starts_after or self.deaths:
            self.deaths = max(0, self.deaths - 1)
            raise unavailable("the worker process died")
        return Evolved(
            b"state",
            np.zeros((call["count"], 2), np.float32),
            (("sampled", ()),) * call["count"],
            ((1.0, 0.5),) * call["count"],
        )

    async def render(self, **call: Any) -> AsyncIterator[Any]:
        for each in ():
            yield each


class Turns:
    """A scheduler without a thread."""

    def __init__(self, store: Store) -> None:
        self.usage = Usage(store, self.in_store, Keys())

    async def in_store(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except UnreadableError as error:
            raise DataLossError(error) from error


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("starts_after", "deaths", "state"),
    [(0, 0, ThreadState.OPEN), (0, 3, ThreadState.OPEN), (100, 3, ThreadState.OPEN), (0, 100, ThreadState.FAILED)],
)
def test_a_thread_waits_for_a_worker_that_cannot_start_and_fails_where_its_optimizer_ends_them(
    store: Store, monkeypatch: pytest.MonkeyPatch, starts_after: int, deaths: int, state: ThreadState
) -> None:
    monkeypatch.setattr(live, "WORKER_SECONDS", 0.0)
    workers: Any = Workers(starts_after=starts_after, deaths=deaths)
    turns: Any = Turns(store)

    async def run() -> ThreadState:
        registry = SessionRegistry(store, turns, workers, Access(None))
        spec = session_spec(({"generator": "generators/tiny"},))
        began = Began("0.1.0", ("a" * 64,), ("",), ())
        record = await registry.create(request_id="", content=b"", spec=spec, began=began)
        async with registry.using(record.id) as session:
            while (found := await session.read(lambda each: each.threads[0].state)) == ThreadState.EVOLVING:
                await asyncio.sleep(0)
        await registry.stop()
        return found

    assert asyncio.run(asyncio.wait_for(run(), timeout=60)) == state


# Another version ------------------------------------------------------------------------------------------------------


class Version(Workers):
    """An executor that evolves states of its own version only, each a function of the one before and the scores."""

    def __init__(self, version: bytes) -> None:
        super().__init__(starts_after=0, deaths=0)
        self.version = version
        self.refused = 0

    async def begin_search(self, **call: Any) -> Evolved:
        return self._evolved(str(call["seed"]).encode(), call["count"])

    async def evolve(self, **call: Any) -> Evolved:
        version, _, state = call["state"].partition(b" ")
        if version != self.version:
            self.refused += 1
            raise failed_precondition(f"state {version!r}, but this version reads {self.version!r}")
        return self._evolved(hashlib.sha256(state + call["scores"].tobytes()).digest(), call["count"])

    def _evolved(self, state: bytes, count: int) -> Evolved:
        latents = np.full((count, 2), sum(state), np.float32)
        return Evolved(self.version + b" " + state, latents, (("sampled", ()),) * count, ((1.0, 0.5),) * count)


@asynccontextmanager
async def serving(store: Store, workers: Version, **options: Any) -> AsyncIterator[SessionRegistry]:
    """A server with these workers, from its start to its end; session `a`, of two threads, is there."""
    turns: Any = Turns(store)
    executor: Any = workers
    registry = SessionRegistry(store, turns, executor, Access(None))
    await registry.start()
    if store.sessions.record("a") is None:
        spec = session_spec(({"generator": "generators/tiny"},) * 2, **options)
        began = Began("0.1.0", ("a" * 64,) * 2, ("",) * 2, ())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pullback_server.sessions.registry.new_id", lambda taken: "a")
            await registry.create(request_id="", content=b"", spec=spec, began=began)
    yield registry
    await registry.stop()


async def ask(session: LiveSession, *threads: int) -> list[search_pb2.Trial]:
    """All trials of some threads, as soon as there are any."""
    while True:
        answer = await Asker(session, search_pb2.AskRequest(session="sessions/a", threads=threads)).answer(0.1)
        if answer.trials:
            return list(answer.trials)


def scores_of(trials: list[search_pb2.Trial]) -> list[tuple[str, Report]]:
    return [(f"trials[{i}]", scored(trial.trial_id, float(i))) for i, trial in enumerate(trials)]


async def evolve(registry: SessionRegistry, generations: int) -> None:
    async with registry.using("a") as session:
        while all(len(thread.closed) < generations for thread in (await session.read(lambda each: each.threads))):
            # Both threads at once, in an order that nothing changes.
            trials = sorted([*await ask(session, 0), *await ask(session, 1)], key=lambda trial: trial.image_id)
            await tell(session, scores_of(trials), [])
        await ask(session, 0)
        await ask(session, 1)


def log_of(store: Store) -> list[SessionEventRecord]:
    return store.sessions.events("a")


def opened_in(store: Store) -> list[bytes]:
    """The events that opened generations, with the digests of latents and states."""
    return sorted(event.payload for event in log_of(store) if event.kind == "GenerationOpened")


async def refusal(session: LiveSession, *threads: int) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await ask(session, *threads)
    return caught.value


def timed(run: Any) -> None:
    asyncio.run(asyncio.wait_for(run, timeout=60))


def test_a_thread_of_another_version_ends_in_no_log_and_goes_on_with_its_own_bit_for_bit(
    store: Store, tmp_path: Path
) -> None:
    async def run(store: Store, *, upgraded: bool) -> None:
        async with serving(store, Version(b"1")) as registry, registry.using("a") as session:
            trials = [*await ask(session, 0), *await ask(session, 1)]
            if not upgraded:
                await tell(session, scores_of(sorted(trials, key=lambda trial: trial.image_id)), [])
                await evolve(registry, 3)
        if not upgraded:
            return
        async with serving(store, workers := Version(b"2")) as registry, registry.using("a") as session:
            # What need only be written down is: the images are shown already.
            told = await tell(session, scores_of(sorted(trials, key=lambda trial: trial.image_id)), [])
            assert told.recorded == 8
            error = await refusal(session)
            written = log_of(store)
            assert error.code == grpc.StatusCode.FAILED_PRECONDITION
            for words in ("state b'1'", "reads b'2'", "the version that wrote it", "initial_latents"):
                assert words in error.message
            assert "thread 1 waits" in (await refusal(session, 1)).message
            assert log_of(store) == written
            # It is tried once, not over and over; a session that knows of it is not forgotten.
            assert workers.refused == 2
            assert not session.idle
            late = scored("mine", 5.0, trials[0].image_id)
            response = await tell(session, [("trials[0]", late)], [])
            assert (response.recorded, response.late) == (1, 1)
            assert [thread.state for thread in response.threads] == [search_pb2.THREAD_STATE_FAILED] * 2
            assert response.threads[0].error.message == error.message
            assert [event.kind for event in log_of(store)[len(written) :]] == ["Told"]
        async with serving(store, Version(b"2")) as registry, registry.using("a") as session:
            # A server finds out at its start, without being asked.
            while len(registry.blocked("a")) < 2:
                await asyncio.sleep(0)
        async with serving(store, Version(b"1")) as registry:
            await evolve(registry, 3)

    quiet = Store(tmp_path / "quiet")
    timed(run(store, upgraded=True))
    timed(run(quiet, upgraded=False))
    assert opened_in(store) == opened_in(quiet)
    assert not [event for event in log_of(store) if event.kind == "ThreadFailed"]
    quiet.close()


def test_threads_that_can_go_on_do_while_another_waits_for_its_version(store: Store) -> None:
    async def run() -> None:
        async with serving(store, Version(b"1")) as registry, registry.using("a") as session:
            first, second = await ask(session, 0), await ask(session, 1)
        async with serving(store, Version(b"2")) as registry, registry.using("a") as session:
            await tell(session, [*scores_of(first), *scores_of(second)[:1]], [])
            await refusal(session, 0)
            abandoned = [Report(trial.trial_id, "", search_pb2.OUTCOME_ABANDONED) for trial in second[1:]]
            await tell(session, [(f"trials[{i}]", each) for i, each in enumerate(abandoned)], [])
            trials = await ask(session)
            assert {trial.thread for trial in trials} == {1}
            await tell(session, scores_of(trials), [])
            await refusal(session)

    timed(run())


def test_a_session_that_waits_for_its_version_can_be_closed_and_is_then_like_any_other(store: Store) -> None:
    async def run() -> None:
        async with serving(store, Version(b"1")) as registry, registry.using("a") as session:
            trials = [*await ask(session, 0), *await ask(session, 1)]
        async with serving(store, Version(b"2")) as registry:
            async with registry.using("a") as session:
                await tell(session, scores_of(trials), [])
                await refusal(session)
                await session.change(lambda journal: journal.add([StateChanged(SessionState.CLOSED)]))
                assert "closed" in (await refusal(session)).message
            assert not registry.blocked("a")
            assert session.idle

    timed(run())


def test_threads_in_step_with_one_that_waits_for_its_version_are_refused_rather_than_waited_for_in_vain(
    store: Store,
) -> None:
    async def run() -> None:
        options = {"balance": search_pb2.BALANCE_BLOCK}
        async with serving(store, Version(b"1"), **options) as registry, registry.using("a") as session:
            trials = await ask(session)
            await tell(session, [("", scored(trial.trial_id)) for trial in trials[:-1]], [])
        async with serving(store, Version(b"2")) as registry, registry.using("a") as session:
            await tell(session, [("", scored(trials[-1].trial_id))], [])
            while len(registry.blocked("a")) < 2:
                await asyncio.sleep(0)
            with pytest.raises(ApiError, match="waits for another version"):
                await ask(session, 1)

    asyncio.run(asyncio.wait_for(run(), timeout=60))


# Damaged files --------------------------------------------------------------------------------------------------------


def damage(store: Store, folder: Path, *, thread: int, files: tuple[str, ...], generations: int) -> None:
    """Damages files of a thread's latest generations."""
    events = [json.loads(payload) for payload in opened_in(store)]
    newest = sorted((each for each in events if each["thread"] == thread), key=lambda each: each["generation"])
    for event in newest[-generations:]:
        for name in files:
            for path in (folder / "blobs").rglob(event[name]):
                path.write_bytes(b"else")


@pytest.mark.parametrize("files", [("optimizer",), ("latents",), ("optimizer", "latents")])
@pytest.mark.parametrize("generations", [1, 4])
def test_what_is_damaged_of_a_thread_is_made_again_from_the_log_bit_for_bit(
    store: Store, tmp_path: Path, files: tuple[str, ...], generations: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(store: Store, folder: Path, *, damaged: bool) -> None:
        async with serving(store, Version(b"1")) as registry:
            await evolve(registry, 3)
            async with registry.using("a") as session:
                await reclaim(session, "", "")
        if damaged:
            damage(store, folder, thread=0, files=files, generations=generations)
        async with serving(store, Version(b"1")) as registry:
            await evolve(registry, 6)

    quiet = Store(tmp_path / "quiet")
    timed(run(quiet, tmp_path / "quiet", damaged=False))
    assert "made again" not in caplog.text
    timed(run(store, tmp_path / "data", damaged=True))
    assert "of thread 0 is made again" in caplog.text
    assert opened_in(store) == opened_in(quiet)
    quiet.close()


def test_a_thread_that_the_log_does_not_make_the_same_again_fails_alone(store: Store, tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(store, Version(b"1")) as registry, registry.using("a") as session:
            first, second = await ask(session, 0), await ask(session, 1)
        damage(store, tmp_path / "data", thread=0, files=("optimizer",), generations=1)
        # Its states are of another form, and so other bytes.
        async with serving(store, Version(b"2")) as registry, registry.using("a") as session:
            await tell(session, scores_of(first), [])
            while (thread := (await session.read(lambda each: each.threads[0]))).failed is None:
                await asyncio.sleep(0)
            assert thread.failed.code == grpc.StatusCode.DATA_LOSS.value[0]
            for words in ("of thread 0 is missing or damaged", "another version", "from a backup"):
                assert words in thread.failed.message
            assert str(tmp_path) not in thread.failed.message
        async with serving(store, Version(b"1")) as registry, registry.using("a") as session:
            await tell(session, scores_of(second), [])
            assert {trial.thread for trial in await ask(session, 1)} == {1}

    timed(run())


def test_a_clock_that_is_set_while_trials_are_out_ends_no_lease_and_lengthens_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, wall = 1000.0, datetime(2026, 3, 29, 1, 0, tzinfo=timezone.utc)

    class Wall(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return wall

    async def run() -> None:
        nonlocal seconds, wall
        async with serving(store, Version(b"1")) as registry, registry.using("a") as session:
            monkeypatch.setattr("pullback_server.sessions.live.datetime", Wall)
            monkeypatch.setattr("time.monotonic", lambda: seconds)
            trials = await ask(session)
            for jump in (timedelta(days=1), timedelta(days=-2)):
                wall += jump
                answer = await Asker(session, search_pb2.AskRequest(session="sessions/a")).answer(0)
                assert not answer.trials
            seconds += LEASE - 1
            answer = await Asker(session, search_pb2.AskRequest(session="sessions/a")).answer(0)
            assert not answer.trials
            seconds += 1
            again = await ask(session)
            assert {trial.image_id for trial in again} == {trial.image_id for trial in trials}
            monkeypatch.undo()

    asyncio.run(asyncio.wait_for(run(), timeout=60))
