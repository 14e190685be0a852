"""Sessions through the client, against the server in this process, over a real socket."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

import pullback_client
from in_process import POPULATION, Failure, InProcessServer
from pullback_api.v1 import search_pb2, values_pb2
from pullback_client import (
    Client,
    EvolutionSession,
    GenerationSummary,
    SessionState,
    SessionStatus,
    ThreadState,
    TrialResult,
)
from pullback_client.search.results import Outcome
from pullback_client.wire.option_types import MissingPolicy


def red(image: Image.Image) -> float:
    """A score: the red of the image."""
    pixel = image.convert("RGB").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return float(pixel[0])


# Beginning


def test_the_options_of_a_session_reach_the_server(client: Client, server: InProcessServer) -> None:
    # A class that a generator does not have is the server's to refuse.
    with pytest.raises(pullback_client.InvalidArgumentError, match="no class of space 'z'"):
        client.evolve(
            "faces",
            optimizer="sphere_cma",
            space="z",
            population=10,
            radius=3,
            first_angle=50,
            last_angle=7.5,
            decay_generations=75,
            learning_rate=1.5,
            parents=5,
            minimize=True,
            max_norm=4,
            stay="prior",
            class_label="brown",
            initial_latents=np.ones((2, 5)),
            max_generations=7,
            planned_generations=6,
            channel_weights=[1, -1],
            references={"grey": np.zeros((16, 16), np.uint8)},
            references_per_generation=0,
            repetitions=2,
            aggregation="median",
            missing="carry_over",
            max_shows=4,
            min_scored=0.25,
            size=(256, 128),
            greyscale=True,
            luminance=0.5,
            contrast=0.125,
            image_format="jpeg",
            seed=9,
            lease=30,
            dry_run={"noise": 0.5, "failing": 0.25},
            title="monkeys",
            notes={"rig": "2"},
        )
    (request,) = server.called("CreateSession")
    spec = request.spec
    reference = spec.references.pop()
    assert reference.label == "grey"
    assert reference.image.data.startswith(b"\x89PNG")
    latents = spec.threads[0].initial_latents
    assert list(latents.shape) == [2, 5]
    assert latents.dtype == values_pb2.DATA_TYPE_FLOAT32
    spec.threads[0].ClearField("initial_latents")
    expected = search_pb2.SessionSpec(
        title="monkeys",
        threads=[
            search_pb2.ThreadSpec(
                generator="generators/faces",
                space="z",
                optimizer=search_pb2.SearchOptions(
                    method=search_pb2.SEARCH_METHOD_SPHERE_CMA,
                    population=10,
                    radius=3,
                    first_angle=50,
                    last_angle=7.5,
                    decay_generations=75,
                    learning_rate=1.5,
                    parents=5,
                ),
                minimize=True,
                constraint=search_pb2.SearchConstraint(max_norm=4, stay="prior"),
                class_label="brown",
                max_generations=7,
                planned_generations=6,
                channel_weights=[1, -1],
            )
        ],
        references_per_generation=0,
        scores=search_pb2.ScoreOptions(
            repetitions=2,
            aggregation=search_pb2.AGGREGATION_MEDIAN,
            missing=search_pb2.MISSING_POLICY_CARRY_OVER,
            max_shows=4,
            min_scored=0.25,
        ),
        images=search_pb2.ImageOptions(
            width=256,
            height=128,
            greyscale=True,
            mean_luminance=0.5,
            contrast=0.125,
            format=values_pb2.IMAGE_FORMAT_JPEG,
        ),
        seed=9,
        dry_run=search_pb2.DryRun(noise=0.5, failing=0.25),
        notes={"rig": "2"},
    )
    expected.lease.FromSeconds(30)
    assert spec == expected


def test_threads_share_what_they_do_not_say_themselves(client: Client, server: InProcessServer) -> None:
    client.evolve(
        "faces", sigma=2, optimizer="cma", population=POPULATION, threads=[{}, {"generator": "eyes", "sigma": 3}]
    )
    threads = server.called("CreateSession")[0].spec.threads
    assert [(t.generator, t.optimizer.sigma) for t in threads] == [("generators/faces", 2), ("generators/eyes", 3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "guess"}, "unknown optimizer 'guess'; known: cma, hessian_cma"),
        ({"population": 0}, "population must be a whole number from 2 to 1000, got 0"),
        ({"missing": "cry"}, "unknown missing 'cry'; known: show_again, carry_over, drop"),
        ({"min_scored": 0}, "min_scored must be a number above 0"),
        ({"size": (64,)}, "size must be two numbers"),
        ({"size": (64, 0)}, "height must be a whole number from 8 to 4096, got 0"),
        ({"threads": []}, "threads is empty"),
        ({"dry_run": {"loud": 1}}, "unknown of dry_run: loud; known: noise, failing"),
        ({"references": {"a": "nowhere.png"}}, "no such file: nowhere.png"),
        ({"notes": {"subject": 7}}, "notes: 'subject' must be a text, got 7"),
        ({"notes": {"a": None}}, "notes: 'a' must be a text, got None"),
        ({"notes": {7: "a"}}, "a key of notes must be a text, got 7"),
        ({"notes": "M1"}, "notes must be a dict, got 'M1'"),
        ({"references": ["a.png"]}, r"references must be a dict, got \['a.png'\]"),
        ({"title": 7}, "title must be a text, got 7"),
        ({"space": 1}, "space must be a text, got 1"),
        ({"class_label": 207}, "class_label must be a text, got 207"),
        ({"eigenbasis": 3}, "eigenbasis must be a text, got 3"),
        ({"optimizer": ["cma"]}, r"unknown optimizer \['cma'\]; known: cma, hessian_cma"),
        ({"channel_weights": 2}, "channel_weights must be a list of numbers, one per channel, got 2"),
        ({"channel_weights": np.array(2.0)}, "channel_weights must be a list of numbers"),
        ({"channel_weights": "12"}, "channel_weights must be a list of numbers, one per channel, got '12'"),
        ({"channel_weights": [1, "2"]}, r"channel_weights\[1\] must be a number, got '2'"),
        ({"channel_weights": np.ones((2, 2))}, r"channel_weights\[0\] must be a number, got array"),
        ({"negative_weights": "no"}, "negative_weights must be True or False, got 'no'"),
        ({"adapt_covariance": 1}, "adapt_covariance must be True or False, got 1"),
        ({"minimize": "yes"}, "minimize must be True or False, got 'yes'"),
        ({"greyscale": "yes"}, "greyscale must be True or False, got 'yes'"),
        ({"sigma": "1"}, "sigma must be a number, got '1'"),
        ({"sigma": 0}, "sigma must be a number above 0, got 0; leave it out for the default"),
        ({"luminance": 1.5}, "luminance must be a number from 0 to 1, got 1.5"),
        ({"max_generations": 0}, "max_generations must be a whole number from 1 to 100000, got 0"),
        ({"sigma": True}, "sigma must be a number, got True"),
        ({"sigma": np.ones(1)}, r"sigma must be a number, got array\(\[1.\]\)"),
        ({"max_norm": "1"}, "max_norm must be a number, got '1'"),
        ({"luminance": "1"}, "luminance must be a number, got '1'"),
        ({"min_scored": "1"}, "min_scored must be a number, got '1'"),
        ({"lease": "1"}, "lease must be a number, got '1'"),
        ({"lease": float("inf")}, "lease must be from 1 to 86400 seconds, got inf"),
        ({"population": True}, "population must be a whole number from 2 to 1000, got True"),
        ({"seed": "1"}, "seed must be a whole number from 0 to 2147483647, got '1'"),
        ({"size": 64}, r"size must be two numbers, \(width, height\), got 64"),
        ({"initial_latents": "none"}, r"initial_latents must be numbers, shape \(n, dim\), got 'none'"),
        ({"dry_run": 1}, "dry_run must be True or False, got 1"),
        ({"dry_run": {"noise": "1"}}, "dry_run: noise must be a number, got '1'"),
        ({"threads": 2}, "threads must be a list of options, one entry per evolution, got 2"),
        ({"threads": ["cma"]}, r"threads\[0\] must be a dict of options, got 'cma'"),
        ({"threads": [{"generator": 7}]}, "generator must be a text, got 7"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is(
    client: Client, server: InProcessServer, options: dict[str, object], message: str
) -> None:
    with pytest.raises(pullback_client.InvalidArgumentError, match=message):
        client.evolve("faces", **options)  # type: ignore[arg-type]
    assert server.calls == []


def test_numpys_numbers_and_arrays_are_options_as_pythons_are(client: Client, server: InProcessServer) -> None:
    client.evolve(
        "faces",
        optimizer="cma",
        population=np.int64(10),  # type: ignore[arg-type]
        sigma=np.float32(0.5),  # type: ignore[arg-type]
        channel_weights=np.array([1.0, 2.0]),
        size=np.array([64, 32]),  # type: ignore[arg-type]
        dry_run=np.True_,  # type: ignore[arg-type]
        lease=np.int32(30),  # type: ignore[arg-type]
    )
    spec = server.called("CreateSession")[0].spec
    (thread,) = spec.threads
    assert (thread.optimizer.population, thread.optimizer.sigma) == (10, 0.5)
    assert list(thread.channel_weights) == [1, 2]
    assert (spec.images.width, spec.images.height, spec.lease.seconds) == (64, 32, 30)
    assert spec.HasField("dry_run")
    client.evolve(
        "faces", optimizer="hessian_cma", exponent=np.array(1.0), adapt_covariance=np.True_, negative_weights=np.True_
    )  # type: ignore[arg-type]
    options = server.called("CreateSession")[-1].spec.threads[0].optimizer
    assert (options.exponent, options.negative_weights) == (1, True)


def test_how_far_one_may_go_is_a_word_or_a_distance(client: Client, server: InProcessServer) -> None:
    for stay, sent in ((12, "12.0"), (np.float64(0.1), "0.1"), ("prior", "prior"), (None, "")):
        client.evolve("faces", optimizer="cma", stay=stay)
        assert server.called("CreateSession")[-1].spec.threads[0].constraint.stay == sent


def test_an_option_that_does_not_exist_is_a_type_error(client: Client) -> None:
    with pytest.raises(TypeError, match="unknown options sigmas"):
        client.evolve("faces", sigmas=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unknown options of a thread seed"):
        client.evolve("faces", threads=[{"seed": 3}])  # type: ignore[typeddict-unknown-key]


def test_hessian_cma_gets_the_eigenbasis_that_it_needs_once(client: Client, server: InProcessServer) -> None:
    client.evolve("faces")
    client.evolve("faces", space="z")
    assert len(server.computed_eigenbases()) == 1
    client.evolve("faces", optimizer="cma", population=POPULATION)
    assert len(server.computed_eigenbases()) == 1
    mine = client.compute_eigenbasis("faces", samples=64).name
    named = client.evolve("faces", eigenbasis=mine).name
    assert server.sessions[named].spec.threads[0].eigenbasis == mine


def test_sessions_are_listed_by_state_and_attached_to_by_id(client: Client, session: EvolutionSession) -> None:
    client.evolve("eyes", optimizer="random", population=POPULATION).close()
    assert [status.name for status in client.list_sessions()] == ["sessions/2", "sessions/1"]
    assert [status.generators for status in client.list_sessions(["active"])] == [("faces",)]
    assert client.get_session("1").name == session.name
    with pytest.raises(pullback_client.InvalidArgumentError, match="known: active, paused, closed"):
        client.list_sessions(["running"])
    with pytest.raises(pullback_client.NotFoundError):
        client.get_session("7")


# Asking


def test_a_session_is_a_loop_over_batches(client: Client) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=3)
    seen = []
    for batch in session:
        seen += [trial.image_id for trial in batch]
        session.tell(batch, [red(image) for image in batch.images])
    assert len(seen) == len(set(seen)) == 3 * POPULATION
    status = session.status()
    assert status.finished
    assert status.trials == 3 * POPULATION
    assert [thread.state for thread in status.threads] == [ThreadState.FINISHED]


def test_a_trial_says_what_it_is(client: Client) -> None:
    session = client.evolve(
        "faces", optimizer="cma", population=POPULATION, references={"grey": np.zeros((16, 16), np.uint8)}
    )
    batch = session.ask()
    (reference,) = [trial for trial in batch if trial.reference]
    assert reference.image_id == "reference_grey"
    assert reference.image.size == (16, 16)
    others = [trial for trial in batch if not trial.reference]
    assert {trial.image_id for trial in others} == {f"thread000_gen000_{n:06d}" for n in range(POPULATION)}
    assert {(trial.thread, trial.generation, trial.repetition) for trial in others} == {(0, 0, 0)}
    assert others[0].lease.year > 2000


def test_images_are_fetched_when_they_are_looked_at(session: EvolutionSession, server: InProcessServer) -> None:
    batch = session.ask()
    assert server.called("GetSessionImage") == []
    image = batch[0].image
    assert batch[0].image is image
    assert len(server.called("GetSessionImage")) == 1


def test_images_come_as_they_are_finished(client: Client, server: InProcessServer) -> None:
    server.bench.drawing = 0.1
    session = client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=1)
    sizes = []
    for batch in session.batches(images=True):
        sizes.append((len(batch), batch.more))
        session.tell(batch, [1.0] * len(batch))
    assert sum(size for size, _ in sizes) == POPULATION
    assert len(sizes) > 1
    assert [more for _, more in sizes] == [True] * (len(sizes) - 1) + [False]
    assert server.called("GetSessionImage") == []


def test_a_stream_gives_single_trials(client: Client) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=1)
    outcomes = [session.tell(trial, red(trial.image)) for trial in session.stream()]
    assert [outcome.recorded for outcome in outcomes] == [1] * POPULATION


def test_batches_are_saved_as_files_that_have_the_images_names(session: EvolutionSession, tmp_path: Path) -> None:
    batch = session.ask()
    paths = batch.save(tmp_path / "block")
    assert [path.name for path in paths] == [f"{trial.image_id}.png" for trial in batch]
    with Image.open(paths[0]) as image:
        assert image.size == (16, 16)


def test_the_same_request_gives_the_same_trials(session: EvolutionSession) -> None:
    first = session.ask(2, request_id="block 1")
    again = session.ask(2, request_id="block 1")
    other = session.ask(2)
    assert [trial.id for trial in first] == [trial.id for trial in again]
    assert not {trial.id for trial in first} & {trial.id for trial in other}


def test_an_empty_answer_says_when_to_ask_again(session: EvolutionSession) -> None:
    session.ask()
    empty = session.ask()
    assert len(empty) == 0
    assert empty.retry_after == pytest.approx(0.5)
    assert not empty.finished


def test_several_threads_are_shown_together(client: Client, server: InProcessServer) -> None:
    server.bench.thinking = 0.1
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {}])
    for batch in itertools.islice(session, 3):
        assert {trial.thread for trial in batch} == {0, 1}
        session.tell(batch, [1.0] * len(batch))
    batch = session.next_batch(threads=[1]) or pytest.fail("nothing to show")
    assert {trial.thread for trial in batch} == {1}


def test_a_paused_session_is_waited_for(client: Client, server: InProcessServer) -> None:
    name = client.evolve("faces", optimizer="cma", population=POPULATION).name
    with Client(server.target) as other:
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            other.get_session(name).resume()

        session = EvolutionSession(client._transport, server.sessions[name], sleep=wait)
        assert session.pause().state is SessionState.PAUSED
        with pytest.raises(pullback_client.FailedPreconditionError):
            session.ask()
        assert session.next_batch() is not None
    assert len(waits) == 1


def test_why_the_server_has_paused_a_session_is_said_once(session: EvolutionSession, server: InProcessServer) -> None:
    session.pause()

    def give_reason(answer: search_pb2.Session) -> None:
        answer.pause_reason = "shown again 25 times"

    server.changes["GetSession"] = give_reason
    said: list[str] = []
    paused = itertools.count()

    def resume(status: SessionStatus) -> None:
        if next(paused) == 1:
            del server.changes["GetSession"]
            session.resume()

    session._sleep = lambda seconds: None
    assert session.next_batch(while_paused=resume, while_leased=said.append)
    assert said == ["sessions/1 was paused: shown again 25 times"]


def test_a_closed_session_has_no_batches(session: EvolutionSession) -> None:
    session.close()
    assert list(session) == []
    assert session.close().state is SessionState.CLOSED


def test_a_session_that_is_closed_while_a_generation_is_made_has_no_batches(
    client: Client, server: InProcessServer
) -> None:
    server.bench.thinking = 1000.0
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {}])
    batches = iter(session)
    batch = next(batches)
    session.tell(batch, [1.0] * len(batch))
    session.close()
    assert list(batches) == []


def test_threads_that_have_ended_have_no_batches_while_others_go_on(client: Client) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{"max_generations": 1}, {}])
    for batch in session.batches(threads=[0]):
        session.tell(batch, [1.0] * len(batch))
    assert [thread.state for thread in session.status().threads] == [ThreadState.FINISHED, ThreadState.OPEN]


def test_a_failed_thread_ends_its_loop_with_its_error(session: EvolutionSession, server: InProcessServer) -> None:
    message = "thread 0 of sessions/1 cannot go on: its state is damaged"
    batches = iter(session)
    batch = next(batches)
    server.lose(0)
    session.tell(batch, [1.0] * len(batch))
    with pytest.raises(pullback_client.InternalError, match=message) as raised:
        next(batches)
    assert raised.value.code == grpc.StatusCode.DATA_LOSS
    for attempt in (session.next_batch, lambda: list(session.stream()), lambda: session.run(red)):
        with pytest.raises(pullback_client.InternalError, match=message):
            attempt()
    assert session.next_batch(raise_failed=False) is None
    session.close()
    with pytest.raises(pullback_client.InternalError, match=message):
        session.next_batch()


def test_a_failed_thread_does_not_stop_those_that_go_on(client: Client, server: InProcessServer) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {"max_generations": 3}])
    server.lose(0, grpc.StatusCode.RESOURCE_EXHAUSTED)
    first = session.ask(threads=[0])
    session.tell(first, [1.0] * len(first))
    shown = []

    def show() -> None:
        for batch in session:
            shown.append({trial.thread for trial in batch})
            session.tell(batch, [1.0] * len(batch))

    with pytest.raises(pullback_client.ResourceExhaustedError, match="thread 0 of sessions/1 cannot go on"):
        show()
    assert shown == [{1}] * 3
    # Who asks for the other thread alone has all that there was.
    assert session.next_batch(threads=[1]) is None


def test_a_run_goes_on_with_the_other_threads_of_one_that_failed(client: Client, server: InProcessServer) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{}, {}])
    session.run(red, generations=1)
    server.lose(0)
    with pytest.raises(pullback_client.InternalError, match="thread 0 of sessions/1 cannot go on"):
        session.run(red, generations=3)
    assert [thread.generations for thread in session.status().threads] == [2, 3]
    # Of what was asked for here, nothing is missing.
    assert session.run(red, generations=1).threads[0].state is ThreadState.FAILED


def test_threads_that_a_server_of_this_version_refuses_are_an_error_and_not_asked_for_ever(
    session: EvolutionSession, server: InProcessServer
) -> None:
    server.lose(0, grpc.StatusCode.FAILED_PRECONDITION)
    batch = session.ask()
    session.tell(batch, [1.0] * len(batch))
    deadline = time.monotonic() + 60
    while session.status().threads[0].state is not ThreadState.FAILED:
        assert time.monotonic() < deadline
    server.calls.clear()
    server.failures["Ask"] = Failure(grpc.StatusCode.FAILED_PRECONDITION, "another version's", times=1000)
    with pytest.raises(pullback_client.FailedPreconditionError, match="thread 0 of sessions/1 cannot go on"):
        session.next_batch()
    assert len(server.called("Ask")) == 1


# Waiting for leases


@pytest.fixture
def unwaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks that the server answers at once: a clock of the test's own says how long was waited."""
    monkeypatch.setattr("pullback_client.search.exchange._WAIT", 0.0)


class Clock:
    """A clock that only waiting moves; after so many seconds, something happens."""

    def __init__(self, happens: Callable[[], object], seconds: float) -> None:
        self.now = 0.0
        self.happens = happens
        self.seconds = seconds

    def sleep(self, seconds: float) -> None:
        assert seconds <= 1
        # As if the server had waited too, as it does.
        self.now += 0.5
        if self.now >= self.seconds:
            self.happens()


def attached(client: Client, server: InProcessServer, session: EvolutionSession, clock: Clock) -> EvolutionSession:
    """The session in a program that was started again."""
    return EvolutionSession(
        client._transport, server.sessions[session.name], sleep=clock.sleep, clock=lambda: clock.now
    )


@pytest.mark.usefixtures("unwaited")
def test_it_is_said_once_why_there_is_nothing_to_show(
    client: Client, server: InProcessServer, session: EvolutionSession
) -> None:
    batch = session.ask()
    session.tell(batch, {batch[0].id: 1.0, batch[1].id: 1.0})
    (pending,) = session.status().pending
    assert (pending.client, pending.trials) == (session.client_name, 2)
    assert pending.lease == pytest.approx(batch[0].lease, abs=timedelta(seconds=1))
    until = pending.lease.astimezone()
    again = attached(client, server, session, Clock(session.end_generation, 30.0))
    with pytest.warns(UserWarning, match="sessions/1 has nothing to show") as warned:
        assert again.next_batch() is not None
    (warning,) = warned
    text = str(warning.message)
    assert "the trials of 2 images of thread 0 were asked for and not told by" in text
    assert f"{session.client_name} (2)" in text
    assert "EvolutionSession.reclaim(client=…)" in text
    assert f"at {until:%Y-%m-%d %H:%M:%S} at the latest" in text
    assert "telling them, or EvolutionSession.end_generation(0), ends the wait" in text


@pytest.mark.usefixtures("unwaited")
def test_those_who_ask_may_say_it_themselves(
    client: Client, server: InProcessServer, session: EvolutionSession
) -> None:
    lines: list[str] = []
    session.ask()
    again = attached(client, server, session, Clock(session.end_generation, 6.0))
    session.tell([TrialResult("trial000000", score=1), TrialResult("trial000001", score=1)])
    assert again.next_batch(while_leased=lines.append) is not None
    assert len(lines) == 1


@pytest.mark.usefixtures("unwaited")
def test_a_short_wait_is_nothing_to_speak_of(
    client: Client, server: InProcessServer, session: EvolutionSession
) -> None:
    batch = session.ask()
    session.tell(batch, {batch[0].id: 1.0, batch[1].id: 1.0})
    assert attached(client, server, session, Clock(session.end_generation, 4.5)).next_batch() is not None


@pytest.mark.usefixtures("unwaited")
def test_a_generation_that_comes_while_it_is_looked_what_is_waited_for_is_shown_without_a_word(
    client: Client, server: InProcessServer, session: EvolutionSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = session.ask()
    session.tell(batch, {batch[0].id: 1.0, batch[1].id: 1.0})
    again = attached(client, server, session, Clock(session.end_generation, 1e9))
    status = EvolutionSession.status

    def late(asked: EvolutionSession) -> pullback_client.SessionStatus:
        monkeypatch.setattr(EvolutionSession, "status", status)
        session.end_generation()
        until = time.monotonic() + 60
        while status(session).threads[0].current.generation == 0:
            assert time.monotonic() < until
            time.sleep(0.01)
        return status(asked)

    monkeypatch.setattr(EvolutionSession, "status", late)
    following = again.next_batch()
    assert following is not None
    assert {trial.id for trial in following}.isdisjoint(trial.id for trial in batch)


@pytest.mark.usefixtures("unwaited")
def test_a_generation_that_is_made_is_waited_for_without_a_word(client: Client, server: InProcessServer) -> None:
    server.bench.thinking = 1000.0
    session = client.evolve("faces", optimizer="cma", population=POPULATION)
    batch = session.ask()
    session.tell(batch, [1.0] * len(batch))
    # Longer than after which it is said why there is nothing to show, where nothing is being made.
    clock = Clock(lambda: setattr(server.bench, "thinking", 0.0), 20.0)
    assert attached(client, server, session, clock).next_batch() is not None
    assert clock.now >= 20


def test_counts_below_one_are_refused(session: EvolutionSession) -> None:
    with pytest.raises(pullback_client.InvalidArgumentError, match="count must be from 1 to 1000, got 0"):
        session.ask(0)


# Telling


def told(server: InProcessServer) -> dict[str, search_pb2.TrialReport]:
    return server.told()


@pytest.mark.parametrize("kind", ["list", "array", "dict by trial", "dict by image"])
def test_scores_come_in_every_form(session: EvolutionSession, server: InProcessServer, kind: str) -> None:
    batch = session.ask()
    values = [1.0, 2.0, float("nan"), 4.0]
    ids = [trial.id if kind == "dict by trial" else trial.image_id for trial in batch]
    forms = {"list": [1, 2.0, None, np.float32(4)], "array": np.array(values)}
    outcome = session.tell(batch, forms.get(kind, dict(zip(ids, values, strict=True))))
    assert outcome.recorded == 4
    assert outcome.threads[0].current.scored == 3
    reports = [told(server)[trial.id] for trial in batch]
    assert [report.score for report in reports] == [1, 2, 0, 4]
    assert [report.HasField("score") for report in reports] == [True, True, False, True]
    assert reports[2].outcome == search_pb2.OUTCOME_FAILED
    assert [report.image_id for report in reports] == [trial.image_id for trial in batch]


def test_what_an_array_masks_is_no_score(session: EvolutionSession, server: InProcessServer) -> None:
    batch = session.ask()
    session.tell(batch[:2], np.ma.masked_array([7, 8], [True, False]))
    session.tell(batch[2:], np.ma.masked_array(np.ones((2, 2)), [[False, True], [False, False]]))
    outcomes = [told(server)[trial.id].outcome for trial in batch]
    assert outcomes == 2 * [search_pb2.OUTCOME_FAILED, search_pb2.OUTCOME_SCORED]


def test_several_channels_are_rows_and_a_missing_one_is_a_missing_score(
    session: EvolutionSession, server: InProcessServer
) -> None:
    batch = session.ask()
    values = np.arange(12.0).reshape(4, 3)
    values[1, 2] = np.nan
    session.tell(batch, values)
    reports = [told(server)[trial.id] for trial in batch]
    assert [list(report.channel_values) for report in reports] == [[0, 1, 2], [], [6, 7, 8], [9, 10, 11]]
    assert reports[1].outcome == search_pb2.OUTCOME_FAILED


def test_results_say_more_than_scores(session: EvolutionSession, server: InProcessServer) -> None:
    batch = session.ask()
    session.tell(batch, [TrialResult(score=1, t_onset=0.5, note="good"), TrialResult(outcome="abandoned"), 3, 4])
    first, second = (told(server)[trial.id] for trial in batch[:2])
    assert (first.score, first.t_onset, first.note) == (1, 0.5, "good")
    assert second.outcome == search_pb2.OUTCOME_ABANDONED
    outcome = session.tell([TrialResult("mine 1", image_id=batch[0].image_id, score=5)])
    assert outcome.recorded == 1
    assert told(server)["mine 1"].score == 5


def test_an_onset_that_is_nan_is_none_and_an_infinite_one_is_refused(
    session: EvolutionSession, server: InProcessServer
) -> None:
    batch = session.ask()
    onsets = np.ma.masked_array([0.5, np.nan, 2.0, 3.0], [False, False, True, False])
    results = [TrialResult(trial.id, score=1, t_onset=onset) for trial, onset in zip(batch, onsets, strict=True)]
    session.tell(results)
    reports = [told(server)[trial.id] for trial in batch]
    assert [report.HasField("t_onset") for report in reports] == [True, False, False, True]
    assert [report.t_onset for report in reports if report.HasField("t_onset")] == [0.5, 3]
    for onset, message in (
        (float("-inf"), "t_onset of a is infinite"),
        ("1", "t_onset of a must be a number, got '1'"),
    ):
        with pytest.raises(pullback_client.InvalidArgumentError, match=message):
            session.tell([TrialResult("a", batch[0].image_id, 1, t_onset=onset)])  # type: ignore[arg-type]


def test_parts_in_any_order_and_again_count_once(session: EvolutionSession) -> None:
    batch = session.ask()
    session.tell(batch, {batch[3].id: 4.0})
    outcome = session.tell(batch, {batch[3].id: 4.0, batch[1].image_id: 2.0})
    assert (outcome.recorded, outcome.repeated) == (1, 1)
    with pytest.raises(pullback_client.AlreadyExistsError, match="was told before with another score"):
        session.tell(batch, {batch[0].id: 1.0, batch[3].id: 5.0})
    assert session.tell(batch, {batch[0].id: 1.0}).recorded == 1
    assert not session.status().threads[0].current.closed


def test_a_late_result_is_kept(session: EvolutionSession) -> None:
    batch = session.ask()
    session.tell(batch, {trial.id: 1.0 for trial in batch[:3]}, end_generation=[0])
    assert session.tell(batch[3:], [2.0]).late == 1


def test_a_generation_is_ended_with_what_there_is(session: EvolutionSession) -> None:
    batch = session.ask()
    session.tell(batch, {batch[0].id: 1.0, batch[1].id: 1.0})
    (thread,) = session.end_generation().threads
    assert thread.current.closed
    assert (thread.current.scored, thread.current.carried, thread.current.dropped) == (2, 2, 0)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0], "1 scores for 4 trials"),
        (3.0, "4 trials need as many scores, got 3.0"),
        (None, "4 trials need as many scores, got None"),
        ({"nobody": 1.0}, "'nobody' is neither a trial nor an image of this batch"),
        ([1.0, 2.0, float("inf"), 3.0], "is infinite"),
        ([1.0, 2.0, 3.0, [1.0, float("-inf")]], "is infinite"),
        ([1.0, 2.0, 3.0, "high"], "the score of trial000003 must be a number, got 'high'"),
    ],
)
def test_scores_that_do_not_fit_are_refused_and_nothing_is_told(
    session: EvolutionSession, server: InProcessServer, scores: object, message: str
) -> None:
    batch = session.ask()
    with pytest.raises(pullback_client.InvalidArgumentError, match=message):
        session.tell(batch, scores)  # type: ignore[arg-type]
    assert told(server) == {}


def test_an_image_that_is_shown_twice_is_scored_by_trial(client: Client) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, repetitions=2)
    batch = session.ask()
    assert len(batch) == 2 * POPULATION
    with pytest.raises(pullback_client.InvalidArgumentError, match="is shown 2 times in this batch"):
        session.tell(batch, {batch[0].image_id: 1.0})
    session.tell(batch, {trial.id: 1.0 for trial in batch})
    current = session.status().threads[0].current
    # The next one may be there already.
    assert current.closed or current.generation == 1


def test_results_without_ids_or_twice_are_refused(session: EvolutionSession) -> None:
    with pytest.raises(pullback_client.InvalidArgumentError, match="has no trial_id"):
        session.tell([TrialResult(score=1)])
    with pytest.raises(pullback_client.InvalidArgumentError, match="several results of one trial: a"):
        session.tell([TrialResult("a", "b", 1), TrialResult("a", "b", 1)])
    with pytest.raises(pullback_client.InvalidArgumentError, match="TrialResults alone"):
        session.tell([TrialResult("a", "b", 1)], [1.0])


# Running


def test_one_line_evolves_for_a_function(session: EvolutionSession) -> None:
    closed: list[GenerationSummary] = []
    status = session.run(red, generations=3, progress=closed.append)
    assert [summary.generation for summary in closed] == [0, 1, 2]
    assert all(summary.closed and summary.scored == POPULATION for summary in closed)
    assert [thread.generations for thread in status.threads] == [3]
    best = session.best()
    assert best is not None
    assert best.score == max(summary.best_score or 0 for summary in closed) == red(best.image)
    # Attached to again, it has what was asked for already, and goes on where more is asked for.
    assert session.run(red, generations=3).trials == status.trials
    assert session.run(red, generations=4).threads[0].generations == 4


def test_threads_that_have_enough_generations_are_left_alone(client: Client, server: InProcessServer) -> None:
    server.bench.drawing = 0.02
    session = client.evolve("faces", optimizer="cma", threads=[{"population": 2}, {"population": 9}])
    status = session.run(red, generations=2)
    assert [thread.generations for thread in status.threads] == [2, 2]


def test_a_run_ends_with_its_threads(client: Client) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, max_generations=2)
    assert session.run(red).finished
    assert session.run(red).finished


def test_what_was_scored_before_an_error_is_told_and_the_rest_handed_back(
    session: EvolutionSession, server: InProcessServer
) -> None:
    scores = iter([1.0, 2.0])
    with pytest.raises(StopIteration):
        session.run(lambda image: next(scores))
    outcomes = [report.outcome for report in told(server).values()]
    assert outcomes == 2 * [search_pb2.OUTCOME_SCORED] + 2 * [search_pb2.OUTCOME_ABANDONED]
    assert len(session.ask()) == 2


def test_what_was_scored_before_a_score_that_cannot_be_told_is_told(
    session: EvolutionSession, server: InProcessServer
) -> None:
    scores = iter([1.0, 2.0, float("inf")])
    with pytest.raises(pullback_client.InvalidArgumentError, match="is infinite"):
        session.run(lambda image: next(scores))
    outcomes = [report.outcome for report in told(server).values()]
    assert outcomes == 2 * [search_pb2.OUTCOME_SCORED] + 2 * [search_pb2.OUTCOME_ABANDONED]


def forgot(image: Image.Image) -> None:
    np.asarray(image).mean()


def test_a_function_that_returns_nothing_is_named(session: EvolutionSession, server: InProcessServer) -> None:
    with pytest.raises(
        pullback_client.InvalidArgumentError, match=r"function forgot returned None for thread000.*`ret"
    ):
        session.run(forgot)
    assert [report.outcome for report in told(server).values()] == 4 * [search_pb2.OUTCOME_ABANDONED]


@pytest.mark.parametrize("outcome", ["failed", "abandoned"])
@pytest.mark.parametrize("missing", ["show_again", "carry_over", "drop"])
def test_trials_without_a_score_are_not_shown_for_ever(
    client: Client, server: InProcessServer, outcome: Outcome, missing: MissingPolicy
) -> None:
    references = {"grey": np.full((16, 16), 128, np.uint8)}
    session = client.evolve("faces", optimizer="cma", population=POPULATION, missing=missing, references=references)
    scores: Iterator[float] = iter([1.0, 2.0])

    def fails(image: Image.Image) -> Any:
        return 1.0 if image.getpixel((0, 0)) == (128, 128, 128) else next(scores, TrialResult(outcome=outcome))

    with pytest.raises(pullback_client.FailedPreconditionError, match=r"gave 9 trials in a row no score, the last of"):
        session.run(fails, max_failures=9)
    # Scores of references show nothing of the subject's, and do not begin the count anew.
    evolved = [report for report in told(server).values() if report.image_id.startswith("thread")]
    assert [report.outcome for report in evolved[:11]].count(search_pb2.OUTCOME_SCORED) == 2


def test_failures_that_do_not_last_end_no_run(session: EvolutionSession) -> None:
    count = itertools.count()
    assert session.run(lambda image: 1.0 if next(count) % 3 == 0 else math.nan, generations=3, max_failures=3).trials


def test_a_run_needs_a_generation(session: EvolutionSession) -> None:
    with pytest.raises(pullback_client.InvalidArgumentError, match="generations must be at least 1, got 0"):
        session.run(red, generations=0)


# Looking


def test_the_best_image_is_of_closed_generations(client: Client) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION, threads=[{"minimize": True}, {}])
    assert session.best(0) is None
    session.run(red, generations=2)
    low, high = session.best(0), session.best(1)
    assert low is not None
    assert high is not None
    assert low.image_id.startswith("thread000_")
    assert low.score == red(low.image)
    assert high.score == red(session.image(high.image_id))
    with pytest.raises(pullback_client.InvalidArgumentError, match="name the thread"):
        session.best()
    with pytest.raises(pullback_client.InvalidArgumentError, match="has no thread 2; known: 0 to 1"):
        session.best(2)


def test_events_are_replayed_and_followed_to_the_end(session: EvolutionSession) -> None:
    session.run(red, generations=1)
    events = session.events()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    kinds = [event.kind for event in events]
    assert kinds[:5] == ["state", "generation_opened", "asked", "told", "generation_closed"]
    assert len(events[3].trial_ids) == POPULATION
    session.next_batch()
    last = session.events()[-1].sequence
    assert session.events(last) == []
    session.close()
    after = list(session.watch(after_sequence=last))
    assert [event.state for event in after] == [SessionState.CLOSED]


def test_a_watch_has_an_end(session: EvolutionSession) -> None:
    with pytest.raises(pullback_client.DeadlineExceededError, match=r"sessions/1 was not closed within 0\.2 s"):
        list(session.watch(timeout=0.2))


# A server that goes away


@pytest.mark.parametrize("method", ["Ask", "Tell", "GetSession", "GetSessionImage", "PauseSession"])
def test_calls_outlive_a_restart_of_the_server(session: EvolutionSession, server: InProcessServer, method: str) -> None:
    # More often than gRPC itself tries again.
    server.failures[method] = Failure(grpc.StatusCode.UNAVAILABLE, times=6)
    batch = session.ask()
    session.tell(batch, [red(image) for image in batch.images])
    session.pause()
    assert session.status().trials == POPULATION
    assert len({request.request_id for request in server.called("Ask")}) == 1


def test_a_watch_outlives_a_restart_of_the_server(session: EvolutionSession, server: InProcessServer) -> None:
    watch = session.watch()
    seen = [next(watch).sequence]
    server.stop()
    server.start()
    session.close()
    # What is live, such as an image that is finished just then, has no number.
    seen += [event.sequence for event in watch if event.sequence]
    assert seen == [1, 2, 3]
