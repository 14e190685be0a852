"""The perceptual study: its trials, what is kept of it, and its table, where the right one is known."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from scipy import special, stats  # type: ignore[import-untyped]

from pullback_client import FailedPreconditionError, InvalidArgumentError
from pullback_client.studio.study.protocol import GROUPS, Protocol, axis_of, latents_along, make_trials
from pullback_client.studio.study.responses import Response, Study, responses_csv
from pullback_client.studio.study.table import incomplete_beta, make_table

BASIS = "generators/faces/eigenbases/1"
SMALL = Protocol("faces", BASIS, references=3, axes=4, excluded=5, frames=3, seed=2)
VECTORS = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]


def seen(trial: int, magnitude: float = 50, consistency: int = 5, difficulty: int = 5, shared: int = 3) -> Response:
    return Response(trial, True, magnitude, "it turns", shared, consistency, difficulty, 9.5)


# Trials


def test_every_axis_is_shown_once_in_an_order_that_is_drawn() -> None:
    trials = make_trials(SMALL)

    assert sorted((trial.group, trial.axis) for trial in trials) == sorted(
        (group, axis) for group in GROUPS for axis in range(4)
    )
    assert [trial.number for trial in trials] == list(range(12))
    assert trials == make_trials(SMALL)
    other = make_trials(Protocol("faces", BASIS, references=3, axes=4, excluded=5, frames=3, seed=3))
    assert [trial.group for trial in trials] != [trial.group for trial in other]
    assert len({trial.seed for trial in trials}) == 12, "each trial has references of its own"


def test_axes_are_those_of_their_groups() -> None:
    for trial in make_trials(SMALL):
        axis = axis_of(trial, VECTORS, SMALL)
        assert np.linalg.norm(axis) == pytest.approx(1)
        match trial.group:
            case "top":
                assert axis == pytest.approx(VECTORS[:, trial.axis])
            case "bottom":
                assert axis == pytest.approx(VECTORS[:, 11 - trial.axis])
            case "orthogonal":
                assert VECTORS[:, :5].T @ axis == pytest.approx(np.zeros(5), abs=1e-12)
                assert np.ptp(np.abs(VECTORS[:, 5:].T @ axis)) > 0.1


def test_images_lie_on_a_line_through_the_reference_and_farther_along_other_axes() -> None:
    references = np.random.default_rng(1).standard_normal((3, 12))
    for trial in make_trials(SMALL):
        axis = axis_of(trial, VECTORS, SMALL)
        latents = latents_along(references, axis, trial, SMALL)
        assert latents.shape == (3, 3, 12)
        assert latents[:, 1] == pytest.approx(references)
        reach = 1.0 if trial.group == "top" else 7.0
        assert latents[2, 2] - latents[2, 0] == pytest.approx(2 * reach * axis)


def test_a_basis_without_bottom_axes_or_a_small_space_is_refused() -> None:
    trial = make_trials(SMALL)[0]
    with pytest.raises(FailedPreconditionError, match="holds 6 of 12 axes"):
        axis_of(trial, VECTORS[:, :6], SMALL)
    with pytest.raises(FailedPreconditionError, match="12 dimensions: too few for 10 top"):
        axis_of(trial, VECTORS, Protocol("faces", BASIS))


@pytest.mark.parametrize(
    "wrong",
    [{"references": 0}, {"axes": 0}, {"frames": 4}, {"top_reach": 0.0}, {"other_reach": math.inf}, {"seed": -1}],
)
def test_protocols_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError):
        Protocol("faces", BASIS, **wrong)  # type: ignore[arg-type]


# Responses


def test_a_study_goes_on_with_its_file() -> None:
    study = Study(SMALL, "Änne")
    study.respond(seen(0))
    study.respond(Response(1, False))

    again = Study.from_json(study.to_json())

    assert again == study
    assert again.next is not None
    assert again.next.number == 2


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b'{"format": "pullback perceptual study 1", "protocol": {"colour": 1}}']
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgumentError, match=r"no file of a perceptual study|whose format is"):
        Study.from_json(data)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Response(0, True), "magnitude"),
        (seen(0, magnitude=101), "from 0 to 100"),
        (seen(0, consistency=0), "how alike"),
        (seen(0, difficulty=10), "how difficult"),
        (seen(0, shared=4), "from 0 to 3"),
        (Response(0, True, 50, " ", 3, 5, 5), "your own words"),
        (seen(12), "12 trials"),
    ],
)
def test_a_question_without_an_answer_is_asked_again(wrong: Response, said: str) -> None:
    study = Study(SMALL, "anna")
    with pytest.raises(InvalidArgumentError, match=said):
        study.respond(wrong)
    assert study.responses == {}


def test_responses_are_a_table() -> None:
    study = Study(SMALL, "anna")
    study.respond(seen(0))
    study.respond(Response(1, False))

    first, second = csv.DictReader(io.StringIO(responses_csv([study]).decode()))

    assert (first["group"], first["axis"]) == (study.trials[0].group, str(study.trials[0].axis))
    assert (first["seen"], first["words"], first["magnitude"]) == ("1", "it turns", "50")
    assert (second["seen"], second["magnitude"]) == ("0", "")


# Table


def test_the_table_of_synthetic_answers_is_the_one_that_is_known() -> None:
    rng = np.random.default_rng(5)
    studies, given = [], {group: {"magnitude": [], "consistency": [], "difficulty": []} for group in GROUPS}
    for observer in ("anna", "ben"):
        study = Study(SMALL, observer)
        for trial in study.trials:
            if trial.group == "bottom" and trial.axis % 2:
                study.respond(Response(trial.number, False))
                continue
            far = {"top": 70, "orthogonal": 60, "bottom": 40}[trial.group]
            values = {
                "magnitude": far + int(rng.integers(-9, 10)),
                "consistency": int(rng.integers(4, 10)),
                "difficulty": int(rng.integers(1, 10)),
            }
            study.respond(seen(trial.number, **values))
            for name, value in values.items():
                given[trial.group][name].append(value)
        studies.append(study)

    rows = {row.group: row for row in make_table(studies)}

    assert [rows[group].responses for group in GROUPS] == [8, 8, 8]
    assert [rows[group].seen for group in GROUPS] == [1, 1, 0.5]
    for group in GROUPS:
        for name, values in given[group].items():
            mean = rows[group].means[name]
            assert mean.responses == len(values)
            assert mean.value == pytest.approx(np.mean(values))
            assert mean.error == pytest.approx(stats.sem(values))
            if group == "top":
                assert math.isnan(mean.p)
            else:
                assert mean.p == pytest.approx(stats.ttest_ind(given["top"][name], values).pvalue, rel=1e-9)
    assert rows["bottom"].means["magnitude"].p < 1e-4


def test_a_study_without_answers_has_a_table_that_says_so() -> None:
    for row in make_table([Study(SMALL, "anna")]):
        assert row.responses == 0
        assert math.isnan(row.seen)
        assert all(mean.responses == 0 and math.isnan(mean.value) and math.isnan(mean.p) for mean in row.means.values())


@pytest.mark.parametrize("a", [0.5, 1.0, 7.5, 300.0])
@pytest.mark.parametrize("b", [0.5, 3.0])
@pytest.mark.parametrize("x", [0.0, 1e-6, 0.2, 0.5, 0.97, 1 - 1e-9, 1.0])
def test_the_incomplete_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-10, abs=1e-300)
