"""The worker of searches: a process without torch, which goes on when that of a device has died, and comes back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from live_server import CALL_SECONDS, LiveServer
from pullback_api.v1 import search_pb2
from requests_for_tiny import ask, begin_search, exported, generations_of, tell_scores

StartServer = Callable[..., LiveServer]


def wait_until_open(live: LiveServer, session: search_pb2.Session, generation: int) -> None:
    """Waits until a generation was made; its images need not be there."""
    deadline = time.monotonic() + 2 * CALL_SECONDS
    while True:
        found = live.search.GetSession(search_pb2.GetSessionRequest(name=session.name), timeout=CALL_SECONDS)
        (thread,) = found.threads
        if thread.state == search_pb2.THREAD_STATE_OPEN and thread.current.generation >= generation:
            return
        assert time.monotonic() < deadline, thread
        time.sleep(0.05)


def evolved(live: LiveServer, session: search_pb2.Session) -> list[tuple[bytes, bytes]]:
    return [(each.latents.data, each.scores.data) for each in generations_of(exported(live, session))]


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded is told as Linux tells")
def test_it_has_no_torch(live: LiveServer) -> None:
    session = begin_search(live, {"max_generations": 2})
    tell_scores(live, session, ask(live, session))
    wait_until_open(live, session, 1)
    assert "libtorch" in Path(f"/proc/{live.worker.pid}/maps").read_text("ascii")
    assert "libtorch" not in Path(f"/proc/{live.searches.pid}/maps").read_text("ascii")
    assert live.searches.memory_info().rss < live.worker.memory_info().rss / 2


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process as Linux does")
def test_a_search_goes_on_while_the_worker_of_its_device_is_away(live: LiveServer) -> None:
    session = begin_search(live, {"max_generations": 3}, seed=2)
    trials = ask(live, session)
    worker = live.worker
    worker.suspend()
    live.wait_until(serving=False)
    assert "worker-0: " in live.troubles()
    tell_scores(live, session, trials)
    wait_until_open(live, session, 1)
    assert live.is_serving("searches")
    # It may have been given up meanwhile.
    with suppress(psutil.NoSuchProcess):
        worker.kill()
    # What it draws is drawn once there is a worker again.
    live.wait_until(serving=True)
    assert ask(live, session)


def test_killed_it_is_named_and_comes_back_and_nothing_has_changed(live: LiveServer) -> None:

    def evolve(*, killing: bool) -> list[tuple[bytes, bytes]]:
        session = begin_search(live, {"max_generations": 3}, seed=5)
        while trials := ask(live, session):
            if killing:
                live.searches.kill()
                live.wait_until(serving=False)
                assert "searches: killed by signal 9" in live.troubles()
                assert live.is_serving("worker-0")
            tell_scores(live, session, trials)
        return evolved(live, session)

    quiet = evolve(killing=False)
    assert len(quiet) == 3
    assert evolve(killing=True) == quiet
    live.wait_until(serving=True)
