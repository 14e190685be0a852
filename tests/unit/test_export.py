"""A session's files, read back and compared with what the session did."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from in_process import DIM, POPULATION, InProcessServer
from pullback_client import Client, EvolutionSession, FailedPreconditionError, InvalidArgumentError, TrialResult


@pytest.fixture
def session(server: InProcessServer) -> Iterator[EvolutionSession]:
    """Two threads of different sizes and two generations, with references, a failed trial and one not told."""
    with Client(server.target, timeout=60) as client:
        session = client.evolve(
            "faces",
            optimizer="genetic",
            population=POPULATION,
            threads=[{}, {"population": 2}],
            references={"grey": np.full((16, 16), 128, np.uint8)},
            missing="drop",
            title="monkeys",
            notes={"rig": "2"},
        )
        for block in range(2):
            server.wait_for_optimizers()
            batch = session.next_batch()
            assert batch is not None
            scores = {trial.id: float(place) for place, trial in enumerate(batch)}
            # Not of the smaller thread, whose generation would lack scores then.
            first = next(
                trial
                for trial in batch
                if trial.image_id.startswith("thread000_gen000_000000" if not block else "thread000")
            )
            session.tell(batch, scores | {first.id: TrialResult(outcome="failed", note="blinked, twice")})
        server.wait_for_optimizers()
        session.ask(1)
        yield session


def shown(server: InProcessServer) -> dict[str, float]:
    """The scores that were told, by trial."""
    told = server.told()
    return {name: report.score for name, report in told.items() if report.HasField("score")}


def test_the_history_is_what_happened(session: EvolutionSession, server: InProcessServer) -> None:
    history = session.history()
    places = [(each.summary.thread, each.summary.generation) for each in history.generations]
    assert places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert [each.closed is None for each in history.generations] == [False, False, True] * 2
    assert history.generations[0].latents.shape == (POPULATION, DIM)
    assert {trial.trial_id: trial.score for trial in history.trials if trial.score is not None} == shown(server)
    assert all(trial.used_score == (None if trial.reference else trial.score) for trial in history.trials)
    assert [trial.outcome for trial in history.trials].count("failed") == 2
    assert history.trials[-1].outcome == ""
    assert history.trials[-1].told is None
    assert sum(trial.reference for trial in history.trials if trial.outcome) == 4
    assert history.files == {}


def test_npz_holds_everything_as_arrays(session: EvolutionSession, server: InProcessServer, tmp_path: Path) -> None:
    (path,) = session.export(tmp_path / "deep" / "session.npz")
    history = session.history()
    with np.load(path, allow_pickle=False) as saved:
        arrays = dict(saved)
    provenance = json.loads(str(arrays.pop("provenance")))
    assert (provenance["name"], provenance["title"], provenance["settings"]["notes"]) == (
        "sessions/1",
        "monkeys",
        {"rig": "2"},
    )
    count = 3 * (POPULATION + 2)
    assert {len(arrays[name]) for name in ("image_ids", "codes", "scores", "threads", "origins", "parents")} == {count}
    np.testing.assert_array_equal(arrays["codes"], np.concatenate([each.latents for each in history.generations]))
    np.testing.assert_array_equal(arrays["scores"], np.concatenate([each.scores for each in history.generations]))
    assert arrays["dims"].tolist() == [DIM, DIM]
    assert arrays["image_ids"][POPULATION] == "thread000_gen001_000000"
    assert (arrays["threads"][-1], arrays["generations"][-1]) == (1, 2)
    parents = [" ".join(origin.parents) for each in history.generations for origin in each.origins]
    assert arrays["parents"].tolist() == parents
    assert parents[POPULATION].startswith("thread000_gen000_00000")
    valid = np.isfinite(arrays["trial_scores"])
    trials = dict(zip(arrays["trial_ids"][valid].tolist(), arrays["trial_scores"][valid].tolist(), strict=True))
    assert trials == shown(server)
    assert arrays["trial_outcomes"][-1] == ""
    assert np.isnan(arrays["trial_tell_times"][-1])
    assert "blinked, twice" in arrays["trial_notes"]
    assert len(arrays["generation_open_times"]) == 6


def test_csv_is_three_tables(session: EvolutionSession, server: InProcessServer, tmp_path: Path) -> None:
    paths = session.export(tmp_path / "s.csv")
    assert [path.name for path in paths] == ["s-images.csv", "s-codes.csv", "s-trials.csv"]
    tables = []
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            tables.append(list(csv.DictReader(file)))
    images, codes, trials = tables
    history = session.history()
    latents = np.array([[row[f"code_{n}"] for n in range(DIM)] for row in codes], np.float32)
    np.testing.assert_array_equal(latents, np.concatenate([each.latents for each in history.generations]))
    assert [row["image_id"] for row in images] == [row["image_id"] for row in codes]
    assert {row["trial_id"]: float(row["score"]) for row in trials if row["score"]} == shown(server)
    assert [row["note"] for row in trials].count("blinked, twice") == 2
    assert trials[-1]["told"] == ""
    assert datetime.fromisoformat(images[0]["opened"]) == history.generations[0].opened


def test_a_folder_gets_all_that_table_programs_read(session: EvolutionSession, tmp_path: Path) -> None:
    paths = session.export(tmp_path / "out", images=True)
    assert all(path.is_file() for path in paths)
    assert paths[-1].name == "session.json"
    assert json.loads(paths[-1].read_text("utf-8"))["state"] == "active"
    pictures = {path.stem for path in paths if path.parent.name == "images"}
    assert pictures == {*session.history(images=True).files}
    with Image.open(tmp_path / "out" / "images" / "reference_grey.png") as image:
        assert image.getpixel((0, 0)) == (128, 128, 128)
    assert session.export(tmp_path / "out")[0].name == "session.npz"


def test_other_suffixes_are_refused(session: EvolutionSession, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"cannot export a session as '\.xlsx': expected \.npz, \.csv, \.nwb"
    ):
        session.export(tmp_path / "s.xlsx")


def test_channels_and_onsets_are_kept(server: InProcessServer, tmp_path: Path) -> None:
    with Client(server.target) as client:
        session = client.evolve("faces", optimizer="cma", population=POPULATION)
        batch = session.ask()
        session.tell(
            batch,
            [
                TrialResult(channel_values=[place, 2 * place], t_onset=place / 2) if place else None
                for place in range(len(batch))
            ],
        )
        with np.load(session.export(tmp_path / "s.npz")[0]) as saved:
            np.testing.assert_array_equal(saved["trial_channel_values"], [[np.nan, np.nan], [1, 2], [2, 4], [3, 6]])
            np.testing.assert_array_equal(saved["trial_scores"], [np.nan] * 4)
            np.testing.assert_array_equal(saved["trial_used_scores"], [np.nan, 1.5, 3, 4.5])
            np.testing.assert_array_equal(saved["trial_onsets"], [np.nan, 0.5, 1, 1.5])
        _, _, trials = session.export(tmp_path / "s.csv")
    with trials.open(newline="", encoding="utf-8") as file:
        assert [row["channel_values"] for row in csv.DictReader(file)] == ["", "1.0 2.0", "2.0 4.0", "3.0 6.0"]


def test_a_session_in_which_nothing_was_told_is_exported_too(server: InProcessServer, tmp_path: Path) -> None:
    with Client(server.target) as client:
        session = client.evolve("faces", optimizer="cma", population=POPULATION)
        for name in ("s.npz", "s.csv", "folder"):
            assert session.export(tmp_path / name)


def test_nwb_without_its_package_is_a_clear_error(
    session: EvolutionSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FailedPreconditionError, match=r"needs pynwb to be written: pip install 'pullback\[nwb\]'"):
        session.export(tmp_path / "s.nwb")
