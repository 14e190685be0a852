"""Walks along directions over a real socket, against `Render` and against the library itself."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from PIL import Image

from directing import (
    STYLE,
    TINY,
    directions_of,
    discover,
    discover_style,
    draw,
    latents_of,
    rendered,
    walk,
)
from live_server import LiveServer
from pullback import generators
from pullback.directions.traversals.curve import curve
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import directions_pb2, specs_pb2, values_pb2

KIND = {name: directions_pb2.TraversalKind.Value(f"TRAVERSAL_KIND_{name}") for name in (
    "LINEAR", "SPHERICAL", "DENSITY_PRESERVING", "CURVE", "SUBSPACE", "METRIC_UNIFORM", "GEODESIC",
)}  # fmt: skip
LATENT = directions_pb2.STEP_UNIT_LATENT


@pytest.fixture(scope="module")
def found(styled_server: LiveServer) -> directions_pb2.DirectionSet:
    """Directions of `tiny`."""
    return directions_of(styled_server, discover(styled_server, k=4))


@pytest.fixture(scope="module")
def of_w(styled_server: LiveServer) -> directions_pb2.DirectionSet:
    """Directions of `tiny-style`'s w."""
    return directions_of(styled_server, discover_style(styled_server, k=3))


@pytest.fixture
def style(styled_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> generators.Generator:
    """The generator `tiny-style` that the server serves, loaded here."""
    for name, value in styled_environment.items():
        monkeypatch.setenv(name, value)
    return generators.load("tiny-style")


def mapped(style: generators.Generator, z: np.ndarray) -> np.ndarray:
    """The w+ of a z, shape (layers × 6,)."""
    with torch.no_grad():
        return style.complete(torch.from_numpy(z)[None], "z")[0].numpy()


def test_a_linear_walk_counts_steps_by_which_the_image_changes_alike(
    styled_server: LiveServer, found: directions_pb2.DirectionSet
) -> None:
    start = draw(styled_server)
    frames, end = walk(styled_server, start, found.name, frames=5)
    assert [frame.index for frame in frames] == list(range(5))
    assert [frame.step for frame in frames] == [-2, -1, 0, 1, 2]
    # A step is α_H^−½.
    unit = unpack(found.rates)[0] ** -0.5
    expected = start + np.arange(-2, 3)[:, None] * unit * unpack(found.vectors)[0]
    np.testing.assert_allclose(latents_of(frames), expected, atol=1e-5)
    assert (end.frames, end.space) == (5, "z")
    assert frames[2].distance == pytest.approx(0, abs=1e-9)
    assert all(frame.distance > 0 for frame in frames if frame.step)


@pytest.mark.parametrize("kind", ["LINEAR", "SPHERICAL", "DENSITY_PRESERVING", "SUBSPACE", "METRIC_UNIFORM"])
def test_every_frame_is_the_very_picture_that_render_gives_for_its_latent(
    styled_server: LiveServer, found: directions_pb2.DirectionSet, kind: str
) -> None:
    second = directions_pb2.DirectionRef(directions=found.name, index=1)
    extra = {"second": second} if kind == "SUBSPACE" else {}
    frames, _ = walk(styled_server, draw(styled_server), found.name, kind=KIND[kind], frames=6, unit=LATENT, **extra)
    assert len(frames) == (36 if kind == "SUBSPACE" else 6)
    assert [frame.image.data for frame in frames] == rendered(styled_server, latents_of(frames))
    assert (frames[0].image.width, frames[0].image.height) == (16, 16)


@pytest.mark.parametrize("kind", ["SPHERICAL", "DENSITY_PRESERVING"])
def test_walks_on_the_sphere_keep_the_norm(
    styled_server: LiveServer, found: directions_pb2.DirectionSet, kind: str
) -> None:
    start = draw(styled_server)
    frames, _ = walk(styled_server, start, found.name, kind=KIND[kind], first_step=-1, last_step=3)
    np.testing.assert_allclose(np.linalg.norm(latents_of(frames), axis=1), np.linalg.norm(start), rtol=1e-5)


def test_a_subspace_is_sent_row_by_row(styled_server: LiveServer, found: directions_pb2.DirectionSet) -> None:
    start = draw(styled_server)
    second = directions_pb2.DirectionRef(directions=found.name, index=2)
    frames, end = walk(
        styled_server, start, found.name, second=second, kind=KIND["SUBSPACE"], frames=3, unit=LATENT, strip=True
    )
    assert [(frame.step, frame.second_step) for frame in frames[:4]] == [(-2, -2), (0, -2), (2, -2), (-2, 0)]
    vectors = unpack(found.vectors)
    np.testing.assert_allclose(unpack(frames[1].latent), start - 2 * vectors[2], atol=1e-5)
    assert Image.open(io.BytesIO(end.strip.data)).size == (48, 48) == (end.strip.width, end.strip.height)


def test_metric_uniform_frames_lie_equally_far_apart(
    styled_server: LiveServer, found: directions_pb2.DirectionSet
) -> None:
    def unevenness(kind: str) -> float:
        frames, _ = walk(
            styled_server, draw(styled_server), found.name, kind=KIND[kind], frames=9, unit=LATENT, last_step=4
        )
        assert (frames[0].step, frames[-1].step) == (-2, 4)
        pictures = [np.asarray(Image.open(io.BytesIO(frame.image.data)), dtype=float) for frame in frames]
        gaps = np.array([np.linalg.norm(b - a) for a, b in pairwise(pictures)])
        return float((gaps / gaps.mean()).var())

    assert unevenness("METRIC_UNIFORM") <= 0.25 * unevenness("LINEAR")


@pytest.mark.parametrize(("generator", "space"), [(TINY, "z"), (STYLE, "w"), (STYLE, "w+")])
def test_a_geodesic_leads_to_its_end_on_a_short_way(styled_server: LiveServer, generator: str, space: str) -> None:
    start, end = (draw(styled_server, generator=generator, space=space, seed=seed) for seed in (1, 2))

    def length(kind: str) -> float:
        frames, _ = walk(
            styled_server, start, generator=generator, space=space, end=pack(end), kind=KIND[kind], frames=33
        )
        latents = latents_of(frames)
        np.testing.assert_array_equal(latents[[0, -1]], [start, end])
        assert (frames[0].step, frames[-1].step) == (0, 1)
        assert [frames[0].image.data, frames[-1].image.data] == rendered(
            styled_server, latents[[0, -1]], generator, space
        )
        pictures = [np.asarray(Image.open(io.BytesIO(frame.image.data)), dtype=float) for frame in frames]
        return float(sum(np.linalg.norm(b - a) for a, b in pairwise(pictures)))

    # Levels of eight bits are what it is measured by.
    assert length("GEODESIC") <= 1.01 * length("LINEAR")


def test_a_walk_brings_its_strip_and_its_animation(
    styled_server: LiveServer, found: directions_pb2.DirectionSet
) -> None:
    frames, end = walk(styled_server, draw(styled_server), found.name, frames=20, strip=True, animation=True)
    sheet = np.asarray(Image.open(io.BytesIO(end.strip.data)))
    pictures = [np.asarray(Image.open(io.BytesIO(frame.image.data))) for frame in frames]
    np.testing.assert_array_equal(sheet, np.concatenate(pictures, axis=1))
    with Image.open(io.BytesIO(end.animation)) as animation:
        assert (animation.format, animation.size, animation.n_frames) == ("GIF", (16, 16), 38)


def test_frames_can_be_jpeg(styled_server: LiveServer, found: directions_pb2.DirectionSet) -> None:
    frames, end = walk(styled_server, draw(styled_server), found.name, format=values_pb2.IMAGE_FORMAT_JPEG)
    assert {frame.image.format for frame in frames} == {values_pb2.IMAGE_FORMAT_JPEG}
    assert Image.open(io.BytesIO(frames[0].image.data)).format == "JPEG"
    assert not end.HasField("strip")
    assert not end.animation


def test_a_direction_is_found_by_its_title_and_purified_by_itself(
    styled_server: LiveServer, found: directions_pb2.DirectionSet
) -> None:
    annotation = directions_pb2.Annotation(index=1, title="smile")
    request = directions_pb2.AnnotateDirectionRequest(name=found.name, annotation=annotation)
    styled_server.directions.AnnotateDirection(request, timeout=60)
    # Of the others of the set nothing is left in these two dimensions.
    ref = directions_pb2.DirectionRef(directions=found.name, title="smile", purify=2)
    start = draw(styled_server)
    frames, _ = walk(styled_server, start, direction=ref, unit=LATENT, frames=2)
    np.testing.assert_allclose(latents_of(frames)[1], start + 2 * unpack(found.vectors)[1], atol=1e-5)


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_a_walk_along_a_direction_of_w_starts_in_any_space_of_a_style_based_generator(
    styled_server: LiveServer, of_w: directions_pb2.DirectionSet, style: generators.Generator, space: str
) -> None:
    z = draw(styled_server, STYLE, "z")
    whole = mapped(style, z)
    start = {"z": z, "w": whole[:6], "w+": whole}[space]
    frames, end = walk(styled_server, start, of_w.name, generator=STYLE, space=space, unit=LATENT, frames=3)
    assert end.space == ("w+" if space == "w+" else "w")
    moved = np.arange(-2, 3, 2)[:, None] * unpack(of_w.vectors)[0]
    layers = len(latents_of(frames)[0]) // 6
    np.testing.assert_allclose(latents_of(frames), np.tile(whole[:6] + moved, layers), atol=1e-5)
    assert [frame.image.data for frame in frames] == rendered(styled_server, latents_of(frames), STYLE, end.space)


def test_a_walk_on_some_layers_leaves_the_others_alone(
    styled_server: LiveServer, of_w: directions_pb2.DirectionSet, style: generators.Generator
) -> None:
    z = draw(styled_server, STYLE, "z")
    frames, end = walk(styled_server, z, of_w.name, generator=STYLE, space="z", unit=LATENT, layers=[4, 1], frames=2)
    assert end.space == "w+"
    moved = (latents_of(frames)[1] - mapped(style, z)).reshape(6, 6)
    np.testing.assert_allclose(moved[[1, 4]], np.tile(2 * unpack(of_w.vectors)[0], (2, 1)), atol=1e-5)
    np.testing.assert_allclose(moved[[0, 2, 3, 5]], 0, atol=1e-6)


@pytest.mark.parametrize("guided", [False, True])
def test_a_curve_is_that_of_the_library_and_starts_at_the_map_of_its_latent(
    styled_server: LiveServer, of_w: directions_pb2.DirectionSet, style: generators.Generator, guided: bool
) -> None:
    z = draw(styled_server, STYLE, "z")
    asked: dict[str, Any] = {"kind": KIND["CURVE"], "first_step": -0.5, "last_step": 0.75, "frames": 6}
    settings = directions_pb2.CurveSettings(guided=guided, jitter=0.2, seed=3)
    frames, end = walk(
        styled_server, z, *([of_w.name] if guided else []), generator=STYLE, curve=settings, layers=[2], **asked
    )
    steps = torch.linspace(-0.5, 0.75, 6, dtype=torch.float64)
    guide = torch.from_numpy(unpack(of_w.vectors)[0]) if guided else None
    # Ten pieces for each of three frames.
    way = curve(style, torch.from_numpy(z), steps, guide=guide, pieces=30, layers=[2], jitter=0.2, seed=3)
    assert end.space == "w+"
    assert [frame.step for frame in frames] == steps.tolist()
    np.testing.assert_allclose(latents_of(frames), way.latents, atol=1e-4)
    np.testing.assert_allclose(unpack(frames[2].latent), mapped(style, z), atol=1e-5)


def test_directions_of_the_whole_w_plus_are_walked_there(
    styled_server: LiveServer, style: generators.Generator
) -> None:
    job = discover_style(styled_server, measured_in="w+", space="w+", k=2)
    layered = directions_of(styled_server, job)
    z = draw(styled_server, STYLE, "z")
    frames, end = walk(styled_server, z, layered.name, generator=STYLE, space="z", unit=LATENT, frames=2)
    assert end.space == "w+"
    np.testing.assert_allclose(latents_of(frames)[1], mapped(style, z) + 2 * unpack(layered.vectors)[0], atol=1e-5)


def test_a_masked_walk_shows_less_of_the_same_way_and_the_same_whenever_it_is_asked_for(
    styled_server: LiveServer, found: directions_pb2.DirectionSet
) -> None:
    start = draw(styled_server)
    whole, _ = walk(styled_server, start, found.name, frames=5)
    mask = directions_pb2.MaskSettings(subset=0, subsets=2, layer="layer 1")
    masked, end = walk(styled_server, start, found.name, frames=5, mask=mask, strip=True)
    again, _ = walk(styled_server, start, found.name, frames=5, mask=mask)
    assert [frame.image.data for frame in masked] == [frame.image.data for frame in again]
    np.testing.assert_array_equal(latents_of(masked), latents_of(whole))
    assert masked[2].image.data == whole[2].image.data
    assert masked[2].distance == pytest.approx(0, abs=1e-9)
    assert masked[0].image.data != whole[0].image.data
    assert masked[0].distance > 0
    assert Image.open(io.BytesIO(end.strip.data)).width >= 5 * 16


def test_channels_that_cannot_be_parted_so_often_are_an_invalid_argument(
    styled_server: LiveServer, found: directions_pb2.DirectionSet
) -> None:
    mask = directions_pb2.MaskSettings(subsets=60, layer="layer 1")
    with pytest.raises(grpc.RpcError, match="take fewer clusters") as caught:
        walk(styled_server, draw(styled_server), found.name, mask=mask)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_client_that_leaves_in_the_middle_of_a_walk_harms_nobody(
    styled_server: LiveServer, found: directions_pb2.DirectionSet
) -> None:
    request = directions_pb2.TraverseRequest(
        generator=TINY,
        latent=pack(draw(styled_server)),
        direction=directions_pb2.DirectionRef(directions=found.name),
        frames=500,
        distance="mse",
    )
    call = styled_server.directions.Traverse(request, timeout=60)
    next(iter(call))
    call.cancel()
    assert len(walk(styled_server, draw(styled_server), found.name, frames=2)[0]) == 2


def test_a_set_s_own_layers_hold_unless_others_are_asked_for(
    styled_server: LiveServer, style: generators.Generator
) -> None:
    job = discover_style(styled_server, method=specs_pb2.DIRECTION_METHOD_SEFA, k=1, layers=[0])
    first_layer = directions_of(styled_server, job)
    w = draw(styled_server, STYLE, "w")
    frames, _ = walk(styled_server, w, first_layer.name, generator=STYLE, unit=LATENT, frames=2)
    moved = (latents_of(frames)[1] - np.tile(w, 6)).reshape(6, 6)
    np.testing.assert_allclose(moved[0], 2 * unpack(first_layer.vectors)[0], atol=1e-5)
    np.testing.assert_allclose(moved[1:], 0, atol=1e-6)
