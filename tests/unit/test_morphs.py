"""Walks from one latent or photograph to another: what the server takes, and what client and command line ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from commands import Run, runner
from in_process import DIM, InProcessServer
from pullback import generators
from pullback.directions.traversals.between import great_circle
from pullback.directions.traversals.between.ends import Ends
from pullback.directions.traversals.walk import even_steps
from pullback.errors import UnknownNameError
from pullback.pieces import finish
from pullback_api.tensors import pack
from pullback_api.v1 import directions_pb2, values_pb2
from pullback_client import Client, InvalidArgumentError, Inversion, NotFoundError
from pullback_server import specs
from pullback_server.errors import ApiError
from pullback_server.protocol.walks import WalkPlan
from pullback_server.worker.walks.between import make_walk_between
from tiny_style import write_style_catalogue
from toys import Euclidean, Smooth

FIRST, SECOND = np.ones(DIM, np.float32), np.arange(DIM, dtype=np.float32)
KINDS = ("LINEAR", "SPHERICAL", "DENSITY_PRESERVING", "METRIC_UNIFORM", "GEODESIC")


def asked(**fields: Any) -> directions_pb2.TraverseRequest:
    given = {"generator": "generators/tiny-style", "latent": pack(np.ones(6)), "end": pack(np.arange(6.0)), **fields}
    return directions_pb2.TraverseRequest(**given)


def plan(**fields: Any) -> WalkPlan:
    return specs.complete_traversal_between(asked(**fields), generators.entry("tiny-style"))


@pytest.fixture
def styled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator `tiny-style`."""
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_style_catalogue(tmp_path)))


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path]:
    paths = (tmp_path / "a.png", tmp_path / "b.png")
    for path, color in zip(paths, ("red", "blue"), strict=True):
        Image.new("RGB", (20, 20), color).save(path)
    return paths


# What the server takes ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("styled")
@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_to_an_end_needs_its_two_latents(kind: str) -> None:
    found = plan(kind=f"TRAVERSAL_KIND_{kind}", distance="mse")
    assert (found.kind, found.space, found.first, found.last, found.frames) == (kind.lower(), "z", 0, 1, 9)
    assert found.axes == ()
    assert found.end is not None
    np.testing.assert_array_equal(found.end, np.arange(6, dtype=np.float32))


@pytest.mark.usefixtures("styled")
@pytest.mark.parametrize(
    ("fields", "at_fault", "message"),
    [
        ({"kind": "TRAVERSAL_KIND_CURVE"}, "kind", "one of linear, spherical"),
        ({"kind": 77}, "kind", "unknown kind 77"),
        ({"direction": directions_pb2.DirectionRef()}, "direction", "this one leads to an end"),
        ({"first_step": 0.0}, "first_step", "only a walk along a direction takes it"),
        ({"unit": "STEP_UNIT_RATE"}, "unit", "only a walk along a direction takes it"),
        ({"layers": [1]}, "layers", "only a walk along a direction takes it"),
        ({"mask": directions_pb2.MaskSettings()}, "mask", "only a walk along a direction"),
        ({"end": pack(np.ones(6))}, "end", "another latent than the one the walk starts from"),
        ({"end": pack(np.ones(5))}, "end", "expected shape (6) for space 'z' of generators/tiny-style, but [5] came"),
        ({"end": pack(np.full(6, np.nan))}, "end", "NaN or infinity came"),
        ({"latent": None}, "latent", "expected the latent from which to walk, but none came"),
        ({"space": "q"}, "space", "q"),
        ({"distance": "ssim", "kind": "TRAVERSAL_KIND_GEODESIC"}, "distance", "'ssim' has none"),
        ({"frames": 501}, "frames", "500"),
    ],
)
def test_what_does_not_go_with_an_end_is_said(fields: dict[str, Any], at_fault: str, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        plan(**{"distance": "mse", **fields})
    assert [violation.field for violation in caught.value.violations] == [at_fault]
    assert message in caught.value.message


@pytest.mark.usefixtures("styled")
def test_a_request_is_checked_before_its_latents_are_there() -> None:
    plan(latent=None, end=values_pb2.Tensor(), validate_only=True, distance="mse")
    with pytest.raises(ApiError, match="has none"):
        plan(latent=None, end=values_pb2.Tensor(), validate_only=True, kind=7, distance="ssim")


def test_a_geodesic_needs_an_end() -> None:
    with pytest.raises(ApiError) as caught:
        specs.check_axes(directions_pb2.TraverseRequest(kind="TRAVERSAL_KIND_GEODESIC"))
    assert [violation.field for violation in caught.value.violations] == ["end"]


def test_a_walk_to_an_end_is_that_of_the_library() -> None:
    generator = Smooth()
    start, end = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    given: dict[str, Any] = {"latent": start.numpy(), "end": end.numpy()}
    common = ("smooth", "mse", "spherical", given["latent"], "z", (), 0.0, 1.0, 5, "PNG")
    made = finish(make_walk_between(generator, Euclidean(), WalkPlan(*common, False, False, end=given["end"])))
    expected = great_circle(Ends(start, end, "z"), even_steps(0.0, 1.0, 5))
    torch.testing.assert_close(made.latents, expected.latents, rtol=0, atol=0)
    spiral = WalkPlan(*common[:2], "spiral", *common[3:], False, False, end=given["end"])
    with pytest.raises(UnknownNameError, match="no kind of walk to an end is named 'spiral'; known: linear, "):
        finish(make_walk_between(generator, Euclidean(), spiral))


# What the client asks for ---------------------------------------------------------------------------------------------


def walked(server: InProcessServer) -> directions_pb2.TraverseRequest:
    return server.called("Traverse")[-1]  # type: ignore[no-any-return]


def test_two_latents_are_walked_between(client: Client, server: InProcessServer) -> None:
    found = client.morph(FIRST, SECOND, "faces", frames=5, distance="mse")
    request = walked(server)
    assert (request.kind, request.space, request.frames) == (directions_pb2.TRAVERSAL_KIND_GEODESIC, "z", 5)
    np.testing.assert_array_equal(found.latents[0], FIRST)
    np.testing.assert_array_equal(found.latents[-1], SECOND)
    assert list(found.steps) == [0, 0.25, 0.5, 0.75, 1]
    assert found.step_unit == "parts of the way"
    assert found.settings["end"] == "the last frame's latent"
    assert server.called("Invert") == []


def test_two_photographs_are_inverted_together_and_checked_before(
    client: Client, server: InProcessServer, photos: tuple[Path, Path]
) -> None:
    found = client.morph(*photos, "faces", kind="spherical", inversion={"method": "adam"})
    (sent,) = server.called("Invert")
    assert len(sent.targets) == 2
    assert [found.latents[0].tolist(), len(found)] == [[0] * DIM, 9]


def test_nothing_is_inverted_where_the_walk_cannot_be(
    client: Client, server: InProcessServer, photos: tuple[Path, Path]
) -> None:
    with pytest.raises(InvalidArgumentError, match="'ssim' has none"):
        client.morph(*photos, "faces", distance="ssim")
    assert server.called("Invert") == []


def test_what_was_found_may_become_a_photograph(
    client: Client, server: InProcessServer, photos: tuple[Path, Path]
) -> None:
    _, inversion = client.invert(list(photos), "faces", method="adam")
    assert isinstance(inversion, Inversion)
    found = client.morph(inversion, photos[1], "faces", inversion={"method": "adam"})
    np.testing.assert_array_equal(found.latents[0], inversion.latent)
    assert len(server.called("Invert")[-1].targets) == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"generator": "nobody"}, NotFoundError, "nobody"),
        ({"second": FIRST}, InvalidArgumentError, "another latent"),
        ({"second": np.ones(3)}, InvalidArgumentError, rf"shapes \({DIM},\) and \(3,\) came"),
        ({"kind": "curve"}, InvalidArgumentError, "one of linear"),
        ({"kind": "wave"}, InvalidArgumentError, "wave"),
        ({"frames": 1}, InvalidArgumentError, "frames"),
        ({"space": "w"}, InvalidArgumentError, "w"),
        ({"inversion": {"steps": 3}}, InvalidArgumentError, "none of the two is one"),
    ],
)
def test_what_cannot_be_walked_between_is_refused(
    client: Client, change: dict[str, Any], error: type[Exception], message: str
) -> None:
    given: dict[str, Any] = {"first": FIRST, "second": SECOND, "generator": "faces", **change}
    with pytest.raises(error, match=message):
        client.morph(**given)


def test_inversions_of_other_generators_and_spaces_are_refused(client: Client, photos: tuple[Path, Path]) -> None:
    inversion = client.invert(photos[0], "faces", method="adam")
    with pytest.raises(InvalidArgumentError, match="an inversion of faces came, but the morph is of eyes"):
        client.morph(inversion, SECOND, "eyes")
    with pytest.raises(InvalidArgumentError, match="'w' and an inversion in 'z' came"):
        client.morph(inversion, SECOND, "faces", space="w")


# The command line -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(
    server: InProcessServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    return runner(server, capsys, monkeypatch, folder=tmp_path)


def test_morph_writes_the_walk_into_a_folder(
    run: Run, server: InProcessServer, photos: tuple[Path, Path], tmp_path: Path
) -> None:
    asked = ("morph", *photos, "--generator", "faces", "--method", "adam", "--frames", 4, "--out", "walk")
    done = run(*asked)
    assert done.code == 0, done
    assert "4 frames in z" in done.out
    files = sorted(path.name for path in (tmp_path / "walk").iterdir())
    assert files == [
        "animation.gif",
        *(f"frame-00{number}.png" for number in range(4)),
        "strip.png",
        "traversal.json",
        "traversal.npz",
    ]
    refused = run(*asked)
    assert refused.code == 1
    assert "--force" in refused.err
    np.save(tmp_path / "a.npy", FIRST)
    np.savez(tmp_path / "b.npz", latent=SECOND)
    latents = ("morph", "a.npy", "b.npz", "--generator", "faces", "--kind", "linear", "--out", "other")
    done = run(*latents)
    assert done.code == 0, done
    assert walked(server).kind == directions_pb2.TRAVERSAL_KIND_LINEAR
    refused = run(*latents, "--steps", 3)
    assert refused.code == 1
    assert "--steps: of photographs, and two latents came" in refused.err
