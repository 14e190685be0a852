"""Walks that some channels of a layer follow alone: which channels, kept how long, and what the frames show."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pullback import distances
from pullback.directions.methods.dp_lase.subspaces import Subspaces, masked_edit, refine
from pullback.errors import InvalidInputError
from pullback.generators import Generator
from pullback.pictures import to_pictures
from pullback.pieces import finish, in_pieces
from pullback_server.protocol.calls import Framed, Traverse
from pullback_server.protocol.walks import MaskPlan, WalkAxis, WalkPlan
from pullback_server.worker.walks import masked as masked_walks
from pullback_server.worker.walks.calls import traverse
from tiny_style import tiny_style

MASK = MaskPlan(subset=0, subsets=2, layer="layer 1", samples=16, reach=2.0, seed=3)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    masked_walks._found.clear()
    yield
    masked_walks._found.clear()


def plan_of(generator: Generator, mask: MaskPlan | None, space: str = "z", **fields: Any) -> WalkPlan:
    """A walk of five frames along the first coordinate."""
    dim = generator.space(space).dim
    return WalkPlan(
        **{
            "generator": generator.name,
            "distance": "mse",
            "kind": "linear",
            "latent": generator.space(space).sample(1, 7)[0].numpy(),
            "space": space,
            "axes": (WalkAxis(np.eye(dim)[0], space, unit=0.5),),
            "first": -2.0,
            "last": 2.0,
            "frames": 5,
            "image_format": "PNG",
            "strip": False,
            "animation": False,
            "mask": mask,
            **fields,
        }
    )


def found_of(generator: Generator, plan: WalkPlan, mask: MaskPlan) -> Subspaces:
    return finish(masked_walks.subspaces(generator, plan, mask))


def frames_of(generator: Generator, plan: WalkPlan) -> list[Framed]:
    models: Any = SimpleNamespace(tuned=lambda name, tuning: generator, distance=distances.load)
    return [each for each in traverse(models, Traverse(1, plan)) if isinstance(each, Framed)]


def pixels(frame: Framed) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(frame.data)))


def test_frames_are_masked_edits_of_the_channels_that_work_together(tiny_generator: Generator) -> None:
    plan = plan_of(tiny_generator, MASK)
    found = found_of(tiny_generator, plan, MASK)
    assert (found.layer, found.masks.shape) == ("layer 1", (2, 16))
    assert not (found.masks[0] & found.masks[1]).any()
    start = torch.from_numpy(plan.latent)
    for number in (0, 1):
        frames = frames_of(tiny_generator, replace(plan, mask=replace(MASK, subset=number)))
        moved = torch.stack([torch.from_numpy(frame.latent) for frame in frames])
        # The latents are where the walk leads.
        expected = start + torch.outer(torch.tensor([-2.0, -1, 0, 1, 2]) * 0.5, torch.eye(8)[0])
        torch.testing.assert_close(moved, expected)
        edited = masked_edit(tiny_generator, start.expand(5, -1), moved, "z", found.masks[number], layer="layer 1")
        for frame, picture in zip(frames, to_pictures(edited), strict=True):
            np.testing.assert_array_equal(pixels(frame), np.asarray(picture))
        before = tiny_generator.render(start[None], "z").expand_as(edited)
        distance = distances.load("mse")(before, edited)
        np.testing.assert_allclose([frame.distance for frame in frames], distance, rtol=1e-4, atol=1e-9)
        assert frames[2].distance == pytest.approx(0, abs=1e-12)
        assert frames[4].distance > 0


def test_subsets_are_those_of_draws_that_walk_along_the_direction(
    tiny_generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def watched(generator: Generator, moved: torch.Tensor, space: str, **settings: Any) -> Any:
        seen.append(moved)
        assert space == "z"
        return refine.in_pieces(generator, moved, space, **settings)

    monkeypatch.setattr(masked_walks, "refine", in_pieces(watched))
    found_of(tiny_generator, plan_of(tiny_generator, MASK), MASK)
    far = replace(MASK, reach=6.0)
    found_of(tiny_generator, plan_of(tiny_generator, far), far)
    near, far_off = seen
    # Moved along the first coordinate alone, by at most reach · unit.
    torch.testing.assert_close(near[:, 1:], far_off[:, 1:])
    # z + γ u and z + 3 γ u: half of the difference is γ u
    lengths = (far_off - near)[:, 0] / 2
    assert len(near) == len(lengths.unique()) == 16
    assert lengths.abs().max() <= 1
    assert lengths.min() < 0 < lengths.max()


def test_subsets_are_found_once_for_walks_of_any_length_and_start(
    tiny_generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(*arguments: Any, **settings: Any) -> Any:
        made.append(len(made))
        return refine.in_pieces(*arguments, **settings)

    monkeypatch.setattr(masked_walks, "refine", in_pieces(counted))
    plan = plan_of(tiny_generator, MASK)
    first = frames_of(tiny_generator, plan)
    longer = replace(plan, last=3.0, frames=6, latent=np.ones(8, np.float32), mask=replace(MASK, subset=1))
    frames_of(tiny_generator, longer)
    assert frames_of(tiny_generator, plan)[0].data == first[0].data
    assert len(made) == 1
    frames_of(tiny_generator, replace(plan, mask=replace(MASK, seed=4)))
    frames_of(tiny_generator, replace(plan, axes=(WalkAxis(np.eye(8)[1], "z", unit=0.5),)))
    assert len(made) == 3
    monkeypatch.setattr(masked_walks, "_KEPT", 1)
    frames_of(tiny_generator, replace(plan, mask=replace(MASK, seed=5)))
    assert len(masked_walks._found) == 1


def test_a_walk_on_some_layers_of_a_style_based_generator_is_masked_too() -> None:
    generator = tiny_style()
    mask = replace(MASK, layer="8 px")
    axes = (WalkAxis(np.eye(6)[0], "w", layers=(0, 1)),)
    plan = plan_of(generator, mask, "z", axes=axes)
    frames = frames_of(generator, plan)
    start = generator.complete(torch.from_numpy(plan.latent)[None], "z")
    moved = torch.stack([torch.from_numpy(frame.latent) for frame in frames])
    assert moved.shape == (5, 36)
    chosen = found_of(generator, plan, mask).masks[0]
    edited = masked_edit(generator, start.expand(5, -1), moved, "w+", chosen, layer="8 px")
    for frame, picture in zip(frames, to_pictures(edited), strict=True):
        np.testing.assert_allclose(pixels(frame).astype(int), np.asarray(picture).astype(int), atol=1)
    assert frames[0].distance > frames[1].distance > 0


def test_others_have_their_turn_while_subsets_are_found_and_no_longer(tiny_generator: Generator) -> None:
    plan = plan_of(tiny_generator, MASK)
    models: Any = SimpleNamespace(tuned=lambda name, tuning: tiny_generator, distance=distances.load)
    first, second = (list(traverse(models, Traverse(1, plan))) for _ in range(2))
    turns = sum(piece is None for piece in first)
    # 16 draws, eight at a time, and then what iterates.
    assert turns >= 2
    assert first[:turns] == [None] * turns
    assert [frame.data for frame in first[turns:] if isinstance(frame, Framed)] == [
        frame.data for frame in second if isinstance(frame, Framed)
    ]
    assert all(piece is not None for piece in (*first[turns:], *second))


def test_more_subsets_than_channels_are_refused(tiny_generator: Generator) -> None:
    with pytest.raises(InvalidInputError, match="take fewer clusters"):
        frames_of(tiny_generator, plan_of(tiny_generator, replace(MASK, subsets=17)))


def test_without_a_mask_every_channel_follows(tiny_generator: Generator) -> None:
    frames = frames_of(tiny_generator, plan_of(tiny_generator, None))
    moved = torch.stack([torch.from_numpy(frame.latent) for frame in frames])
    for frame, picture in zip(frames, to_pictures(tiny_generator.render(moved, "z")), strict=True):
        np.testing.assert_array_equal(pixels(frame), np.asarray(picture))
