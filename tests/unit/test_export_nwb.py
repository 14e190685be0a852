"""A session as a file of Neurodata Without Borders, read back by pynwb and looked over by nwbinspector."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

from in_process import DIM, POPULATION, InProcessServer
from pullback_client import Client, EvolutionSession, TrialResult

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its dependencies, when they are first imported
    pynwb = pytest.importorskip("pynwb", reason="the extra `nwb` is not installed")


def evolved(server: InProcessServer, client: Client, *, onsets: bool, greyscale: bool = False) -> EvolutionSession:
    """Two generations of two threads with a reference; the larger thread's first trial of each failed."""
    session = client.evolve(
        "faces",
        optimizer="genetic",
        population=POPULATION,
        threads=[{}, {"population": 2}],
        references={"grey": np.full((16, 16), 128, np.uint8)},
        missing="drop",
        greyscale=greyscale,
        title="monkeys",
        notes={"subject": "Ringo", "species": "Macaca mulatta"},
    )
    time = 100.0
    for _ in range(2):
        server.wait_for_optimizers()
        batch = session.next_batch()
        assert batch is not None
        failed = next(trial for trial in batch if trial.image_id.startswith("thread000"))
        results = []
        for place, trial in enumerate(batch):
            time += 0.75
            score = None if trial is failed else float(place)
            results.append(TrialResult(trial.id, score=score, t_onset=time if onsets else None))
        session.tell(results)
    server.wait_for_optimizers()
    session.ask(1)
    return session


@pytest.mark.parametrize("onsets", [True, False])
def test_the_file_says_what_happened(server: InProcessServer, client: Client, tmp_path: Path, onsets: bool) -> None:
    session = evolved(server, client, onsets=onsets)
    (path,) = session.export(tmp_path / "s.nwb")
    history = session.history(images=True)
    told = {trial.trial_id: trial for trial in history.trials if trial.outcome}
    with pynwb.NWBHDF5IO(path, "r") as io:
        file = io.read()
        assert file.session_description == "monkeys"
        assert (file.subject.subject_id, file.subject.species) == ("Ringo", "Macaca mulatta")
        assert file.session_start_time == session.status().created
        trials = file.trials.to_dataframe()
        assert set(trials["trial_id"]) == set(told)
        assert trials["start_time"].is_monotonic_increasing
        for row in trials.itertuples():
            trial = told[row.trial_id]
            assert (row.image_id, row.thread, row.generation) == (trial.image_id, trial.thread, trial.generation)
            assert (row.outcome, row.reference) == (trial.outcome, trial.reference)
            assert (math.isnan(row.score) and trial.score is None) or row.score == trial.score
            if onsets:
                assert row.start_time == trial.t_onset

        showings = file.stimulus["showings"]
        images = file.stimulus_template["stimuli"]
        order = [image.name for image in images.order_of_images[:]]
        assert [order[place] for place in showings.data[:]] == trials["image_id"].tolist()
        np.testing.assert_array_equal(showings.timestamps[:], trials["start_time"])
        assert set(order) == {*history.files}
        assert images["thread000_gen000_000000"].data.shape == (16, 16, 3)
        assert (images["reference_grey"].data[0, 0] == 128).all()

        for thread, size in ((0, POPULATION), (1, 2)):
            table = file.processing["evolution"][f"thread{thread:03d}"].to_dataframe()
            own = [each for each in history.generations if each.summary.thread == thread]
            assert len(table) == 3 * size
            assert np.stack(table["code"].tolist()).shape == (3 * size, DIM)
            np.testing.assert_array_equal(np.stack(table["code"].tolist()), np.concatenate([e.latents for e in own]))
            np.testing.assert_array_equal(table["score"], np.concatenate([each.scores for each in own]))
            parents = [" ".join(origin.parents) for each in own for origin in each.origins]
            assert table["parents"].tolist() == parents
            assert parents[size].startswith(f"thread{thread:03d}_gen000_00000")


@pytest.mark.parametrize("onsets", [True, False])
@pytest.mark.parametrize("greyscale", [True, False])
@pytest.mark.filterwarnings("ignore")  # of nwbinspector's dependencies
def test_the_inspector_finds_nothing_critical(
    server: InProcessServer, client: Client, tmp_path: Path, onsets: bool, greyscale: bool
) -> None:
    inspector = pytest.importorskip("nwbinspector", reason="nwbinspector is not installed")
    (path,) = evolved(server, client, onsets=onsets, greyscale=greyscale).export(tmp_path / "s.nwb")
    found = list(inspector.inspect_nwbfile(nwbfile_path=path))
    worst = [message for message in found if message.importance.value >= inspector.Importance.CRITICAL.value]
    assert worst == []


def test_a_session_in_which_nothing_was_told_is_a_file_too(client: Client, tmp_path: Path) -> None:
    (path,) = client.evolve("faces", optimizer="cma", population=POPULATION).export(tmp_path / "s.nwb")
    with pynwb.NWBHDF5IO(path, "r") as io:
        file = io.read()
        assert file.trials is None
        assert file.subject.subject_id == "unknown"
