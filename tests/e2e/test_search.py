"""Search sessions over a live server: what the contract promises, from the first ask to the export."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import generators_pb2, search_pb2, values_pb2
from requests_for_tiny import (
    ask,
    begin_search,
    damage_states,
    exported,
    generations_of,
    made_up_score,
    search_spec,
    tell_scores,
    tiny_target,
    trials_of,
)
from tiny import DIM, SIZE

CMA, HESSIAN = search_pb2.SEARCH_METHOD_CMA, search_pb2.SEARCH_METHOD_HESSIAN_CMA


def session_of(server: LiveServer, session: search_pb2.Session) -> search_pb2.Session:
    return server.search.GetSession(search_pb2.GetSessionRequest(name=session.name), timeout=60)


def image_of(server: LiveServer, session: search_pb2.Session, image_id: str) -> values_pb2.Image:
    request = search_pb2.GetSessionImageRequest(session=session.name, image_id=image_id)
    for _ in range(20):
        try:
            return server.search.GetSessionImage(request, timeout=60)
        except grpc.RpcError as error:
            # A worker that has just been started takes a while to be ready.
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
    raise AssertionError(f"{image_id} was not rendered for a minute")


def evolve(server: LiveServer, session: search_pb2.Session, **fields: Any) -> None:
    """Shows and scores until the session is finished."""
    while trials := ask(server, session, **fields):
        tell_scores(server, session, trials)


def decoded(image: values_pb2.Image) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image.data)))


# From beginning to end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        {"method": CMA, "population": 6},
        {"method": HESSIAN, "axes": 4},
        {"method": search_pb2.SEARCH_METHOD_HESSIAN_GP, "population": 5},
        {"method": search_pb2.SEARCH_METHOD_CHOLESKY_CMA},
        {"method": search_pb2.SEARCH_METHOD_SPHERE_CMA, "population": 8},
        {"method": search_pb2.SEARCH_METHOD_GENETIC},
        {"method": search_pb2.SEARCH_METHOD_RANDOM},
        {},
    ],
    ids=["cma", "hessian_cma", "hessian_gp", "cholesky_cma", "sphere_cma", "genetic", "random", "default"],
)
def test_an_evolution_runs_to_its_end_with_every_method(server: LiveServer, optimizer: dict[str, Any]) -> None:
    server.eigenbasis()
    session = begin_search(server, {"optimizer": optimizer, "max_generations": 3})
    evolve(server, session)
    ended = session_of(server, session)
    assert ended.threads[0].state == search_pb2.THREAD_STATE_FINISHED
    generations = generations_of(exported(server, session))
    population = session.spec.threads[0].optimizer.population
    assert [list(each.latents.shape) for each in generations] == [[population, DIM]] * 3
    # Coordinates are normal here, and the prior's deviation 1.
    for each in generations:
        distances = np.linalg.norm(unpack(each.latents).astype(np.float64), axis=1)
        np.testing.assert_allclose(unpack(each.distances), distances, rtol=1e-5)
        assert each.summary.mean_distance == pytest.approx(distances.mean(), rel=1e-5)
        assert ((unpack(each.typicalities) >= 0) & (unpack(each.typicalities) <= 1)).all()
    # Each generation is another one.
    assert len({each.latents.data for each in generations}) == 3
    scores = [made_up_score(name) for each in generations for name in each.image_ids]
    assert ended.threads[0].best_score == max(scores)
    assert ended.trials == len(scores)


def test_a_session_comes_back_with_every_default_filled_in(server: LiveServer) -> None:
    basis = server.eigenbasis()
    request = search_pb2.CreateSessionRequest(
        spec=search_pb2.SessionSpec(threads=[search_pb2.ThreadSpec(generator="generators/tiny")])
    )
    session = server.search.CreateSession(request, timeout=60)
    thread = session.spec.threads[0]
    assert (thread.space, thread.optimizer.method, thread.eigenbasis.split("/")[:3]) == (
        "z",
        search_pb2.SEARCH_METHOD_HESSIAN_GP,
        basis.split("/")[:3],
    )
    assert (thread.optimizer.axes, thread.optimizer.exponent, thread.optimizer.sigma) == (DIM, 0.0, 2.0)
    assert session.spec.scores == search_pb2.ScoreOptions(
        repetitions=1,
        aggregation=search_pb2.AGGREGATION_MEAN,
        missing=search_pb2.MISSING_POLICY_SHOW_AGAIN,
        max_shows=3,
        min_scored=0.5,
    )
    assert session.spec.images.format == values_pb2.IMAGE_FORMAT_PNG
    assert session.spec.lease.seconds == 600
    assert session.state == search_pb2.SESSION_STATE_ACTIVE
    assert len(session.weights_hashes[0]) == 64
    assert session.version


def test_the_same_request_returns_the_same_session_and_another_is_refused(server: LiveServer) -> None:
    session = begin_search(server, request_id="search-once", seed=1)
    assert begin_search(server, request_id="search-once", seed=1).name == session.name
    with pytest.raises(grpc.RpcError) as caught:
        begin_search(server, request_id="search-once", seed=2)
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS


def test_equal_sessions_evolve_alike_and_another_seed_does_not(server: LiveServer) -> None:
    def latents(seed: int) -> list[bytes]:
        session = begin_search(server, {"max_generations": 2}, seed=seed)
        evolve(server, session)
        return [each.latents.data for each in generations_of(exported(server, session))]

    assert latents(3) == latents(3)
    assert latents(3) != latents(4)


def test_the_order_of_reports_and_company_of_threads_change_nothing(server: LiveServer) -> None:
    alone = begin_search(server, {"max_generations": 2}, seed=5)
    evolve(server, alone)
    both = begin_search(server, {"max_generations": 2}, {"max_generations": 2}, seed=5)
    while trials := ask(server, both, count=5):
        tell_scores(server, both, trials[::-1])
    first = [each for each in generations_of(exported(server, both)) if each.summary.thread == 0]
    assert [each.latents for each in first] == [each.latents for each in generations_of(exported(server, alone))]


def test_sessions_are_listed_newest_first_and_by_their_state(server: LiveServer) -> None:
    names = [begin_search(server).name for _ in range(3)]
    server.search.PauseSession(search_pb2.PauseSessionRequest(name=names[1]), timeout=60)
    page = server.search.ListSessions(search_pb2.ListSessionsRequest(page_size=2), timeout=60)
    assert [each.name for each in page.sessions] == names[:0:-1]
    rest = server.search.ListSessions(search_pb2.ListSessionsRequest(page_token=page.next_page_token), timeout=60)
    assert rest.sessions[0].name == names[0]
    paused = search_pb2.ListSessionsRequest(states=[search_pb2.SESSION_STATE_PAUSED])
    assert [each.name for each in server.search.ListSessions(paused, timeout=60).sessions] == [names[1]]


def test_the_first_generation_may_be_given(server: LiveServer) -> None:
    given = np.random.default_rng(0).standard_normal((9, DIM)).astype(np.float32)
    session = begin_search(server, {"initial_latents": pack(given), "max_generations": 1})
    ask(server, session)
    (first,) = generations_of(exported(server, session))
    np.testing.assert_array_equal(unpack(first.latents), given)
    assert {origin.kind for origin in first.origins} == {"initial"}


def test_latents_stay_where_they_may_be(server: LiveServer) -> None:
    constraint = search_pb2.SearchConstraint(min_norm=2.0, max_norm=2.0, truncation=1.5)
    session = begin_search(server, {"constraint": constraint, "max_generations": 3})
    evolve(server, session)
    for each in generations_of(exported(server, session)):
        latents = unpack(each.latents)
        np.testing.assert_allclose(np.linalg.norm(latents, axis=1), 2, rtol=1e-5)
        assert np.abs(latents).max() <= 1.5 * (1 + 1e-6)


# Asking and telling ---------------------------------------------------------------------------------------------------


def test_an_image_is_what_the_generator_draws_and_the_same_wherever_it_is_asked_for(server: LiveServer) -> None:
    session = begin_search(server)
    trials = ask(server, session, include_images=True)
    while len(trials) < 6:
        trials += ask(server, session, include_images=True)
    (generation,) = generations_of(exported(server, session, include_images=True))
    request = generators_pb2.RenderRequest(generator="generators/tiny", latents=generation.latents)
    drawn = [answer.image.data for answer in server.generators.Render(request, timeout=60)]
    assert [image.data for image in generation.images] == drawn
    files = dict(zip(generation.image_ids, drawn, strict=True))
    for trial in trials:
        assert trial.image.data == files[trial.image_id] == image_of(server, session, trial.image_id).data
        assert (trial.image.width, trial.image.height) == (SIZE, SIZE)
        assert trial.image_path.startswith("/")


def test_images_are_shown_as_the_session_says(server: LiveServer) -> None:
    images = search_pb2.ImageOptions(
        width=32, height=24, greyscale=True, mean_luminance=0.5, contrast=0.1, format=values_pb2.IMAGE_FORMAT_JPEG
    )
    reference = search_pb2.ReferenceImage(label="R-1", image=tiny_target(server))
    session = begin_search(server, images=images, references=[reference])
    trial = ask(server, session, count=1, include_images=True)[0]
    for image in (trial.image, image_of(server, session, "reference_R-1")):
        levels = decoded(image) / 255
        assert image.format == values_pb2.IMAGE_FORMAT_JPEG
        assert levels.shape == (24, 32)
        assert levels.mean() == pytest.approx(0.5, abs=0.02)
        assert levels.std() == pytest.approx(0.1, abs=0.03)


def test_an_image_that_is_gone_is_rendered_again_byte_for_byte(live: LiveServer) -> None:
    session = begin_search(live, {"optimizer": {"method": CMA, "population": 40}})
    names = [trial.image_id for trial in ask(live, session)]
    before = {name: image_of(live, session, name).data for name in names}
    live.terminate()
    live.start()
    for name in names[::-1]:
        assert image_of(live, session, name).data == before[name]


def test_reports_may_come_as_columns(server: LiveServer) -> None:
    session = begin_search(server)
    trials = ask(server, session)
    columns = search_pb2.TrialColumns(
        trial_ids=[trial.trial_id for trial in trials],
        scores=[0.0 if number == 0 else number for number in range(6)],
        valid=[number > 0 for number in range(6)],
        t_onsets=[0.5 * number for number in range(6)],
    )
    response = server.search.Tell(search_pb2.TellRequest(session=session.name, columns=columns), timeout=60)
    assert response.recorded == 6
    assert (response.threads[0].current.scored, response.threads[0].current.best_score) == (5, 5.0)
    (again,) = ask(server, session)
    assert (again.image_id, again.repetition) == (trials[0].image_id, 1)
    kept = {record.report.trial_id: record.report for record in trials_of(exported(server, session))}
    assert kept[trials[3].trial_id].t_onset == 1.5
    assert kept[trials[0].trial_id].outcome == search_pb2.OUTCOME_FAILED


def test_references_are_recorded_and_enter_no_update(server: LiveServer) -> None:
    plain = begin_search(server, {"max_generations": 2}, seed=6)
    evolve(server, plain)
    references = [
        search_pb2.ReferenceImage(label=label, image=tiny_target(server, seed)) for seed, label in enumerate("ab")
    ]
    session = begin_search(server, {"max_generations": 2}, references=references, references_per_generation=1, seed=6)
    shown = []
    while trials := ask(server, session):
        shown += [trial.image_id for trial in trials if trial.reference]
        tell_scores(server, session, trials)
    assert shown == ["reference_a", "reference_b"]
    pieces = exported(server, session, include_images=True)
    assert [each.latents for each in generations_of(pieces)] == [
        each.latents for each in generations_of(exported(server, plain))
    ]
    kept = [record for record in trials_of(pieces) if record.report.image_id.startswith("reference_")]
    assert [record.report.score for record in kept] == [made_up_score(name) for name in shown]
    files = {piece.reference.label: piece.reference.image.data for piece in pieces if piece.HasField("reference")}
    assert files["a"] == image_of(server, session, "reference_a").data
    assert not session.spec.references[0].HasField("image")


def test_a_paused_session_takes_tells_and_no_asks(server: LiveServer) -> None:
    session = begin_search(server)
    trials = ask(server, session)
    for _ in range(2):
        paused = server.search.PauseSession(search_pb2.PauseSessionRequest(name=session.name), timeout=60)
        assert paused.state == search_pb2.SESSION_STATE_PAUSED
    with pytest.raises(grpc.RpcError) as caught:
        ask(server, session)
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "resume" in caught.value.details()
    assert tell_scores(server, session, trials).recorded == 6
    resumed = server.search.ResumeSession(search_pb2.ResumeSessionRequest(name=session.name), timeout=60)
    assert resumed.state == search_pb2.SESSION_STATE_ACTIVE
    assert ask(server, session)


def test_a_closed_session_is_read_and_not_changed(server: LiveServer) -> None:
    session = begin_search(server)
    trials = ask(server, session)
    for _ in range(2):
        closed = server.search.CloseSession(search_pb2.CloseSessionRequest(name=session.name), timeout=60)
        assert closed.state == search_pb2.SESSION_STATE_CLOSED
    for call in (
        lambda: ask(server, session),
        lambda: tell_scores(server, session, trials),
        lambda: server.search.ResumeSession(search_pb2.ResumeSessionRequest(name=session.name), timeout=60),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert len(trials_of(exported(server, session))) == 6


def test_a_dry_run_scores_by_itself_and_climbs(server: LiveServer) -> None:
    dry_run = search_pb2.DryRun(noise=0.01, failing=0.2)
    session = begin_search(
        server, {"optimizer": {"method": CMA, "population": 12}, "max_generations": 15}, dry_run=dry_run
    )
    evolve(server, session)
    pieces = exported(server, session)
    means = [each.summary.mean_score for each in generations_of(pieces)]
    assert means[-1] > means[0] + 0.5
    trials = trials_of(pieces)
    assert any(not record.HasField("score") for record in trials)
    assert all(record.report.score == made_up_score(record.report.image_id) for record in trials)


# Watching -------------------------------------------------------------------------------------------------------------


def test_a_watch_tells_what_happened_and_what_happens(server: LiveServer) -> None:
    session = begin_search(server, {"max_generations": 1})
    trials = ask(server, session)
    request = search_pb2.WatchSessionRequest(name=session.name)
    events: list[search_pb2.SessionEvent] = []
    watch: Iterator[search_pb2.SessionEvent] = server.search.WatchSession(request, timeout=60)
    watcher = threading.Thread(target=lambda: events.extend(watch))
    watcher.start()
    tell_scores(server, session, trials)
    server.search.CloseSession(search_pb2.CloseSessionRequest(name=session.name), timeout=60)
    watcher.join(timeout=60)
    kept = [event for event in events if event.sequence]
    kinds = [event.WhichOneof("event") for event in kept]
    assert kinds == ["state", "generation_opened", "asked", "told", "generation_closed", "state"]
    assert [event.sequence for event in kept] == sorted({event.sequence for event in kept})
    assert set(kept[2].asked.trial_ids) == {trial.trial_id for trial in trials}
    assert kept[4].generation_closed.scored == 6
    later = search_pb2.WatchSessionRequest(name=session.name, after_sequence=kept[3].sequence)
    assert [event.sequence for event in server.search.WatchSession(later, timeout=60)] == [
        event.sequence for event in kept[4:]
    ]


def test_a_watch_is_told_of_finished_images(server: LiveServer) -> None:
    session = begin_search(server)
    request = search_pb2.WatchSessionRequest(name=session.name, after_sequence=1_000)
    watch = server.search.WatchSession(request, timeout=60)
    trials = ask(server, session)
    reports = [search_pb2.TrialReport(trial_id=trial.trial_id, score=1.0) for trial in trials]
    server.search.Tell(search_pb2.TellRequest(session=session.name, trials=reports), timeout=60)
    ready = next(event for event in watch if event.image_ready)
    assert ready.sequence == 0
    watch.cancel()


def test_two_clients_on_one_session_never_show_the_same_trial(server: LiveServer) -> None:
    session = begin_search(server, {"max_generations": 4}, seed=8)
    alone = begin_search(server, {"max_generations": 4}, seed=8)
    seen: list[str] = []

    def work() -> None:
        while trials := ask(server, session, count=2):
            seen.extend(trial.trial_id for trial in trials)
            tell_scores(server, session, trials)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert len(seen) == len(set(seen)) == 24
    evolve(server, alone)
    assert [each.latents for each in generations_of(exported(server, session))] == [
        each.latents for each in generations_of(exported(server, alone))
    ]


def test_an_optimizer_whose_state_is_damaged_is_made_again_from_the_log(
    server: LiveServer, start_server: Callable[..., LiveServer]
) -> None:
    live = start_server()
    sessions = [begin_search(each, {"max_generations": 4}, {"max_generations": 2}, seed=3) for each in (live, server)]
    for each, session in zip((live, server), sessions, strict=True):
        while len(generations_of(exported(each, session))) < 4:
            tell_scores(each, session, ask(each, session))
        if each is live:
            live.terminate()
            damage_states(live, 0, seed_too=False)
            live.start()
        evolve(each, session)
    damaged, whole = (
        [(piece.summary.thread, piece.latents) for piece in generations_of(exported(each, session))]
        for each, session in zip((live, server), sessions, strict=True)
    )
    assert len(whole) == 6
    assert damaged == whole
    assert "is made again from the session's log" in live.log()


def test_an_optimizer_that_cannot_go_on_fails_its_thread_alone(start_server: Callable[..., LiveServer]) -> None:
    live = start_server()
    basis = live.eigenbasis()
    request = search_pb2.CreateSessionRequest(spec=search_spec({"optimizer": {"method": HESSIAN}}, {}))
    session = live.search.CreateSession(request, timeout=60)
    assert session.spec.threads[0].eigenbasis == basis
    trials = ask(live, session)
    while {trial.thread for trial in trials} != {0, 1}:
        trials += ask(live, session)
    live.terminate()
    damage_states(live, 0, seed_too=True)
    live.start()
    response = tell_scores(live, session, trials)
    assert response.recorded == len(trials)
    request = search_pb2.WatchSessionRequest(name=session.name)
    failed = next(each for each in live.search.WatchSession(request, timeout=60) if each.HasField("thread_failed"))
    assert failed.thread_failed.error.code == grpc.StatusCode.DATA_LOSS.value[0]
    assert "damaged" in failed.thread_failed.error.message
    assert session_of(live, session).state == search_pb2.SESSION_STATE_ACTIVE
