"""Parts of an eigenbasis: whoever computes them, and whatever becomes of that, the same bytes come of the job."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pullback.errors import PullbackError
from pullback.geometry import metric_estimator
from pullback.geometry.estimators import estimator as estimators
from pullback.geometry.estimators.sketch import GradientSketch
from pullback_api.v1 import specs_pb2
from pullback_server.protocol.messages import StartJob
from pullback_server.specs import METRIC_METHODS
from pullback_server.worker.parts import Part, SharedShards, shared_shards
from pullback_server.worker.tasks import SharedTask, make_task
from pullback_server.worker.tasks.eigenbasis import EigenbasisTask
from toys import Curved, Smooth

SKETCH = specs_pb2.EigenbasisSpec(method=specs_pb2.METRIC_METHOD_SKETCH, samples=120, seed=3)
SETTLING = specs_pb2.EigenbasisSpec(
    method=specs_pb2.METRIC_METHOD_SKETCH, samples=400, seed=3, automatic=True, tolerance=0.02
)
POSITIONS = specs_pb2.EigenbasisSpec(method=specs_pb2.METRIC_METHOD_GRAM, samples=15, seed=5)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a moment: the toys' shards take no longer."""
    monkeypatch.setattr(shared_shards, "PART_SECONDS", 1e-6)


def models() -> Any:
    return SimpleNamespace(generator=lambda name: Smooth(), distance=lambda name: Curved())


def start_of(spec: specs_pb2.EigenbasisSpec, part: bytes = b"") -> StartJob:
    complete = specs_pb2.EigenbasisSpec(generator="generators/smooth", space="z", distance="curved")
    complete.MergeFrom(spec)
    start: Any = SimpleNamespace(kind="eigenbasis", work=complete.SerializeToString(), part=part)
    return start


def task_of(spec: specs_pb2.EigenbasisSpec) -> EigenbasisTask:
    task = make_task(start_of(spec), models(), lambda phase: None)
    assert isinstance(task, EigenbasisTask)
    assert isinstance(task, SharedTask)
    return task


def shards_of(task: EigenbasisTask) -> SharedShards:
    assert task.shards is not None
    return task.shards


def computed(spec: specs_pb2.EigenbasisSpec, part: bytes) -> bytes:
    """What another worker makes of a part."""
    task = make_task(start_of(spec, part), models(), lambda phase: None)
    while not task.done:
        task.step()
    assert task.progress("1/1").step == task.progress("1/1").total
    return task.result()


def alone(spec: specs_pb2.EigenbasisSpec) -> bytes:
    """The eigenbasis by the library itself, shard after shard."""
    estimator = metric_estimator(
        Smooth(),
        Curved(),
        "z",
        method=METRIC_METHODS[spec.method],
        samples="auto" if spec.automatic else spec.samples,
        max_samples=spec.samples if spec.automatic else None,
        seed=spec.seed,
        **({"tolerance": spec.tolerance} if spec.tolerance else {}),
    )
    state = estimator.init()
    while not estimator.done(state):
        state = estimator.step(state)
    return estimator.result(state).to_bytes()


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("spec", [SKETCH, SETTLING, POSITIONS], ids=["sketch", "settling", "positions"])
@pytest.mark.parametrize("seed", range(2))
def test_a_shared_eigenbasis_is_the_same_bytes(
    spec: specs_pb2.EigenbasisSpec, seed: int, rows: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if rows:
        # As of a space of thousands of dimensions.
        monkeypatch.setattr(estimators, "LARGEST_COMPLETE", 1)
    expected = alone(spec)
    rng, task, out = random.Random(seed), task_of(spec), list[bytes]()
    brought = 0
    while not task.done:
        task.step()
        step = task.progress("1").step
        chance = rng.random()
        if chance < 0.3 and (part := shards_of(task).lend()):
            out.append(part)
        elif chance < 0.6 and out:
            # In whatever order; of some nothing comes.
            part = out.pop(rng.randrange(len(out)))
            came = rng.random() < 0.8
            brought += came
            shards_of(task).take(part, computed(spec, part) if came else b"")
        elif chance < 0.65 and not task.amid_step:
            # The worker dies, and what is out comes to the next one, or not at all.
            task.save(tmp_path / "checkpoint")
            task = task_of(spec)
            task.restore(tmp_path / "checkpoint")
            if rng.random() < 0.5:
                out.clear()
        assert task.progress("1").step >= step
    assert task.result() == expected
    assert brought


def test_a_worker_computes_what_another_one_does_not_bring() -> None:
    task = task_of(SKETCH)
    while not shards_of(task).lend():
        task.step()
    while shards_of(task).lend():
        pass
    # Nothing of all that ever comes.
    while not task.done:
        task.step()
    assert task.result() == alone(SKETCH)


def test_what_comes_twice_or_late_is_not_added_twice() -> None:
    task = task_of(SKETCH)
    while not (part := shards_of(task).lend()):
        task.step()
    result = computed(SKETCH, part)
    shards_of(task).take(part, result)
    shards_of(task).take(part, result)
    while not task.done:
        task.step()
    shards_of(task).take(part, result)
    assert task.result() == alone(SKETCH)


def test_shards_of_others_are_not_computed_here_while_there_are_more() -> None:
    task = task_of(SKETCH)
    while not (part := shards_of(task).lend()):
        task.step()
    lent, begun = Part.from_bytes(part).numbers, list[int]()
    while not task.done:
        task.step()
        if task.amid_step:
            begun.append(shards_of(task)._number)
    # What nobody else is at comes first, and what nobody has brought in the end.
    assert list(dict.fromkeys(begun))[-len(lent) :] == list(lent)


def test_nothing_is_lent_where_memory_is_bounded_or_little_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = specs_pb2.EigenbasisSpec(max_memory_mib=1000)
    bounded.MergeFrom(SKETCH)
    task = task_of(bounded)
    task.step()
    assert task.shards is None
    # A second's work is not worth the while.
    monkeypatch.setattr(shared_shards, "PART_SECONDS", 1e6)
    task = task_of(SKETCH)
    task.step()
    assert not shards_of(task).lends
    assert not shards_of(task).lend()


def test_what_waits_for_the_shards_before_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(SKETCH)
    assert not shards_of(task).lend()
    task.step()
    while not task.progress("1").step:
        task.step()
    monkeypatch.setattr(shared_shards, "AHEAD_BYTES", 5 * shards_of(task)._bytes)
    lent = 0
    while part := shards_of(task).lend():
        lent += len(Part.from_bytes(part).numbers)
    assert 0 < lent <= 5
    while not task.done:
        task.step()
        assert len(shards_of(task).ahead) <= 5


def test_other_weights_compute_no_part() -> None:
    task = task_of(SKETCH)
    while not (part := shards_of(task).lend()):
        task.step()
    other = Smooth()
    other.weights_hash = "f" * 64
    loaded: Any = SimpleNamespace(generator=lambda name: other, distance=lambda name: Curved())
    helping = make_task(start_of(SKETCH, part), loaded, lambda phase: None)
    while not helping.done:
        helping.step()
    with pytest.raises(PullbackError, match=r"with weights of the generator: ffff.* their shards are not the same"):
        helping.result()


def test_a_worker_with_less_memory_brings_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(SKETCH)
    while not (part := shards_of(task).lend()):
        task.step()
    monkeypatch.setattr(GradientSketch, "_fitting_width", lambda self: 8)
    with pytest.raises(PullbackError, match="computes with derivatives at once: 8, and the one that it helps with 16"):
        computed(SKETCH, part)
