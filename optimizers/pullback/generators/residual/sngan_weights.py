"""Reading residual SNGAN generators (Miyato et al., ICLR 2018) as four public implementations save them.

None of them normalises the generator's weights spectrally, in spite of the name. They differ in how a block doubles its
side, in its shortcut and in names; a conditional one has a gain and an offset for each class.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pullback.generators.ready_layers import (
    ConditionalNorm,
    PlainNorm,
    ResidualBlock,
    convolution,
    linear,
    take_norm,
)
from pullback.generators.residual.residual_network import ResidualNetwork, Stage
from pullback.generators.state_tensors import StateTensors

_CHAINER = {
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "avg_mean": "running_mean",
    "avg_var": "running_var",
}


class ResidualSngan(NamedTuple):
    """A network and what its input is.

    Attributes:
        network: Takes cat(noise, one-hot class), or noise alone.
        noise_dim: How many coordinates of the input are noise.
        classes: How many are classes; 0 of an unconditional network.
    """

    network: ResidualNetwork
    noise_dim: int
    classes: int


def read_mimicry(tensors: StateTensors, mode: str = "bilinear", epsilon: float = 1e-5) -> ResidualSngan:
    """Builds a network of mimicry (Lee and Town, 2020): `l1`, `block2`, …, `b5`, `c5`.

    Args:
        tensors: Those of the file.
        mode: How a block doubles its side, `nearest` or `bilinear`.
        epsilon: ε of the normalisations.

    Raises:
        WeightsError: Tensors are missing, left over, or do not fit each other.
    """
    tensors.drop(r".*\.num_batches_tracked")
    numbers = tensors.numbers(r"block(\d+)\..*")
    if not numbers or numbers != list(range(2, len(numbers) + 2)):
        raise tensors.error(f"it has 'block2', 'block3', …, but {numbers or 'none'} came")
    first = tensors.take("l1.weight", None, None)
    noise_dim, width = first.shape[1], tensors.shape("block2.c1.weight", 4)[1]
    side = _side(tensors, "l1.weight", len(first), width)
    embedded = "block2.b1.embed.weight" in tensors
    classes = tensors.shape("block2.b1.embed.weight", 2)[0] if embedded else 0
    columns, stages = range(noise_dim, noise_dim + classes), []
    first_layer = linear(first, tensors.take("l1.bias", len(first)))
    for number in numbers:
        name = f"block{number}"
        inner = _convolution(tensors, f"{name}.c1", None, width, 3)
        outer = _convolution(tensors, f"{name}.c2", None, inner.out_channels, 3)
        shortcut = _convolution(tensors, f"{name}.c_sc", outer.out_channels, width, 1)
        norms = (
            _block_norm(tensors, f"{name}.b1", width, classes, epsilon),
            _block_norm(tensors, f"{name}.b2", inner.out_channels, classes, epsilon),
        )
        stages.append(Stage(ResidualBlock(norms, (inner, outer), shortcut, mode), columns))
        width = outer.out_channels
    last = numbers[-1] + 1
    network = ResidualNetwork(
        input_dim=noise_dim + classes,
        first=first_layer,
        columns=range(noise_dim),
        stages=stages,
        last=take_norm(tensors, f"b{last}", width, epsilon),
        output=_convolution(tensors, f"c{last}", None, width, 3),
        side=side,
    )
    tensors.finish()
    return ResidualSngan(network, noise_dim, classes)


def mimicry_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a Chainer file of pfnet's sngan_projection with the names that mimicry gives them.

    `N` counts updates. A class's gains and offsets, two tables there, become one.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        *path, part = name.split("/")
        # The last convolution is l5 or c5.
        layer = re.sub(r"^l(?!1$)(\d+)$", r"c\1", ".".join(path))
        if part == "N":
            continue
        if layer.endswith(".gammas") and part == "W":
            norm, offsets = layer.removesuffix(".gammas"), name.removesuffix("gammas/W") + "betas/W"
            # Without its offsets the table is too narrow, and is refused for that.
            renamed[f"{norm}.embed.weight"] = torch.cat([tensor, state.get(offsets, tensor[:, :0])], dim=1)
        elif layer.endswith(".betas") and part == "W":
            continue
        elif part.startswith("avg_") and f"{'/'.join(path)}/gammas/W" in state:
            renamed[f"{layer}.bn.{_CHAINER.get(part, part)}"] = tensor
        else:
            renamed[".".join([*layer.split("."), _CHAINER.get(part, part)] if path else [part])] = tensor
    return renamed


def chainer_name(name: str) -> str:
    """What a Chainer file calls a tensor that mimicry calls so; of the last convolution, l5 or c5, the former."""
    *path, part = name.split(".")
    if not path:
        return name
    if path[-1] == "embed":
        return "/".join([*path[:-1], "gammas", "W"])
    layers = [layer for layer in path if layer != "bn"]
    layers[0] = re.sub(r"^c(\d+)$", r"l\1", layers[0])
    # Normalisations are called b1, b2 and so on.
    normal = re.fullmatch(r"b\d+", layers[-1]) is not None
    known = {"weight": "gamma" if normal else "W", "bias": "beta" if normal else "b"}
    known |= {ours: theirs for theirs, ours in _CHAINER.items() if ours.startswith("running")}
    return "/".join([*layers, known.get(part, part)])


def read_sequential(tensors: StateTensors) -> ResidualSngan:
    """Builds a network of GANLatentDiscovery (`model.0`, `model.2`, …) or of christiancosgrove (`dense`, `model.0`, …).

    Raises:
        WeightsError: As `read_mimicry` does; or a convolution that stands twice in the file is not the same in both.
    """
    tensors.drop(r".*\.num_batches_tracked")
    numbers = tensors.numbers(r"model\.(\d+)\.model\.0\.weight")
    discovery = "dense.weight" not in tensors
    start = 2 if discovery else 0
    if not numbers or numbers != list(range(start, start + len(numbers))):
        raise tensors.error(f"it has blocks 'model.{start}', 'model.{start + 1}', …, but {numbers or 'none'} came")
    linear_name = "model.0" if discovery else "dense"
    first = tensors.take(f"{linear_name}.weight", None, None)
    first_layer = linear(first, tensors.take(f"{linear_name}.bias", len(first)))
    width, stages = tensors.shape(f"model.{start}.model.3.weight", 4)[1], []
    side = _side(tensors, f"{linear_name}.weight", len(first), width)
    for number in numbers:
        name = f"model.{number}"
        inner = _twice(tensors, f"{name}.model.3", f"{name}.conv1", width)
        outer = _twice(tensors, f"{name}.model.6", f"{name}.conv2", inner.out_channels)
        norms = (
            take_norm(tensors, f"{name}.model.0", width, 1e-5),
            take_norm(tensors, f"{name}.model.4", inner.out_channels, 1e-5),
        )
        changes = outer.out_channels != width
        shortcut = _convolution(tensors, f"{name}.bypass.1", outer.out_channels, width, 3) if changes else None
        stages.append(Stage(ResidualBlock(norms, (inner, outer), shortcut), ()))
        width = outer.out_channels
    # Norm, ReLU, convolution.
    norm, output = numbers[-1] + 1, numbers[-1] + 3
    last = take_norm(tensors, f"model.{norm}", width, 1e-5)
    drawn = f"model.{output}"
    layer = _convolution(tensors, drawn, None, width, 3) if discovery else _twice(tensors, drawn, "final", width)
    tensors.finish()
    noise_dim = first.shape[1]
    network = ResidualNetwork(
        input_dim=noise_dim,
        first=first_layer,
        columns=range(noise_dim),
        stages=stages,
        last=last,
        output=layer,
        side=side,
    )
    return ResidualSngan(network, noise_dim, 0)


def _side(tensors: StateTensors, name: str, outputs: int, width: int) -> int:
    """The side of the first map: the linear layer makes it with as many channels as the first block takes."""
    side = math.isqrt(outputs // width)
    if side**2 * width != outputs:
        raise tensors.error(f"{name!r} makes {outputs} numbers, which are no square map of {width} channels")
    return side


def _block_norm(
    tensors: StateTensors, name: str, width: int, classes: int, epsilon: float
) -> PlainNorm | ConditionalNorm:
    if not classes:
        return take_norm(tensors, name, width, epsilon)
    mean, variance = (tensors.take(f"{name}.bn.{part}", width) for part in ("running_mean", "running_var"))
    # A class is one-hot: the table's transpose takes it to its row, gains first.
    table = tensors.take(f"{name}.embed.weight", classes, 2 * width).T
    return ConditionalNorm(mean, variance, table[:width].clone(), table[width:].clone(), epsilon, base=0.0)


def _twice(tensors: StateTensors, name: str, again: str, width: int) -> nn.Conv2d:
    """A convolution that is saved under two names."""
    layer = _convolution(tensors, name, None, width, 3)
    for part, kept in layer.named_parameters():
        if f"{again}.{part}" in tensors and not torch.equal(tensors.take(f"{again}.{part}", *kept.shape), kept):
            raise tensors.error(f"'{again}.{part}' is to be the same as '{name}.{part}', but is not")
    return layer


def _convolution(tensors: StateTensors, name: str, width_out: int | None, width_in: int, side: int) -> nn.Conv2d:
    weight = tensors.take(f"{name}.weight", width_out, width_in, side, side)
    return convolution(weight, tensors.take(f"{name}.bias", len(weight)))
