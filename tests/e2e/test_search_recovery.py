"""Killed servers and workers in the middle of a session: it goes on where an uninterrupted one would be."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import subprocess
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
HESSIAN = {
    "optimizer": {"method": search_pb2.SEARCH_METHOD_HESSIAN_CMA, "population": 6},
    "max_generations": 3,
    "planned_generations": 2,
}


def latents_of(server: LiveServer, session: search_pb2.Session) -> list[bytes]:
    return [each.latents.data for each in generations_of(exported(server, session))]


def evolve(server: LiveServer, session: search_pb2.Session) -> None:
    while trials := ask(server, session):
        tell_scores(server, session, trials)


def state_of(server: LiveServer, session: search_pb2.Session) -> search_pb2.Session:
    return server.search.GetSession(search_pb2.GetSessionRequest(name=session.name), timeout=60)


@pytest.mark.parametrize("victim", ["server", "worker"])
def test_a_session_goes_on_after_a_kill_and_ends_as_if_nothing_had_happened(
    live: LiveServer, server: LiveServer, victim: str
) -> None:
    # Other tests may have made newer ones on the server that all share.
    named = {"eigenbasis": server.eigenbasis()}
    quiet = begin_search(server, HESSIAN | named, {"max_generations": 3}, seed=2)
    evolve(server, quiet)
    session = begin_search(live, HESSIAN | {"eigenbasis": live.eigenbasis()}, {"max_generations": 3}, seed=2)
    tell_scores(live, session, ask(live, session))
    if victim == "worker":
        for process in live.workers:
            process.kill()
    else:
        before = state_of(live, session)
        live.kill()
        live.start()
        assert state_of(live, session).trials == before.trials
    evolve(live, session)
    assert latents_of(live, session) == latents_of(server, quiet)


def test_a_session_that_waited_for_its_optimizer_goes_on_without_being_asked(live: LiveServer) -> None:
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
    live: LiveServer, server: LiveServer
) -> None:
    quiet = begin_search(server, {"max_generations": 3}, seed=2)
    evolve(server, quiet)
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


def test_leases_outlive_the_server(live: LiveServer) -> None:
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


RIG = """
import os, sys
from pullback_client import Client
client = Client(sys.argv[1])
batch = client.get_session(sys.argv[2]).next_batch()
print(*(trial.image_id for trial in batch), flush=True)
os._exit(1)
"""


@pytest.mark.parametrize("restart", [False, True])
def test_a_script_that_crashed_and_is_run_again_goes_on_at_once_with_what_it_had_and_with_nobody_elses(
    live: LiveServer, tmp_path: Path, restart: bool
) -> None:
    session = begin_search(live)
    request = search_pb2.AskRequest(session=session.name, count=2, wait={"seconds": 3}, client="another rig")
    while not (others := live.search.Ask(request, timeout=60).trials):
        pass
    script = tmp_path / "run.py"
    script.write_text(RIG)

    def run() -> list[str]:
        command = [sys.executable, str(script), live.target, session.name.removeprefix("sessions/")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1, done.stderr
        return done.stdout.split()

    shown = run()
    assert len(shown) == 4
    if restart:
        live.kill()
        live.start()
    # The lease is of ten minutes, far more than the run may take.
    again = run()
    assert sorted(again) == sorted(shown)
    pending = {each.client: each.trials for each in state_of(live, session).pending}
    assert pending.pop("another rig") == len(others)
    (name,) = pending
    assert pending[name] == 4
    # What the dead script had is told late, but in time for its generation: it counts.
    taken = live.search.ReclaimTrials(
        search_pb2.ReclaimTrialsRequest(session=session.name, request_id="one", client=name), timeout=60
    )
    assert len(taken.trial_ids) == 4
    if restart:
        live.kill()
        live.start()
    repeated = live.search.ReclaimTrials(
        search_pb2.ReclaimTrialsRequest(session=session.name, request_id="one", client=name), timeout=60
    )
    assert repeated.trial_ids == taken.trial_ids
    records = {trial.report.trial_id: trial for trial in trials_of(exported(live, session))}
    assert {records[each].client for each in taken.trial_ids} == {name}
    reports = [search_pb2.TrialReport(trial_id=each, score=1.0) for each in taken.trial_ids]
    told = live.search.Tell(search_pb2.TellRequest(session=session.name, trials=reports), timeout=60)
    assert (told.recorded, told.late) == (4, 0)


@pytest.mark.parametrize(("client", "everybody"), [("", False), ("rig", True), ("x" * 201, False)])
def test_it_has_to_be_said_whose_trials_are_taken_back(server: LiveServer, client: str, everybody: bool) -> None:
    session = begin_search(server)
    request = search_pb2.ReclaimTrialsRequest(session=session.name, client=client, all_clients=everybody)
    with pytest.raises(grpc.RpcError) as caught:
        server.search.ReclaimTrials(request, timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_threads_in_step_end_where_they_would_have_without_a_restart(live: LiveServer, server: LiveServer) -> None:
    def begin(at: LiveServer) -> search_pb2.Session:
        spec = search_spec({"max_generations": 3}, {"max_generations": 3}, seed=4)
        spec.balance = search_pb2.BALANCE_BLOCK
        created: search_pb2.Session = at.search.CreateSession(search_pb2.CreateSessionRequest(spec=spec), timeout=60)
        return created

    def block(at: LiveServer, session: search_pb2.Session, number: int) -> bool:
        trials = ask(at, session)
        counts = [sum(trial.thread == thread for trial in trials) for thread in range(2)]
        assert abs(counts[0] - counts[1]) <= 1
        reports = [
            search_pb2.TrialReport(trial_id=trial.trial_id, outcome=search_pb2.OUTCOME_FAILED)
            if (place + number) % 7 == 0
            else search_pb2.TrialReport(trial_id=trial.trial_id, score=float(place))
            for place, trial in enumerate(trials)
        ]
        at.search.Tell(search_pb2.TellRequest(session=session.name, trials=reports), timeout=60)
        return bool(trials)

    quiet = begin(server)
    blocks = 0
    while block(server, quiet, blocks):
        blocks += 1
    session = begin(live)
    for number in range(blocks):
        assert block(live, session, number)
        if number == blocks // 2:
            live.kill()
            live.start()
    assert latents_of(live, session) == latents_of(server, quiet)


def test_an_orderly_stop_loses_nothing_either(live: LiveServer) -> None:
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


def test_a_watch_that_was_cut_off_is_taken_up_where_it_ended(live: LiveServer) -> None:
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


def test_an_eigenbasis_that_is_deleted_is_kept_for_the_session(live: LiveServer) -> None:
    basis = live.eigenbasis()
    workers = live.workers
    for process in workers:
        process.suspend()
    session = begin_search(live, HESSIAN)
    live.geometry.DeleteEigenbasis(geometry_pb2.DeleteEigenbasisRequest(name=basis), timeout=60)
    for process in workers:
        process.resume()
    live.kill()
    live.start()
    assert len(ask(live, session)) == 6
    # The next one waits until one is computed.
    other = live.search.CreateSession(search_pb2.CreateSessionRequest(spec=search_spec(HESSIAN)), timeout=60)
    assert other.threads[0].waiting_for


def test_states_of_optimizers_do_not_pile_up(live: LiveServer) -> None:
    session = begin_search(live, {"max_generations": 8})
    counts, before = [], len(list((live.data / "blobs").glob("??/*")))
    while trials := ask(live, session):
        tell_scores(live, session, trials)
        counts.append(len(list((live.data / "blobs").glob("??/*"))) - before)
    # Each generation leaves its latents; of the optimizer's states the last two are kept.
    assert counts[-1] <= 8 + 2
    live.terminate()
    live.start()
    assert len(latents_of(live, session)) == 8


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux'")
def test_a_full_disk_refuses_a_tell_and_loses_nothing(live: LiveServer) -> None:
    import resource

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


def test_scores_told_by_a_client_that_vanished_are_there(live: LiveServer) -> None:
    session = begin_search(live)
    trials = ask(live, session)
    tell_scores(live, session, trials[:3])
    live.kill()
    live.start()
    kept = [record for record in trials_of(exported(live, session)) if record.HasField("score")]
    assert {record.report.trial_id for record in kept} == {trial.trial_id for trial in trials[:3]}
