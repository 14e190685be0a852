"""Everything that was told is in every export: onsets, notes, channels, repeats, failures, late and foreign trials."""

from __future__ import annotations

import csv
import itertools
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from in_process import POPULATION, InProcessServer
from pullback_api.v1 import search_pb2
from pullback_client import Client, EvolutionSession, TrialResult

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its dependencies, when they are first imported
    pynwb = pytest.importorskip("pynwb", reason="the extra `nwb` is not installed")

NOTES = [
    "blinked, twice",
    'he said "no"',
    "two\nlines",
    "a\rreturn",
    "μV; [/lost] [bold]",
    "=1+1",
    " spaces ",
    "'",
    "\t",
]


@pytest.fixture
def session(server: InProcessServer, client: Client) -> EvolutionSession:
    """Three generations of two threads of 2 and 3 channels; notes of all kinds, and some trials without an onset."""
    session = client.evolve(
        "faces",
        optimizer="cma",
        population=POPULATION,
        threads=[{}, {"population": 2}],
        references={"grey": np.full((16, 16), 128, np.uint8)},
        repetitions=2,
        missing="drop",
    )
    count = 0
    for _ in range(3):
        server.wait_for_optimizers()
        batch = session.next_batch()
        assert batch is not None
        results = []
        for trial in batch:
            count += 1
            channels = [count / 7, -float(count), 1e-300][: 2 + trial.thread]
            results.append(
                TrialResult(
                    trial.id,
                    score=float(count) / 3 if trial.reference else None,
                    channel_values=() if trial.reference else channels,
                    t_onset=None if count % 7 == 0 else 100 + 0.1 * count,
                    note=NOTES[count % len(NOTES)] if count % 2 else "",
                )
            )
        results[0] = TrialResult(batch[0].id, outcome="failed", t_onset=100.0 + count, note="no spikes")
        results[1] = TrialResult(batch[1].id, outcome="abandoned", note="power cut")
        results[2] = TrialResult(batch[2].id, score=3.25, outcome="failed", note="artefact")
        session.tell(results, end_generation=[0, 1])
        session.tell(results)  # the network lost the answer
    # Another showing of an image of the first generation, under a name of the rig's own: late.
    assert session.tell([TrialResult("rig 7", batch[3].image_id, 2.5, t_onset=1.5, note="late")]).late == 1
    server.wait_for_optimizers()
    session.ask(2)
    return session


Row = dict[str, Any]


def told(server: InProcessServer) -> dict[str, Row]:
    """What the server was told, by trial: None where it was told nothing."""
    return {
        name: {
            "outcome": search_pb2.Outcome.Name(report.outcome).removeprefix("OUTCOME_").lower(),
            "score": report.score if report.HasField("score") else None,
            "channels": list(report.channel_values),
            "onset": report.t_onset if report.HasField("t_onset") else None,
            "note": report.note,
        }
        for name, report in server.told().items()
    }


def number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def of_npz(session: EvolutionSession, folder: Path) -> dict[str, Row]:
    (path,) = session.export(folder / "s.npz")
    with np.load(path, allow_pickle=False) as file:
        saved = dict(file)
    return {
        str(name): {
            "outcome": str(saved["trial_outcomes"][row]),
            "score": number(saved["trial_scores"][row]),
            "channels": [value for value in saved["trial_channel_values"][row].tolist() if not math.isnan(value)],
            "onset": number(saved["trial_onsets"][row]),
            "note": str(saved["trial_notes"][row]),
            "place": tuple(saved[f"trial_{key}"][row].item() for key in ("threads", "generations", "repetitions")),
            "late": saved["trial_late"][row].item(),
            "reference": saved["trial_references"][row].item(),
            "used": number(saved["trial_used_scores"][row]),
        }
        for row, name in enumerate(saved["trial_ids"])
        if saved["trial_outcomes"][row]
    }


def of_csv(session: EvolutionSession, folder: Path) -> dict[str, Row]:
    _, _, path = session.export(folder / "s.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row["trial_id"]: {
                "outcome": row["outcome"],
                "score": float(row["score"]) if row["score"] else None,
                "channels": [float(value) for value in row["channel_values"].split()],
                "onset": float(row["t_onset"]) if row["t_onset"] else None,
                "note": row["note"],
                "place": tuple(int(row[key]) for key in ("thread", "generation", "repetition")),
                "late": row["late"] == "1",
                "reference": row["reference"] == "1",
                "used": float(row["used_score"]) if row["used_score"] else None,
            }
            for row in csv.DictReader(file)
            if row["outcome"]
        }


def of_nwb(session: EvolutionSession, folder: Path) -> dict[str, Row]:
    (path,) = session.export(folder / "s.nwb")
    with pynwb.NWBHDF5IO(path, "r") as io:
        table = io.read().trials.to_dataframe()
    return {
        row["trial_id"]: {
            "outcome": row["outcome"],
            "score": number(row["score"]),
            "channels": [value for value in row["channel_values"].tolist() if not math.isnan(value)],
            "onset": number(row["t_onset"]),
            "note": row["note"],
            "place": tuple(row[key] for key in ("thread", "generation", "repetition")),
            "late": row["late"],
            "reference": row["reference"],
            "used": number(row["used_score"]),
        }
        for _, row in table.iterrows()
    }


READERS: dict[str, Callable[[EvolutionSession, Path], dict[str, Row]]] = {"npz": of_npz, "csv": of_csv, "nwb": of_nwb}


@pytest.mark.parametrize("kind", READERS)
def test_all_that_was_told_comes_back(
    session: EvolutionSession, server: InProcessServer, tmp_path: Path, kind: str
) -> None:
    found = READERS[kind](session, tmp_path)
    expected = told(server)
    assert {name: {key: row[key] for key in expected[name]} for name, row in found.items()} == expected
    outcomes = [row["outcome"] for row in expected.values()]
    assert outcomes.count("failed") == 6
    assert outcomes.count("abandoned") == 3
    assert {len(row["channels"]) for row in expected.values()} == {0, 2, 3}
    asked = {name: trial for trial in server.trials() if (name := trial.report.trial_id) != "rig 7"}
    for name, row in found.items():
        if name in asked:
            trial = asked[name]
            assert (row["place"], row["reference"]) == (
                (trial.thread, trial.generation, trial.repetition),
                trial.report.image_id.startswith("reference_"),
            )
    assert max(row["place"][2] for row in found.values()) >= 1
    assert [name for name, row in found.items() if row["late"]] == ["rig 7"]
    used = {name: row["used"] for name, row in found.items()}
    for name, row in expected.items():
        counts = row["outcome"] == "scored" and row["channels"]
        assert used[name] == (pytest.approx(np.mean(row["channels"])) if counts else None)


def test_in_nwb_a_trial_without_an_onset_stands_where_it_was_asked(
    session: EvolutionSession, server: InProcessServer, tmp_path: Path
) -> None:
    (path,) = session.export(tmp_path / "s.nwb")
    onsets = {name: row["onset"] for name, row in told(server).items()}
    assert None in onsets.values()
    with pynwb.NWBHDF5IO(path, "r") as io:
        file = io.read()
        table = file.trials.to_dataframe()
        assert table["start_time"].is_monotonic_increasing
        for _, row in table.iterrows():
            onset = onsets[row["trial_id"]]
            assert row["start_time_from"] == ("trial before" if onset is None else "onset")
            if onset is not None:
                assert row["start_time"] == onset
        by_id = table.set_index("trial_id")["start_time"]
        asked = [name for trial in server.trials() if (name := trial.report.trial_id) in onsets and name != "rig 7"]
        for before, name in itertools.pairwise(asked):
            if onsets[name] is None:
                assert by_id[name] == by_id[before]
        shown = table[table["outcome"] != "abandoned"]
        np.testing.assert_array_equal(file.stimulus["showings"].timestamps[:], shown["start_time"])
        assert file.stimulus["showings"].description.startswith("Which image was shown when, by the rig's clock")


@pytest.mark.filterwarnings("ignore")  # of nwbinspector's dependencies
def test_the_inspector_finds_nothing_critical_in_all_of_it(session: EvolutionSession, tmp_path: Path) -> None:
    inspector = pytest.importorskip("nwbinspector", reason="nwbinspector is not installed")
    (path,) = session.export(tmp_path / "s.nwb")
    found = list(inspector.inspect_nwbfile(nwbfile_path=path))
    assert [each for each in found if each.importance.value >= inspector.Importance.CRITICAL.value] == []


def test_a_note_that_has_a_nul_is_no_end_of_the_file(client: Client, tmp_path: Path) -> None:
    session = client.evolve("faces", optimizer="cma", population=POPULATION)
    session.tell([TrialResult(session.ask(1)[0].id, score=1, note="a\0b")])
    (path,) = session.export(tmp_path / "s.nwb")
    with pynwb.NWBHDF5IO(path, "r") as io:
        assert io.read().trials["note"][:].tolist() == ["a\N{SYMBOL FOR NULL}b"]
