"""The task of a discovery and the call of a walk: others have their turn between pieces, and the result is the same."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from metrics import PROVENANCE, metric_with
from pullback import distances
from pullback.directions import DirectionsSettings, DpLase, discover
from pullback.directions.traversals.curve import curve
from pullback.directions.traversals.metric_uniform import metric_uniform
from pullback.directions.traversals.walk import even_steps
from pullback.errors import UnknownNameError
from pullback.generators import Generator
from pullback.geometry import Eigenbasis
from pullback.pictures import to_pictures
from pullback_api.tensors import unpack
from pullback_api.v1 import directions_pb2, specs_pb2
from pullback_server.protocol.calls import CallDone, Framed, Traverse
from pullback_server.protocol.walks import CurvePlan, WalkAxis, WalkPlan
from pullback_server.worker.tasks.directions import DirectionsTask
from pullback_server.worker.walks.calls import traverse
from pullback_server.worker.walks.latents import make_walk, stepped_walk
from storing import stored_meanwhile
from tiny_style import tiny_style

STYLE = tiny_style()
MODELS: Any = SimpleNamespace(generator=lambda name: STYLE, tuned=lambda name, tuning: STYLE, distance=distances.load)
BASIS = Eigenbasis.from_metric(
    metric_with(np.geomspace(9, 0.1, 6)),
    replace(PROVENANCE, generator=STYLE.name, weights_hash=STYLE.weights_hash, space="z"),
)
PCA = specs_pb2.DIRECTION_METHOD_GANSPACE_PCA
DP_LASE = specs_pb2.DIRECTION_METHOD_DP_LASE


def task_of(method: specs_pb2.DirectionMethod, samples: int, **given: Any) -> DirectionsTask:
    spec = specs_pb2.DirectionsSpec(
        generator=f"generators/{STYLE.name}", method=method, space="z", k=3, samples=samples, **given
    )
    with stored_meanwhile(BASIS.to_bytes()) as eigenbasis:
        start: Any = SimpleNamespace(work=spec.SerializeToString(), eigenbasis=eigenbasis)
        return DirectionsTask(start, MODELS, lambda phase: None)


def finish(task: DirectionsTask) -> tuple[int, directions_pb2.DirectionSet]:
    """How many steps were left, and the result."""
    steps = 0
    while not task.done:
        task.step()
        steps += 1
    return steps, directions_pb2.DirectionSet.FromString(task.result())


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many inputs passed the generator, call by call."""
    calls: list[int] = []
    activations = STYLE.activations

    def counting(inputs: torch.Tensor, *args: Any, **options: Any) -> dict[str, torch.Tensor]:
        calls.append(len(inputs))
        return activations(inputs, *args, **options)

    monkeypatch.setattr(STYLE, "activations", counting)
    return calls


def test_a_step_of_a_discovery_looks_at_a_few_samples(rendered: list[int]) -> None:
    task = task_of(PCA, 500, layer="4 px")
    looked = []
    while not task.done:
        assert (task.progress("1").step, task.progress("1").total) == (0, 1)
        before = sum(rendered)
        task.step()
        looked.append(sum(rendered) - before)
    assert task.progress("1").step == 1
    # The first step checks the layer, counts its features and measures a row, one at a time each, too.
    assert max(looked[1:]) == 16
    assert sum(count for count in rendered if count > 1) == 500
    assert rendered.count(1) <= 3
    found = unpack(finish(task)[1].vectors)
    expected = discover(STYLE, DirectionsSettings("ganspace_pca", "z", 3, samples=500, layer="4 px"), eigenbasis=BASIS)
    np.testing.assert_allclose(found, expected.vectors, rtol=1e-12)


def test_a_job_that_is_killed_between_two_pieces_begins_the_step_anew(tmp_path: Path) -> None:
    whole, expected = finish(task_of(PCA, 500, layer="4 px"))
    killed = task_of(PCA, 500, layer="4 px")
    for _ in range(whole // 2):
        killed.step()
    killed.save(tmp_path / "checkpoint")
    again = task_of(PCA, 500, layer="4 px")
    again.restore(tmp_path / "checkpoint")
    assert finish(again) == (whole, expected)
    assert finish(killed) == (whole - whole // 2, expected)


def test_a_training_ends_in_pieces_and_keeps_its_updates(tmp_path: Path) -> None:
    training = DpLase(STYLE, "z", 3, samples=100)
    state = training.init()
    while not training.done(state):
        state = training.step(state)
    expected = training.result(state).measured(BASIS)
    task = task_of(DP_LASE, 100)
    for _ in range(100):
        assert not task.done
        task.step()
    assert not task.done
    assert task.progress("1").step == 100
    task.step()
    task.save(tmp_path / "checkpoint")
    again = task_of(DP_LASE, 100)
    again.restore(tmp_path / "checkpoint")
    (left, found), (steps, same) = finish(task), finish(again)
    # Walks of 16 lengths.
    assert (left, steps) == (16, 17)
    assert found == same
    np.testing.assert_allclose(unpack(found.vectors), expected.vectors, rtol=1e-12)
    finished = task_of(DP_LASE, 100)
    task.save(tmp_path / "checkpoint")
    finished.restore(tmp_path / "checkpoint")
    assert finished.done
    assert finish(finished) == (0, found)
    assert finished.progress("1").step == 100


def plan_of(kind: str, generator: Generator, **given: Any) -> WalkPlan:
    latent = generator.space("z").sample(1, 3)[0].numpy()
    axes = (WalkAxis(np.eye(6)[0], "z"),) if kind == "metric_uniform" else ()
    return WalkPlan(
        STYLE.name, "mse", kind, latent, "z", axes, -1.0, 1.0, 5, "PNG", strip=False, animation=False, **given
    )


def answers(plan: WalkPlan) -> list[Any]:
    with warnings.catch_warnings():
        # torch itself calls it when forward mode is first used.
        warnings.filterwarnings("ignore", ".torch.jit.script. is deprecated", FutureWarning)
        return list(traverse(MODELS, Traverse(1, plan)))


def test_a_walk_of_an_unknown_kind_is_refused_and_never_taken_for_another() -> None:
    plan = plan_of("spiral", STYLE)
    with pytest.raises(UnknownNameError, match=r"no kind of walk is named 'spiral'; known: .*curve"):
        make_walk(STYLE, distances.load("mse"), plan)
    with pytest.raises(UnknownNameError, match="no kind of walk along one axis is named 'curve'"):
        stepped_walk(STYLE, plan_of("curve", STYLE), torch.from_numpy(plan.latent), torch.zeros(1))


@pytest.mark.parametrize("kind", ["curve", "metric_uniform"])
def test_a_walk_whose_way_is_found_first_lets_others_have_their_turn_meanwhile(kind: str) -> None:
    asked = CurvePlan(pieces=7, rank=1, jitter=0.2, seed=5, layers=())
    plan = plan_of(kind, STYLE, curve=asked if kind == "curve" else None)
    found = answers(plan)
    frames = [answer for answer in found if isinstance(answer, Framed)]
    turns = found.index(frames[0])
    assert found[:turns] == [None] * turns
    assert turns >= (14 if kind == "curve" else 4)
    assert found[turns:-1] == frames
    assert isinstance(found[-1], CallDone)
    latent = torch.from_numpy(plan.latent)
    if kind == "curve":
        walk = curve(STYLE, latent, even_steps(-1.0, 1.0, 5), pieces=7, rank=1, jitter=0.2, seed=5)
    else:
        vector = torch.eye(6, dtype=torch.float64)[0]
        walk = metric_uniform(STYLE, distances.load("mse"), latent, vector, -1.0, 1.0, 5, "z")
    np.testing.assert_array_equal([frame.latent for frame in frames], walk.latents.float())
    np.testing.assert_array_equal([frame.steps[0] for frame in frames], walk.steps)


def test_a_walk_whose_latents_are_known_at_once_begins_with_its_first_frame() -> None:
    latent = STYLE.space("z").sample(1, 3)[0].numpy()
    axes = (WalkAxis(np.eye(6)[0], "z"),)
    plan = WalkPlan(STYLE.name, "mse", "linear", latent, "z", axes, -1.0, 1.0, 3, "PNG", strip=False, animation=False)
    assert [type(answer) for answer in answers(plan)] == [Framed] * 3 + [CallDone]


def test_a_walk_has_the_noise_maps_that_it_is_given() -> None:
    loud = tiny_style(strength=0.2)
    models: Any = SimpleNamespace(tuned=lambda name, tuning: loud, distance=distances.load)
    axes = (WalkAxis(np.eye(6)[0], "z"),)
    latent = loud.space("z").sample(1, 3)[0].numpy()
    plan = WalkPlan(STYLE.name, "mse", "linear", latent, "z", axes, -1.0, 1.0, 3, "PNG", strip=False, animation=False)
    maps = [torch.randn(shape, generator=torch.Generator().manual_seed(1)) for shape in loud.noise_shapes]
    given = replace(plan, noise_maps=tuple(each.numpy() for each in maps))
    own, with_maps = ([frame.data for frame in list(traverse(models, Traverse(1, each)))[:3]] for each in (plan, given))
    assert all(first != second for first, second in zip(own, with_maps, strict=True))
    drawn = loud.with_noise(maps).render(torch.from_numpy(latent)[None], "z")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(with_maps[1]))), np.asarray(to_pictures(drawn)[0]))
