"""Specifications of search sessions and reports of trials: every rule, every default, and which field is at fault."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from pullback_api.tensors import pack, unpack
from pullback_api.v1 import search_pb2, values_pb2
from pullback_server.errors import ApiError
from pullback_server.sessions.dry_run import DryRun
from pullback_server.sessions.state.codec import read_event, write_event
from pullback_server.sessions.state.events import Telling, Told
from pullback_server.specs import complete_session_spec, read_reports, search_settings
from pullback_server.specs.reports import Outcome, Report
from tiny import CLASSES, DIM, write_catalogue

CMA, HESSIAN = search_pb2.SEARCH_METHOD_CMA, search_pb2.SEARCH_METHOD_HESSIAN_CMA
SPHERE, RANDOM = search_pb2.SEARCH_METHOD_SPHERE_CMA, search_pb2.SEARCH_METHOD_RANDOM


@pytest.fixture(autouse=True)
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The conditional form of `tiny`: spaces `full`, `noise` and `class`."""
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path, conditional=True)))


def thread(**fields: Any) -> search_pb2.ThreadSpec:
    defaults = {"generator": "generators/tiny", "space": "noise", "optimizer": search_pb2.SearchOptions(method=CMA)}
    return search_pb2.ThreadSpec(**{**defaults, **fields})


def complete(*threads: search_pb2.ThreadSpec, **fields: Any) -> search_pb2.SessionSpec:
    return complete_session_spec(search_pb2.SessionSpec(threads=threads or [thread()], **fields))


def options(**fields: Any) -> search_pb2.SearchOptions:
    return search_pb2.SearchOptions(**fields)


def faults_of(spec: search_pb2.SessionSpec) -> dict[str, str]:
    with pytest.raises(ApiError) as caught:
        complete_session_spec(spec)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    return {violation.field: violation.description for violation in caught.value.violations}


# Specifications -------------------------------------------------------------------------------------------------------


def test_what_is_said_is_kept_and_what_is_not_is_filled_in() -> None:
    spec = complete(
        thread(optimizer=options(method=HESSIAN, axes=3, adapt_covariance=False), minimize=True), title="t", seed=4
    )
    found = spec.threads[0]
    assert (found.optimizer.axes, found.optimizer.adapt_covariance, found.optimizer.exponent) == (3, False, 0.25)
    assert found.optimizer.population == 4 + math.floor(3 * math.log2(3))
    assert (found.minimize, spec.title, spec.seed) == (True, "t", 4)
    assert not found.optimizer.HasField("radius")
    assert not spec.HasField("dry_run")


def test_no_method_is_the_gaussian_process_in_the_eigenbasis() -> None:
    assert complete(thread(optimizer=options())).threads[0].optimizer.method == search_pb2.SEARCH_METHOD_HESSIAN_GP


def test_a_complete_specification_is_left_as_it_is() -> None:
    spec = complete(thread(optimizer=options(method=SPHERE)), images=search_pb2.ImageOptions(width=9, height=8))
    assert complete_session_spec(spec) == spec


@pytest.mark.parametrize(
    ("fields", "planned", "decay"),
    [
        ({}, 0, 36),
        ({"max_generations": 13}, 13, 12),
        ({"max_generations": 13, "planned_generations": 20}, 20, 19),
        ({"planned_generations": 20}, 20, 19),
        ({"max_generations": 13, "optimizer": options(method=SPHERE, decay_generations=5)}, 13, 5),
        # So many are a bound, and no plan.
        ({"max_generations": 1000}, 0, 36),
        ({"max_generations": 13, "optimizer": options(method=CMA)}, 13, 0),
    ],
)
def test_steps_fall_over_what_is_planned(fields: dict[str, Any], planned: int, decay: int) -> None:
    found = complete(thread(**{"optimizer": options(method=SPHERE), **fields})).threads[0]
    assert (found.planned_generations, found.optimizer.decay_generations) == (planned, decay)
    assert found.HasField("planned_generations") == bool(planned)
    assert complete(found).threads[0] == found


def test_a_thread_of_before_there_were_plans_keeps_its_schedule() -> None:
    before = complete(thread(optimizer=options(method=SPHERE))).threads[0]
    before.max_generations = 13
    assert search_settings(before.optimizer).decay_generations == 36


def test_the_axes_are_those_that_move() -> None:
    held = thread(space="full", class_label=CLASSES[1], optimizer=options(method=HESSIAN))
    free = thread(space="full", optimizer=options(method=HESSIAN))
    assert [complete(each).threads[0].optimizer.axes for each in (held, free)] == [DIM - len(CLASSES), DIM]


def test_initial_latents_travel_as_float32() -> None:
    latents = np.arange(2.0 * (DIM - len(CLASSES))).reshape(2, -1)
    found = complete(thread(initial_latents=pack(latents))).threads[0].initial_latents
    assert found.dtype == values_pb2.DATA_TYPE_FLOAT32
    np.testing.assert_array_equal(unpack(found), latents)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"space": "w"}, "space"),
        ({"optimizer": options(method=99)}, "optimizer.method"),
        ({"optimizer": options(method=CMA, population=1)}, "optimizer.population"),
        ({"optimizer": options(method=CMA, population=1001)}, "optimizer.population"),
        ({"optimizer": options(method=CMA, sigma=0.0)}, "optimizer.sigma"),
        ({"optimizer": options(method=CMA, sigma=math.nan)}, "optimizer.sigma"),
        ({"optimizer": options(method=CMA, axes=3)}, "optimizer.axes"),
        ({"optimizer": options(method=HESSIAN, axes=DIM)}, "optimizer.axes"),
        ({"optimizer": options(method=SPHERE, parents=100)}, "optimizer.parents"),
        ({"space": "full", "optimizer": options(method=SPHERE)}, "optimizer.method"),
        ({"eigenbasis": "generators/tiny/eigenbases/a"}, "eigenbasis"),
        ({"eigenbasis": "wrong", "optimizer": options(method=HESSIAN)}, "eigenbasis"),
        ({"constraint": search_pb2.SearchConstraint(max_norm=0.0)}, "constraint.max_norm"),
        ({"constraint": search_pb2.SearchConstraint(stay="far")}, "constraint"),
        ({"constraint": search_pb2.SearchConstraint(stay="0")}, "constraint"),
        ({"constraint": search_pb2.SearchConstraint(min_norm=2.0, max_norm=1.0)}, "constraint"),
        ({"constraint": search_pb2.SearchConstraint(min_norm=99.0, truncation=1.0)}, "constraint"),
        ({"class_label": CLASSES[0]}, "class_label"),
        ({"class_label": "mauve", "space": "full"}, "class_label"),
        ({"initial_latents": pack(np.zeros((2, 2)))}, "initial_latents"),
        ({"initial_latents": pack(np.full((2, DIM - 3), np.nan))}, "initial_latents"),
        ({"initial_latents": values_pb2.Tensor()}, "initial_latents"),
        ({"initial_latents": pack(np.zeros((2, DIM - 3))), "optimizer": options(method=RANDOM)}, "initial_latents"),
        ({"max_generations": -1}, "max_generations"),
        ({"max_generations": 0}, "max_generations"),
        ({"max_generations": 100_001}, "max_generations"),
        ({"planned_generations": 0}, "planned_generations"),
        ({"planned_generations": 100_001}, "planned_generations"),
        ({"channel_weights": [1.0, math.inf]}, "channel_weights"),
        ({"channel_weights": [1e41]}, "channel_weights"),
    ],
)
def test_a_thread_that_cannot_be_names_the_field(fields: dict[str, Any], field: str) -> None:
    assert list(faults_of(search_pb2.SessionSpec(threads=[thread(**fields)]))) == [f"spec.threads[0].{field}"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"threads": []}, "threads"),
        ({"threads": [thread()] * 17}, "threads"),
        ({"title": "x" * 201}, "title"),
        ({"notes": {str(number): "" for number in range(65)}}, "notes"),
        ({"notes": {"subject": "x" * 1001}}, "notes"),
        ({"seed": -1}, "seed"),
        ({"lease": {"seconds": 0, "nanos": 1}}, "lease"),
        ({"lease": {"seconds": 86_401}}, "lease"),
        ({"references_per_generation": 1}, "references_per_generation"),
        ({"references": [search_pb2.ReferenceImage(label="a_b")]}, "references[0].label"),
        ({"references": [search_pb2.ReferenceImage(label=label) for label in "aA"]}, "references[1].label"),
        ({"scores": search_pb2.ScoreOptions(repetitions=101)}, "scores.repetitions"),
        ({"scores": search_pb2.ScoreOptions(repetitions=0)}, "scores.repetitions"),
        ({"scores": search_pb2.ScoreOptions(max_shows=0)}, "scores.max_shows"),
        ({"scores": search_pb2.ScoreOptions(min_scored=0.0)}, "scores.min_scored"),
        ({"scores": search_pb2.ScoreOptions(max_shows=-1)}, "scores.max_shows"),
        ({"scores": search_pb2.ScoreOptions(min_scored=1.1)}, "scores.min_scored"),
        ({"scores": search_pb2.ScoreOptions(min_scored=math.nan)}, "scores.min_scored"),
        ({"scores": search_pb2.ScoreOptions(aggregation=9)}, "scores.aggregation"),
        ({"scores": search_pb2.ScoreOptions(missing=9)}, "scores.missing"),
        ({"images": search_pb2.ImageOptions(width=64)}, "images.height"),
        ({"images": search_pb2.ImageOptions(width=64, height=4097)}, "images.height"),
        ({"images": search_pb2.ImageOptions(width=64, height=0)}, "images.height"),
        ({"images": search_pb2.ImageOptions(mean_luminance=1.1)}, "images.mean_luminance"),
        ({"images": search_pb2.ImageOptions(contrast=0.6)}, "images.contrast"),
        ({"images": search_pb2.ImageOptions(format=9)}, "images.format"),
        ({"dry_run": search_pb2.DryRun(noise=-1.0)}, "dry_run.noise"),
        ({"dry_run": search_pb2.DryRun(failing=0.91)}, "dry_run.failing"),
    ],
)
def test_a_session_that_cannot_be_names_the_field(fields: dict[str, Any], field: str) -> None:
    assert f"spec.{field}" in faults_of(search_pb2.SessionSpec(**{"threads": [thread()], **fields}))


def test_all_that_is_wrong_is_told_at_once() -> None:
    spec = search_pb2.SessionSpec(threads=[thread(space="w"), thread(max_generations=-1)], seed=-1)
    assert set(faults_of(spec)) == {"spec.threads[0].space", "spec.threads[1].max_generations", "spec.seed"}


# Reports --------------------------------------------------------------------------------------------------------------


def reports(*trials: search_pb2.TrialReport, **columns: Any) -> list[tuple[str, Report]]:
    return read_reports(search_pb2.TellRequest(trials=trials, columns=search_pb2.TrialColumns(**columns)))


def report(**fields: Any) -> search_pb2.TrialReport:
    return search_pb2.TrialReport(**{"trial_id": "a", **fields})


def test_a_report_with_a_score_is_scored() -> None:
    assert reports(report(score=1.5)) == [("trials[0]", Report("a", "", Outcome.SCORED, 1.5))]
    ((_, found),) = reports(report(channel_values=[1.0, 2.0]))
    assert (found.outcome, found.score, found.channel_values) == (Outcome.SCORED, None, (1.0, 2.0))


def test_a_score_of_zero_is_a_score() -> None:
    assert reports(report(score=0.0))[0][1].score == 0.0


def test_columns_are_reports() -> None:
    found = reports(
        report(trial_id="z", score=0.0),
        trial_ids=["a", "b"],
        scores=[1.0, math.nan],
        valid=[True, False],
        t_onsets=[3, 4],
    )
    assert [each for _, each in found[1:]] == [
        Report("a", "", Outcome.SCORED, 1.0, t_onset=3.0),
        Report("b", "", Outcome.FAILED, t_onset=4.0),
    ]


def test_an_onset_that_is_nan_is_none_and_the_report_is_known_when_it_comes_again() -> None:
    told = [
        reports(
            report(trial_id="z", score=0.0, t_onset=math.nan),
            trial_ids=["a", "b"],
            scores=[1.0, 2.0],
            t_onsets=[0.5, math.nan],
        )
        for _ in range(2)
    ]
    assert [each.t_onset for _, each in told[0]] == [None, 0.5, None]
    assert told[0] == told[1]
    # What is written of it, strict JSON, is read as it was.
    for _, each in told[0]:
        event = Told((Telling(each, 0, 0, 0, reference=False, late=False, outcome=1, score=1.0),))
        assert read_event(*write_event(event)) == event


def test_columns_without_a_score_need_no_scores() -> None:
    assert [each.outcome for _, each in reports(trial_ids=["a"], valid=[False])] == [Outcome.FAILED]


@pytest.mark.parametrize(
    ("trial", "columns", "field"),
    [
        ({"trial_id": "", "score": 1.0}, {}, "trials[0].trial_id"),
        ({"trial_id": "x" * 129, "score": 1.0}, {}, "trials[0].trial_id"),
        ({"score": math.nan}, {}, "trials[0].score"),
        ({"score": -math.inf}, {}, "trials[0].score"),
        ({"score": -1e101}, {}, "trials[0].score"),
        ({"channel_values": [1.0, math.nan]}, {}, "trials[0].channel_values"),
        ({}, {}, "trials[0].outcome"),
        ({"outcome": 9}, {}, "trials[0].outcome"),
        ({"outcome": search_pb2.OUTCOME_SCORED}, {}, "trials[0].score"),
        ({"score": 1.0, "t_onset": math.inf}, {}, "trials[0].t_onset"),
        ({"score": 1.0, "note": "x" * 1001}, {}, "trials[0].note"),
        (None, {"trial_ids": ["a", "b"], "scores": [1.0]}, "columns.scores"),
        (None, {"trial_ids": ["a"]}, "columns.scores"),
        (None, {"scores": [1.0]}, "columns.scores"),
        (None, {"trial_ids": ["a"], "scores": [1.0], "valid": [True, True]}, "columns.valid"),
        (None, {"trial_ids": ["a"], "scores": [1.0], "image_ids": ["b", "c"]}, "columns.image_ids"),
        (None, {"trial_ids": ["a"], "scores": [math.nan]}, "columns.scores[0]"),
        (None, {"trial_ids": ["a"], "scores": [1e101]}, "columns.scores[0]"),
        (None, {"trial_ids": ["a"], "scores": [1.0], "t_onsets": [-math.inf]}, "columns.t_onsets[0]"),
        (None, {"trial_ids": ["a", "b"], "scores": [1.0] * 2, "t_onsets": [math.nan, math.inf]}, "columns.t_onsets[1]"),
        (None, {"trial_ids": [""], "scores": [1.0]}, "columns[0].trial_id"),
    ],
)
def test_a_report_that_cannot_be_names_the_field(
    trial: dict[str, Any] | None, columns: dict[str, Any], field: str
) -> None:
    with pytest.raises(ApiError) as caught:
        reports(*([] if trial is None else [report(**trial)]), **columns)
    assert field in {violation.field for violation in caught.value.violations}


# Dry runs -------------------------------------------------------------------------------------------------------------


def dry_run(*, minimize: bool = False, seed: int = 0, **fields: Any) -> DryRun:
    spec = search_pb2.SessionSpec(threads=[thread(minimize=minimize)], dry_run=search_pb2.DryRun(**fields), seed=seed)
    return DryRun(spec, 0, 40)


LATENTS = np.random.default_rng(1).standard_normal((4_000, 40)).astype(np.float32)


def test_made_up_scores_depend_on_seed_latent_and_trial_alone() -> None:
    noisy = [dry_run(noise=1.0, seed=seed).score(trial, LATENTS[0]) for seed in (0, 0, 1) for trial in ("a", "b")]
    assert noisy[:2] == noisy[2:4]
    assert len(set(noisy)) == 4
    assert dry_run().score("a", LATENTS[0]) == dry_run().score("b", LATENTS[0])


def test_made_up_scores_of_prior_draws_vary_by_one_and_noise_is_measured_in_that() -> None:
    clean = np.array([dry_run().score("a", latent) for latent in LATENTS])
    assert clean.std() == pytest.approx(1, abs=0.05)
    subject = dry_run(noise=0.5)
    noise = np.array([subject.score(str(number), LATENTS[0]) for number in range(2_000)]) - clean[0]
    assert noise.std() == pytest.approx(0.5, abs=0.03)


def test_a_made_up_hill_has_one_top_which_is_a_valley_where_low_scores_are_good() -> None:
    up, down = dry_run(), dry_run(minimize=True)
    assert up.score("a", LATENTS[0]) == -(down.score("a", LATENTS[0]) or 0)
    # Halfway between two points is never worse than the worse of them: the hill is concave.
    for one, two in zip(LATENTS[:50], LATENTS[50:100], strict=True):
        ends = [up.score("a", one), up.score("a", two)]
        middle = up.score("a", (one + two) / 2)
        assert middle is not None
        assert middle >= min(end for end in ends if end is not None)


def test_as_many_trials_fail_as_was_asked_for() -> None:
    subject = dry_run(failing=0.3)
    failures = [subject.score(str(number), LATENTS[0]) is None for number in range(2_000)]
    assert np.mean(failures) == pytest.approx(0.3, abs=0.04)
