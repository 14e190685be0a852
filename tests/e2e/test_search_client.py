"""The client's side of searching against a live server: loops, one line, the folder bridge, and files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from live_server import LiveServer
from pullback_client import (
    Client,
    FailedPreconditionError,
    GenerationSummary,
    NotFoundError,
    SessionState,
    TrialResult,
)
from pullback_client.bridge import Bridge

POPULATION = 6


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with Client(server.target) as client:
        yield client


def red(image: Image.Image) -> float:
    """A score: the mean red of the image."""
    return float(np.asarray(image.convert("RGB"), np.float64)[..., 0].mean())


def test_a_loop_over_batches_shows_threads_together_and_references_between(client: Client) -> None:
    grey = np.full((16, 16), 128, np.uint8)
    session = client.evolve(
        "tiny",
        optimizer="cma",
        population=POPULATION,
        threads=[{}, {"optimizer": "genetic"}],
        references={"grey": grey},
        size=(32, 24),
        max_generations=2,
    )
    blocks = 0
    for batch in session:
        assert {trial.thread for trial in batch} == {0, 1}
        assert sum(not trial.reference for trial in batch) == 2 * POPULATION
        assert {image.size for image in batch.images} == {(32, 24)}
        session.tell(batch, [red(image) for image in batch.images])
        blocks += 1
    assert blocks == 2
    history = session.history(images=True)
    # Scored anew from the images as they are kept, every image has the score that was told.
    for generation in history.generations:
        for image_id, score in zip(generation.image_ids, generation.scores, strict=True):
            assert red(session.image(image_id)) == pytest.approx(score)
    assert {trial.used_score for trial in history.trials if trial.reference} == {None}
    assert all(trial.score is not None for trial in history.trials)


def test_one_line_evolves_and_is_gone_on_with_after_an_error(client: Client) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION)
    calls: list[float] = []

    def breaking(image: Image.Image) -> float:
        calls.append(red(image))
        if len(calls) == POPULATION + 3:
            raise RuntimeError("the camera is off")
        return calls[-1]

    with pytest.raises(RuntimeError, match="the camera is off"):
        session.run(breaking)
    status = client.get_session(session.name).run(red, generations=3)
    assert [thread.generations for thread in status.threads] == [3]
    scored = [trial for trial in session.history().trials if trial.outcome == "scored"]
    assert len(scored) == len({trial.image_id for trial in scored}) == 3 * POPULATION
    best = session.best()
    assert best is not None
    assert best.score == max(trial.score or 0.0 for trial in scored)


def test_a_run_goes_on_where_no_image_of_a_generation_had_a_score(client: Client) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, max_shows=1)
    blind = [float("nan")] * POPULATION
    closed: list[GenerationSummary] = []
    session.run(lambda image: blind.pop() if blind else red(image), generations=1, progress=closed.append)
    assert [(summary.generation, summary.scored) for summary in closed] == [(0, POPULATION)]
    assert session.status().trials == 2 * POPULATION


def test_threads_that_have_ended_have_no_batches_while_others_go_on(client: Client) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, threads=[{"max_generations": 1}, {}])
    for batch in session.batches(threads=[0]):
        session.tell(batch, [1.0] * len(batch))
    first, second = session.status().threads
    assert (first.ended, second.ended) == (True, False)


def test_a_rig_takes_part_through_a_folder(client: Client, tmp_path: Path) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, max_generations=3)

    def rig(seconds: float) -> None:
        """Answers the latest block; the clock goes on by the seconds that the bridge would have waited."""
        nonlocal now
        now += seconds
        names = sorted(path.name for path in tmp_path.glob("block*.png"))
        block = names[-1][:8]
        rows = [f"{name},{red(Image.open(tmp_path / name))}" for name in names if name.startswith(block)]
        if not (tmp_path / f"{block}.csv").exists():
            (tmp_path / f"{block}.csv").write_text("\n".join(["image_id,score", *rows]) + "\n")

    now = 0.0
    assert Bridge(session, tmp_path, clock=lambda: now, sleep=rig).run() == 3
    assert session.status().finished
    assert session.status().trials == 3 * POPULATION


def test_a_session_that_is_closed_while_a_score_file_settles_ends_its_bridge(client: Client, tmp_path: Path) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION)
    table = "index,score\n" + "".join(f"{place},1\n" for place in range(POPULATION))
    steps: list[Callable[[], object]] = [lambda: (tmp_path / "block000.csv").write_text(table), session.close]
    lines: list[str] = []
    now = 0.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds
        if steps:
            steps.pop(0)()

    bridge = Bridge(session, tmp_path, report=lines.append, clock=lambda: now, sleep=wait)
    assert bridge.run() == 0
    assert lines[-1] == f"{session.name} was closed: nothing more is shown, and no more scores are taken"
    assert session.status().trials == 0


def test_a_score_file_that_the_server_refuses_is_waited_for(client: Client, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    session = client.evolve("tiny", optimizer="cma", population=POPULATION)
    lines: list[str] = []
    now = 0.0

    def answer(block: int, channels: int) -> None:
        with h5py.File(tmp_path / f"block{block:03d}.h5", "w") as file:
            file["scores"] = np.arange(POPULATION * channels, dtype=float).reshape(POPULATION, channels)

    steps = {0.1: (0, 4), 1.0: (1, 5), 3.0: (1, 4)}

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds
        if due := [time for time in steps if now >= time]:
            answer(*steps.pop(due[0]))

    bridge = Bridge(session, tmp_path, report=lines.append, clock=lambda: now, sleep=wait)
    assert bridge.run(blocks=2) == 2
    (refused,) = [line for line in lines if "waiting for it to be written anew" in line]
    assert "expected 4 channels, as in every report of thread 0, but 5 came" in refused
    assert session.status().trials == 2 * POPULATION


def test_latents_are_those_of_the_export(client: Client) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, threads=[{}, {"optimizer": "genetic"}])
    session.run(red, generations=2)
    wanted = {
        image_id: latent
        for generation in session.history().generations
        for image_id, latent in zip(generation.image_ids[:2], generation.latents[:2], strict=True)
    }
    found = session.latents(wanted)
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[image_id], latent) for image_id, latent in wanted.items())


def test_a_generation_is_fetched_without_those_before_it(client: Client) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, threads=[{}, {}], max_generations=3)
    session.run(red)
    for record in session.history().generations:
        found = session.generation(record.summary.thread, record.summary.generation)
        assert (found.summary, found.image_ids) == (record.summary, record.image_ids)
        np.testing.assert_array_equal(found.latents, record.latents)
        np.testing.assert_array_equal(found.scores, record.scores)
    with pytest.raises(NotFoundError, match=r"thread 1 of .* has no generation 3"):
        session.generation(1, 3)


def test_a_session_whose_images_never_get_a_score_is_paused_with_the_reason(client: Client) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, missing="drop")
    with pytest.raises(FailedPreconditionError, match="gave 20 trials in a row no score"):
        session.run(lambda image: float("nan"), max_failures=20)
    while (status := session.status()).state is SessionState.ACTIVE:
        assert status.trials < 1000
        batch = session.ask(wait=3.0)
        session.tell(batch, [None] * len(batch))
    assert status.state is SessionState.PAUSED
    assert "without a new score" in status.pause_reason
    assert session.resume().pause_reason == ""
    assert session.run(red, generations=1).threads[0].generations == 1


def test_what_is_told_of_failed_trials_is_kept(client: Client) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, missing="drop")
    batch = session.ask(wait=3.0)
    results = [TrialResult(trial.id, channel_values=[1.0, 2.5], t_onset=0.5 * n) for n, trial in enumerate(batch)]
    results[0] = TrialResult(batch[0].id, score=7.5, outcome="failed", note="moved")
    session.tell(results)
    assert session.tell(results).repeated == len(results)
    kept = {record.trial_id: record for record in session.history().trials if record.told}
    first, second = kept[batch[0].id], kept[batch[1].id]
    assert (first.outcome, first.score, first.used_score, first.note) == ("failed", 7.5, None, "moved")
    assert (second.channel_values, second.used_score, second.t_onset) == ((1.0, 2.5), 1.75, 0.5)


def test_every_kind_of_file_can_be_made_of_a_session(client: Client, tmp_path: Path) -> None:
    session = client.evolve("tiny", optimizer="cma", population=POPULATION, notes={"subject": "nobody"})
    session.run(red, generations=2)
    with np.load(session.export(tmp_path / "s.npz")[0]) as saved:
        closed = saved["generations"] < 2  # the next one may be open already
        assert saved["codes"][closed].shape == (2 * POPULATION, 8)
        assert np.isfinite(saved["scores"]).tolist() == closed.tolist()
    assert len(session.export(tmp_path / "s.csv")) == 3
    pytest.importorskip("pynwb", reason="the extra `nwb` is not installed")
    assert session.export(tmp_path / "s.nwb")[0].is_file()
