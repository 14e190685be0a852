"""State dicts of public generators with a few random numbers in each tensor, made from their key schemes."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from pullback.generators import CatalogueEntry, SpaceEntry
from pullback.weights import WeightsSource

Shapes = dict[str, tuple[int, ...]]


def random_state(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Tensors of these shapes, of which maps neither vanish nor explode."""
    rng = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(5)
        elif name.endswith("running_var") or (len(shape) == 1 and name.endswith(".weight")):
            state[name] = torch.rand(shape, generator=rng) + 0.5
        elif len(shape) == 1:
            state[name] = torch.randn(shape, generator=rng) / 4
        else:
            state[name] = torch.randn(shape, generator=rng) * 2 / math.sqrt(math.prod(shape[1:]))
    for layer in [name.removesuffix(".weight_orig") for name in state if name.endswith(".weight_orig")]:
        _converge(state, layer)
    return state


def _converge(state: dict[str, Tensor], layer: str) -> None:
    """Gives a spectral norm vectors that are about a step of its iteration away from the true ones."""
    weight, left = state[f"{layer}.weight_orig"], state[f"{layer}.weight_u"]
    matrix = (weight if len(weight) == len(left) else weight.transpose(0, 1)).flatten(1)
    right = torch.nn.functional.normalize(matrix.T @ left, dim=0)
    state[f"{layer}.weight_v"] = right
    state[f"{layer}.weight_u"] = torch.nn.functional.normalize(matrix @ right, dim=0)


def entry_of(
    family: str, dim: int, image_shape: tuple[int, ...], bounds: tuple[float, float] | None = None, **options: Any
) -> CatalogueEntry:
    """A catalogue entry with one space, `z`."""
    space = SpaceEntry("z", dim, "bounded" if bounds else "standard-normal", bounds=bounds)
    source = WeightsSource("path", "/nowhere/tiny.pth", "ab" * 32)
    return CatalogueEntry("tiny", "Tiny", family, (space,), "z", image_shape, source, options)  # type: ignore[arg-type]


def norm_shapes(name: str, width: int) -> Shapes:
    """Of a batch normalisation."""
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{kind}": (width,) for kind in kinds}, f"{name}.num_batches_tracked": ()}


def layer_shapes(name: str, *weight: int, outputs: int | None = None) -> Shapes:
    """Of a layer with a bias; a transposed convolution's outputs are the second number."""
    return {f"{name}.weight": weight, f"{name}.bias": (weight[0] if outputs is None else outputs,)}


def pggan_shapes(dim: int = 5, widths: tuple[int, ...] = (6, 4, 3), channels: int = 3) -> Shapes:
    """Of a PGGAN whose first map has `widths[0]` channels."""
    shapes = layer_shapes("formatLayer.module", 16 * widths[0], dim)
    shapes |= layer_shapes("groupScale0.0.module", widths[0], widths[0], 3, 3)
    for number, (into, width) in enumerate(itertools.pairwise(widths)):
        shapes |= layer_shapes(f"scaleLayers.{number}.0.module", width, into, 3, 3)
        shapes |= layer_shapes(f"scaleLayers.{number}.1.module", width, width, 3, 3)
    for number, width in enumerate(widths):
        shapes |= layer_shapes(f"toRGBLayers.{number}.module", channels, width, 1, 1)
    return shapes


def dcgan_zoo_shapes(dim: int = 5, widths: tuple[int, ...] = (6, 4, 3), channels: int = 3) -> Shapes:
    """Of a DCGAN of the zoo."""
    shapes: Shapes = {"formatLayer.weight": (dim, widths[0], 4, 4)}
    for number, width in enumerate(widths):
        shapes |= norm_shapes(f"main.batchNorm{number}", width)
        last = number == len(widths) - 1
        name = "outlayer" if last else f"convTranspose{number + 1}"
        shapes[f"main.{name}.weight"] = (width, channels if last else widths[number + 1], 4, 4)
    return shapes


def normalized_shapes(name: str, *weight: int, outputs: int | None = None) -> Shapes:
    """Of a layer under a spectral norm, without a bias."""
    outputs = weight[0] if outputs is None else outputs
    return {
        f"{name}.weight_orig": weight,
        f"{name}.weight_u": (outputs,),
        f"{name}.weight_v": (math.prod(weight) // outputs,),
    }


def fastgan_shapes(side: int, dim: int = 5, ngf: float = 4, channels: int = 3) -> Shapes:
    """Of a FastGAN, in the order of its state dict."""
    shares = {4: 16, 8: 8, 16: 4, 32: 2, 64: 2, 128: 1, 256: 0.5, 512: 0.25, 1024: 0.125}
    widths = {each: max(1, int(share * ngf)) for each, share in shares.items()}

    def feature(size: int) -> Shapes:
        block, width = f"feat_{size}", widths[size]
        shapes = normalized_shapes(f"{block}.1", 2 * width, widths[size // 2], 3, 3)
        if size in {16, 64, 256, 1024}:
            return shapes | norm_shapes(f"{block}.2", 2 * width)
        shapes |= {f"{block}.2.weight": (1,)} | norm_shapes(f"{block}.3", 2 * width)
        shapes |= normalized_shapes(f"{block}.5", 2 * width, width, 3, 3)
        return shapes | {f"{block}.6.weight": (1,)} | norm_shapes(f"{block}.7", 2 * width)

    def excitation(size: int) -> Shapes:
        width, gathered = widths[size], widths[{64: 4, 128: 8, 256: 16, 512: 32}[size]]
        block = f"se_{size}.main"
        return normalized_shapes(f"{block}.1", width, gathered, 4, 4) | normalized_shapes(
            f"{block}.3", width, width, 1, 1
        )

    shapes = normalized_shapes("init.init.0", dim, 2 * widths[4], 4, 4, outputs=2 * widths[4])
    shapes |= norm_shapes("init.init.1", 2 * widths[4])
    for size in (8, 16, 32, 64, 128, 256):
        shapes |= feature(size)
    for size in (64, 128, 256):
        shapes |= excitation(size)
    shapes |= normalized_shapes("to_128", channels, widths[128], 1, 1)
    shapes |= normalized_shapes("to_big", channels, widths[side], 3, 3)
    if side > 256:
        shapes |= feature(512) | excitation(512)
    return shapes | feature(1024) if side > 512 else shapes


def wavegan_shapes(
    layers: int, *, nearest: bool, normalized: bool, dim: int = 5, width: int = 1, channels: int = 1
) -> Shapes:
    """Of a WaveGAN whose last layer but one has `width` channels."""
    widths = [width << layers - 1 - number for number in range(layers)]
    shapes = layer_shapes("fc1", 16 * widths[0], dim) | norm_shapes("bn1", widths[0])
    for number, (into, out) in enumerate(zip(widths, [*widths[1:], channels], strict=True)):
        name = f"deconv_list.{number}.transpose_ops"
        if nearest:
            shapes |= layer_shapes(f"{name}.1", out, into, 25)
        else:
            shapes |= layer_shapes(f"{name}.0", into, out, 25, outputs=out)
        if normalized and number < layers - 1:
            shapes |= norm_shapes(f"{name}.{2 if nearest else 1}", out)
    return shapes


# Of the networks that invert layers of CaffeNet: name, operation (convolution, transposed one, linear), kernel, stride,
# padding, and whether a rectifier follows.
_DOUBLING = ("t", 4, 2, 1, True)
_KEEPING = ("t", 3, 1, 1, True)
_CONV = ("c", 3, 1, 1, True)
_UP = {
    "deconv5": _DOUBLING,
    "conv5_1": _KEEPING,
    "deconv4": _DOUBLING,
    "conv4_1": _KEEPING,
    "deconv3": _DOUBLING,
    "conv3_1": _KEEPING,
    "deconv2": _DOUBLING,
}
_LAST = ("c", 3, 1, 1, False)
_TO_LEVELS = {**_UP, "deconv1": _DOUBLING, "deconv0": ("t", 4, 2, 1, False)}
_LINEAR = ("l", 0, 0, 0, True)
_NORM = {
    "Rconv7": _CONV,
    "Rconv8": _CONV,
    "deconv4": _DOUBLING,
    "conv4_1": _CONV,
    "deconv3": _DOUBLING,
    "conv3_1": _CONV,
    "deconv2": _DOUBLING,
    "conv2_1": _CONV,
    "deconv1": ("t", 4, 2, 1, False),
    "conv1_1": _LAST,
}
_FC = {"defc7": _LINEAR, "defc6": _LINEAR, "defc5": _LINEAR, **_TO_LEVELS}
_CONV4 = {
    "Rconv6": ("c", 3, 1, 0, True),
    "Rconv7": ("c", 3, 1, 0, True),
    "Rconv8": ("c", 2, 1, 0, True),
    **_UP,
    "conv2_1": _CONV,
    "deconv1": _DOUBLING,
    "conv1_1": _LAST,
}
DEEPSIM: dict[str, dict[str, tuple[str, int, int, int, bool]]] = {
    "fc6": _FC,
    "fc7": _FC,
    "fc8": _FC,
    "pool5": {"Rconv6": _CONV, "Rconv7": _CONV, "Rconv8": ("c", 3, 1, 0, True), **_TO_LEVELS},
    "conv3": _CONV4,
    "conv4": _CONV4,
    "norm2": {"Rconv6": ("c", 3, 1, 2, True), **_NORM},
    "conv1": {"Rconv6": ("c", 3, 2, 2, True), **_NORM},
    "norm1": {"Rconv6": ("c", 3, 2, 2, True), **_NORM},
}


def deepsim_shapes(layer: str, code: int = 4) -> Shapes:
    """Of a network that inverts a layer of CaffeNet, whose code has so many channels or coordinates."""
    shapes: Shapes = {}
    into = code
    for name, (operation, side, *_) in DEEPSIM[layer].items():
        out = 48 if operation == "l" else 3 if name in {"deconv0", "conv1_1"} else 4 - int(name[-1]) % 2
        if operation == "t":
            into = 3 if into == 48 else into  # 4 × 4 positions
            shapes |= layer_shapes(name, into, out, side, side, outputs=out)
        else:
            shapes |= layer_shapes(name, out, into, *((side, side) if side else ()))
        into = out
    return shapes
