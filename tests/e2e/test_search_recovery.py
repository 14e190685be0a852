"""Killed servers and workers in the middle of a session: it goes on where an uninterrupted one would be."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import grpc
import pytest

from live_server import LiveServer
from pullback_api.v1 import geometry_pb2, search_pb2
from requests_for_tiny import ask, begin_search, exported, generations_of, search_spec, tell_scores, trials_of

StartServer = Callable[..., LiveServer]
FORMAT = re.compile(rb"pullback-search-\d")
HESSIAN = {"optimizer": {"method": search_pb2.SEARCH_METHOD_HESSIAN_CMA, "population": 6}, "max_generations": 3}


def latents_of(server: LiveServer, session: search_pb2.Session) -> list[bytes]:
    return [each.latents.data for each in generations_of(exported(server, session))]


def evolve(server: LiveServer, session: search_pb2.Session) -> None:
    while trials := ask(server, session):
        tell_scores(server, session, trials)


def state_of(server: LiveServer, session: search_pb2.Session) -> search_pb2.Session:
    return server.search.GetSession(search_pb2.GetSessionRequest(name=session.name), timeout=60)


@pytest.mark.parametrize("victim", ["server", "worker"])
def test_a_session_goes_on_after_a_kill_and_ends_as_if_nothing_had_happened(
    start_server: StartServer, server: LiveServer, victim: str
) -> None:
    # Other tests may have made newer ones on the server that all share.
    named = {"eigenbasis": server.eigenbasis()}
    quiet = begin_search(server, HESSIAN | named, {"max_generations": 3}, seed=2)
    evolve(server, quiet)
    live = start_server()
    session = begin_search(live, HESSIAN | {"eigenbasis": live.eigenbasis()}, {"max_generations": 3}, seed=2)
    tell_scores(live, session, ask(live, session))
    if victim == "worker":
        live.worker.kill()
    else:
        before = state_of(live, session)
        live.kill()
        live.start()
        assert state_of(live, session).trials == before.trials
    evolve(live, session)
    assert latents_of(live, session) == latents_of(server, quiet)


def test_a_session_that_waited_for_its_optimizer_goes_on_without_being_asked(start_server: StartServer) -> None:
    live = start_server()
    session = begin_search(live, {"max_generations": 2})
    trials = ask(live, session)
    # The worker cannot answer before the server is gone.
    live.worker.suspend()
    tell_scores(live, session, trials)
    assert state_of(live, session).threads[0].state == search_pb2.THREAD_STATE_EVOLVING
    live.worker.resume()
    live.kill()
    live.start()
    # Nobody touches it.
    for _ in range(600):
        if state_of(live, session).threads[0].state == search_pb2.THREAD_STATE_OPEN:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the session did not go on")


def rewrite_states(data: Path, old: bytes, new: bytes) -> None:
    """Replaces some bytes of the optimizers' states in the folder of a server that has ended, as long as before."""
    with closing(sqlite3.connect(data / "pullback.sqlite")) as database, database:
        for path in [each for each in (data / "blobs").glob("??/*") if old in each.read_bytes()]:
            content = path.read_bytes().replace(old, new)
            digest = hashlib.sha256(content).hexdigest()
            (data / "blobs" / digest[:2]).mkdir(exist_ok=True)
            (data / "blobs" / digest[:2] / digest).write_bytes(content)
            database.execute("UPDATE session_files SET digest = ? WHERE digest = ?", (digest, path.name))
            select = "SELECT payload, session, sequence FROM session_events WHERE kind = 'GenerationOpened'"
            for payload, *key in database.execute(select).fetchall():
                changed = payload.replace(path.name.encode(), digest.encode())
                update = "UPDATE session_events SET payload = ? WHERE session = ? AND sequence = ?"
                database.execute(update, (changed, *key))


def test_after_an_upgrade_that_cannot_read_its_state_a_session_goes_on_with_the_version_before(
    start_server: StartServer, server: LiveServer
) -> None:
    quiet = begin_search(server, {"max_generations": 3}, seed=2)
    evolve(server, quiet)
    live = start_server()
    session = begin_search(live, {"max_generations": 3}, seed=2)
    trials = ask(live, session)
    live.terminate()
    (ours,) = {found for path in live.data.glob("blobs/??/*") for found in FORMAT.findall(path.read_bytes())}
    other = b"pullback-search-0"
    # To the server that starts now, the state is what an upgraded one would find.
    rewrite_states(live.data, ours, other)
    live.start()
    assert tell_scores(live, session, trials).recorded == len(trials)
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as caught:
            ask(live, session)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        for words in (other.decode(), ours.decode(), "the version that wrote it", "initial_latents"):
            assert words in caught.value.details()
    thread = state_of(live, session).threads[0]
    assert (thread.state, thread.error.message) == (search_pb2.THREAD_STATE_FAILED, caught.value.details())
    assert tell_scores(live, session, trials).repeated_reports == len(trials)
    live.terminate()
    rewrite_states(live.data, other, ours)
    live.start()
    evolve(live, session)
    assert latents_of(live, session) == latents_of(server, quiet)


def test_leases_outlive_the_server(start_server: StartServer) -> None:
    live = start_server()
    session = begin_search(live)
    request = search_pb2.AskRequest(session=session.name, request_id="one", count=2, wait={"seconds": 3})
    first = live.search.Ask(request, timeout=60)
    while not first.trials:
        first = live.search.Ask(request, timeout=60)
    live.kill()
    live.start()
    assert [trial.trial_id for trial in live.search.Ask(request, timeout=60).trials] == [
        trial.trial_id for trial in first.trials
    ]
    others = ask(live, session)
    assert {trial.image_id for trial in others}.isdisjoint(trial.image_id for trial in first.trials)


def test_an_orderly_stop_loses_nothing_either(start_server: StartServer) -> None:
    live = start_server()
    session = begin_search(live, {"max_generations": 2}, {"max_generations": 2})
    trials = ask(live, session, count=4)
    tell_scores(live, session, trials)
    kept = trials_of(exported(live, session))
    assert live.terminate() == 0
    live.start()
    assert trials_of(exported(live, session)) == kept
    tell_scores(live, session, [])
    remaining = ask(live, session)
    tell_scores(live, session, remaining)
    assert state_of(live, session).trials == len(trials) + len(remaining)


def test_a_watch_that_was_cut_off_is_taken_up_where_it_ended(start_server: StartServer) -> None:
    live = start_server()
    session = begin_search(live)
    trials = ask(live, session)
    watch = live.search.WatchSession(search_pb2.WatchSessionRequest(name=session.name), timeout=60)
    seen = []
    for event in watch:
        seen.append(event.sequence)
        if event.HasField("asked"):
            break
    live.kill()
    live.start()
    tell_scores(live, session, trials)
    live.search.CloseSession(search_pb2.CloseSessionRequest(name=session.name), timeout=60)
    request = search_pb2.WatchSessionRequest(name=session.name, after_sequence=max(seen))
    rest = [event for event in live.search.WatchSession(request, timeout=60) if event.sequence]
    assert rest[0].sequence > max(seen)
    assert rest[0].WhichOneof("event") == "told"


def test_an_eigenbasis_that_is_deleted_is_kept_for_the_session(start_server: StartServer) -> None:
    live = start_server()
    basis = live.eigenbasis()
    live.worker.suspend()
    session = begin_search(live, HESSIAN)
    live.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=basis), timeout=60)
    live.worker.resume()
    live.kill()
    live.start()
    assert len(ask(live, session)) == 6
    with pytest.raises(grpc.RpcError) as caught:
        live.search.CreateSession(search_pb2.CreateSessionRequest(spec=search_spec(HESSIAN)), timeout=60)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "ComputeEigenbasis" in caught.value.details()


def test_states_of_optimizers_do_not_pile_up(start_server: StartServer) -> None:
    live = start_server()
    session = begin_search(live, {"max_generations": 8})
    counts = []
    while trials := ask(live, session):
        tell_scores(live, session, trials)
        counts.append(len([path for path in (live.data / "blobs").glob("??/*") if path.is_file()]))
    # Each generation leaves its latents; of the optimizer's states the last two are kept.
    assert counts[-1] <= 8 + 2
    live.terminate()
    live.start()
    assert len(latents_of(live, session)) == 8


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux'")
def test_a_full_disk_refuses_a_tell_and_loses_nothing(start_server: StartServer) -> None:
    import resource

    live = start_server()
    session = begin_search(live)
    trials = ask(live, session)
    tell_scores(live, session, trials[:2])
    before = state_of(live, session)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(live.process.pid, resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))
    with pytest.raises(grpc.RpcError) as caught:
        tell_scores(live, session, trials[2:])
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "no room to write" in caught.value.details()
    assert state_of(live, session) == before
    resource.prlimit(live.process.pid, resource.RLIMIT_FSIZE, unlimited)
    assert tell_scores(live, session, trials[2:]).recorded == 4
    assert len(ask(live, session)) == 6
