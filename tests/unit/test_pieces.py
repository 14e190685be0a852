"""Metrics in pieces: others have their turn between them, and the result is the same bit for bit."""

from __future__ import annotations

import inspect
import pickle
import pydoc
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pullback import directions, inversion
from pullback.directions import traversals
from pullback.geometry.metric import POINTWISE_METHODS
from pullback.geometry.point import Point
from pullback.geometry.precision import _settings, in_full_precision
from pullback.pieces import InPieces, finish, in_pieces
from pullback_api.v1 import specs_pb2
from pullback_server.protocol.batching import MEASUREMENT
from pullback_server.protocol.messages import FromWorker, StartJob
from pullback_server.specs import METRIC_METHODS
from pullback_server.worker.jobs import RunningJob
from pullback_server.worker.tasks.analysis import AnalysisTask
from pullback_server.worker.tasks.eigenbasis import EigenbasisTask
from pullback_server.worker.turns import Turn
from toys import Euclidean, Smooth

GENERATOR, DISTANCE = Smooth(), Euclidean()
MODELS: Any = SimpleNamespace(
    generator=lambda name: GENERATOR, distance=lambda name: DISTANCE, pooled_features=lambda: DISTANCE
)
# Positions, and how many pieces the metric at one takes at least: a row each, or a block of two columns each.
POSITIONS, LEAST = 3, {"gram": 2, "full_backprop": 7, "gram_iteration": 2}


def start_of(method: str, checkpoint: str = "") -> StartJob:
    number = next(number for number, name in METRIC_METHODS.items() if name == method)
    spec = specs_pb2.EigenbasisSpec(
        generator="generators/toy", space="z", distance="euclidean", method=number, samples=POSITIONS
    )
    return StartJob("1", "eigenbasis", MEASUREMENT, False, spec.SerializeToString(), None, None, checkpoint)


def task_of(method: str) -> EigenbasisTask:
    return EigenbasisTask(start_of(method), MODELS, lambda phase: None)


def steps_of(task: Any, after: Callable[[], None] = lambda: None) -> int:
    """Does all of it; how many pieces there were."""
    steps = 0
    while not task.done:
        task.step()
        after()
        steps += 1
    return steps


@pytest.mark.parametrize("method", POINTWISE_METHODS)
def test_a_metric_in_pieces_is_the_metric_and_leaves_precision_alone_between_them(method: str) -> None:
    point = Point(GENERATOR, DISTANCE, torch.randn(6, generator=torch.Generator().manual_seed(1)), "z")

    def settings() -> list[Any]:
        return [getattr(place, name) for place, name, _ in _settings()]

    before, seen = settings(), []
    pieces, count = POINTWISE_METHODS[method](block=2).metric_in_pieces(point), 0
    while True:
        try:
            next(pieces)
        except StopIteration as finished:
            found = finished.value
            break
        count += 1
        assert settings() == before
    assert count >= LEAST.get(method, 1)
    assert torch.equal(found, POINTWISE_METHODS[method](block=2).metric(point))

    def exact() -> Any:
        seen.append(settings())
        yield
        seen.append(settings())

    finish(in_full_precision(exact()))
    assert seen == [[value for *_, value in _settings()]] * 2


@pytest.mark.parametrize("method", LEAST)
def test_an_eigenbasis_that_goes_on_from_the_middle_of_a_step_is_the_same(method: str, tmp_path: Path) -> None:
    whole = task_of(method)
    assert steps_of(whole) >= POSITIONS * LEAST[method]
    killed = task_of(method)
    for _ in range(LEAST[method] + 1):
        killed.step()
    killed.save(tmp_path / "checkpoint")
    again = task_of(method)
    again.restore(tmp_path / "checkpoint")
    assert not again.amid_step
    steps_of(again)
    assert again.result() == whole.result()


def test_a_job_amid_a_step_writes_no_checkpoint_that_says_it_came_further(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    said: list[FromWorker] = []
    # Every piece of work is enough for one.
    job = RunningJob(
        start_of("full_backprop", str(checkpoint)),
        MODELS,
        said.append,
        checkpoint_seconds=0.0,
        progress_seconds=lambda: 0.0,
    )
    written, pieces = 0, 0
    while job.result is None:
        while not Turn([job]).advance():
            pass
        pieces += 1
        if checkpoint.exists():
            checkpoint.unlink()
            written += 1
    assert pieces > POSITIONS * LEAST["full_backprop"]
    assert written == POSITIONS


def test_an_analysis_measures_its_metrics_in_pieces() -> None:
    spec = specs_pb2.AnalysisSpec(
        generator="generators/toy",
        space="z",
        distance="euclidean",
        positions=2,
        control_positions=2,
        compared_distances=["euclidean"],
    )
    start: Any = SimpleNamespace(work=spec.SerializeToString())
    task = AnalysisTask(start, MODELS, lambda phase: None)
    amid: list[bool] = []
    steps = steps_of(task, lambda: amid.append(task.amid_step))
    # Two of each of three metrics.
    assert steps >= task.progress("1").total + 6
    assert sum(amid) >= 6


def test_a_computation_in_pieces_is_called_as_a_whole_or_piece_by_piece() -> None:
    @in_pieces
    def doubled(values: list[int], *, factor: int = 2) -> Generator[None, None, tuple[int, ...]]:
        """Doubles values."""
        found = []
        for value in values:
            found.append(factor * value)
            yield
        return tuple(found)

    assert doubled([1, 2]) == (2, 4)
    assert doubled([1, 2], factor=3) == (3, 6)
    pieces = doubled.in_pieces([5, 7])
    assert [next(pieces), next(pieces)] == [None, None]
    assert finish(pieces) == (10, 14)
    assert doubled.__doc__ == "Doubles values."


def test_signatures_say_what_a_call_returns() -> None:
    found = [
        value
        for package in (directions, inversion, traversals)
        for name in dir(package)
        if isinstance(value := getattr(package, name), InPieces)
    ]
    assert len(found) >= 10
    for function in found:
        returned = inspect.signature(function).return_annotation
        assert returned is not inspect.Signature.empty
        assert "Generator" not in str(returned)


def test_what_is_computed_in_pieces_is_a_plain_function() -> None:
    assert inspect.isfunction(directions.discover)
    assert pickle.loads(pickle.dumps(directions.discover)) is directions.discover
    shown = pydoc.plain(pydoc.render_doc(directions.discover))
    assert "function discover" in shown
    assert "-> 'DirectionSet'" in shown
