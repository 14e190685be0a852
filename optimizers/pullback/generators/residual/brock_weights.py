"""Reading the networks that BigGAN-PyTorch (Brock) saves: BigGAN, BigGAN-deep, and BigBiGAN in the same form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.ready_layers import (
    ConditionalNorm,
    PlainNorm,
    ResidualBlock,
    SelfAttention,
    convolution,
    linear,
)
from pullback.generators.residual.bottleneck_block import BottleneckBlock
from pullback.generators.residual.residual_network import ResidualNetwork, Stage
from pullback.generators.spectral_norm import fold_iterated_norm
from pullback.generators.state_tensors import StateTensors

_SIDE = 4
_FIRST = ".u0"
# In the deep form, the second block of each side doubles it.
_DEEP_BLOCKS = 2


class BrockNetwork(NamedTuple):
    """A network and what its input is.

    Attributes:
        network: Takes cat(noise, class).
        noise_dim: How many coordinates of the input are noise.
        embeddings: The class coordinates of every class, shape (classes, class_dim); None where each class has
            gains and offsets of its own, so that the coordinates are one-hot.
        classes: How many there are.
    """

    network: ResidualNetwork
    noise_dim: int
    embeddings: Tensor | None
    classes: int


def read_brock(
    state: Mapping[str, Tensor], entry: CatalogueEntry, epsilon: float, output_epsilon: float
) -> BrockNetwork:
    """Builds the network; its variant, widths and attention follow from names and shapes.

    Args:
        state: Tensors of the file by name.
        entry: Whose they are, for errors.
        epsilon: ε of the blocks' normalisations, which no file says.
        output_epsilon: ε of the last one.

    Raises:
        WeightsError: Tensors are missing, left over, or do not fit each other.
    """
    tensors = StateTensors(fold_iterated_norm(state), entry.name, entry.family)
    if missing := _unnormalised(state):
        weight = missing.removesuffix(_FIRST) + ".weight"
        raise tensors.error(f"{weight!r} came without {missing!r}, but other layers are spectrally normalised")
    # How often statistics were added up; they are no sums.
    tensors.drop(r".*\.(accumulation_counter|num_batches_tracked)")
    numbers = tensors.numbers(r"blocks\.(\d+)\..*")
    if not numbers or numbers != list(range(len(numbers))):
        raise tensors.error(f"it has blocks 0, 1, …, but {numbers or 'none'} came")
    deep = "blocks.0.0.conv3.weight" in tensors
    if deep and len(numbers) % _DEEP_BLOCKS:
        raise tensors.error(f"the deep form has two blocks for each side, but {len(numbers)} came")
    layout = _Layout.of(tensors, len(numbers), deep=deep)
    first = tensors.take("linear.weight", None, len(layout.first))
    first_layer = linear(first, tensors.take("linear.bias", len(first)))
    width, stages = len(first) // _SIDE**2, []
    for number in numbers:
        norms = _Norms(tensors, f"blocks.{number}.0", layout, number, epsilon)
        read = _bottleneck if deep else _residual
        block, width = read(tensors, f"blocks.{number}.0", norms, width, number)
        attention = _attention(tensors, f"blocks.{number}.1", width)
        stages.append(Stage(block, layout.conditions[number], attention))
    mean, variance = _statistics(tensors, "output_layer.0", width)
    last = PlainNorm(
        mean,
        variance,
        tensors.take("output_layer.0.gain", width),
        tensors.take("output_layer.0.bias", width),
        output_epsilon,
    )
    output = _convolution(tensors, "output_layer.2", None, width, 3)
    tensors.finish()
    network = ResidualNetwork(
        input_dim=layout.noise_dim + layout.class_dim,
        first=first_layer,
        columns=layout.first,
        stages=stages,
        last=last,
        output=output,
        side=_SIDE,
    )
    return BrockNetwork(network, layout.noise_dim, layout.embeddings, layout.classes)


def _unnormalised(state: Mapping[str, Tensor]) -> str:
    """The first singular vector that is not there, where others are; empty where there is none or all are."""
    layers = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    if not any(layer + _FIRST in state for layer in layers):
        return ""
    # Embeddings are not normalised: the shared one, or where there is none, those of every normalisation.
    shared = "shared.weight" in state
    tables = r"shared" if shared else r".*\.bn\d\.(gain|bias)"
    wanted = (layer + _FIRST for layer in layers if not re.fullmatch(tables, layer))
    return next((name for name in wanted if name not in state), "")


class _Layout(NamedTuple):
    """Which coordinates of the input, cat(noise, class), meet which layer."""

    noise_dim: int
    class_dim: int
    classes: int
    embeddings: Tensor | None
    first: list[int]
    conditions: list[list[int]]

    @classmethod
    def of(cls, tensors: StateTensors, blocks: int, *, deep: bool) -> _Layout:
        taken = tensors.shape("linear.weight", 2)[1]
        gain = tensors.shape("blocks.0.0.bn1.gain.weight", 2)
        if "shared.weight" not in tensors:
            if deep:
                raise tensors.error("the deep form shares an embedding, but there is no 'shared.weight'")
            # gain and offset are tables with a row for each class: (classes, channels).
            columns = list(range(taken, taken + gain[0]))
            return cls(taken, gain[0], gain[0], None, list(range(taken)), [columns] * blocks)
        embeddings = tensors.take("shared.weight", None, None)
        classes, class_dim = embeddings.shape
        if deep:
            noise_dim = taken - class_dim
            columns = [*range(noise_dim, noise_dim + class_dim), *range(noise_dim)]
            return cls(noise_dim, class_dim, classes, embeddings, columns, [columns] * blocks)
        chunk = gain[1] - class_dim
        if chunk not in {0, taken}:
            raise tensors.error(
                f"'linear.weight' takes a chunk of {taken} coordinates, and blocks one of {chunk} behind the "
                f"{class_dim} of the class: hierarchical networks take equal ones, others none in their blocks"
            )
        noise_dim = taken * (blocks + 1) if chunk else taken
        class_columns = list(range(noise_dim, noise_dim + class_dim))
        # Block i takes the class, then chunk i + 1.
        conditions = [[*class_columns, *range(chunk * (block + 1), chunk * (block + 2))] for block in range(blocks)]
        return cls(noise_dim, class_dim, classes, embeddings, list(range(taken)), conditions)


class _Norms:
    """Reads the conditional normalisations of one block."""

    def __init__(self, tensors: StateTensors, block: str, layout: _Layout, number: int, epsilon: float) -> None:
        self._tensors, self._block, self._epsilon = tensors, block, epsilon
        self._shared = layout.embeddings is not None
        self._dim = len(layout.conditions[number])

    def take(self, name: str, width: int) -> ConditionalNorm:
        """The normalisation of that name, of that many channels."""
        prefix = f"{self._block}.{name}"
        mean, variance = _statistics(self._tensors, prefix, width)
        gain, offset = (self._weights(f"{prefix}.{part}", width) for part in ("gain", "bias"))
        return ConditionalNorm(mean, variance, gain, offset, self._epsilon, base=1.0)

    def _weights(self, name: str, width: int) -> Tensor:
        if self._shared:
            return self._tensors.take(f"{name}.weight", width, self._dim)
        # A class is one-hot: the table's transpose takes it to its row. Tables are not normalised.
        return self._tensors.take(f"{name}.weight", self._dim, width).T.contiguous()


def _statistics(tensors: StateTensors, name: str, width: int) -> tuple[Tensor, Tensor]:
    """Mean and variance as the different normalisations store them."""
    for mean, variance in (
        (f"{name}.bn.stored_mean", f"{name}.bn.stored_var"),
        (f"{name}.bn.running_mean", f"{name}.bn.running_var"),
    ):
        if mean in tensors:
            return tensors.take(mean, width), tensors.take(variance, width)
    return tensors.take(f"{name}.stored_mean", width), tensors.take(f"{name}.stored_var", width)


def _residual(tensors: StateTensors, block: str, norms: _Norms, width: int, number: int) -> tuple[ResidualBlock, int]:
    del number  # Every block doubles the side.
    inner = _convolution(tensors, f"{block}.conv1", None, width, 3)
    outer = _convolution(tensors, f"{block}.conv2", inner.out_channels, inner.out_channels, 3)
    shortcut = _convolution(tensors, f"{block}.conv_sc", inner.out_channels, width, 1)
    pair = (norms.take("bn1", width), norms.take("bn2", inner.out_channels))
    return ResidualBlock(pair, (inner, outer), shortcut), inner.out_channels


def _bottleneck(
    tensors: StateTensors, block: str, norms: _Norms, width: int, number: int
) -> tuple[BottleneckBlock, int]:
    first = _convolution(tensors, f"{block}.conv1", None, width, 1)
    middle = first.out_channels
    convolutions = [first, *(_convolution(tensors, f"{block}.conv{place}", middle, middle, 3) for place in (2, 3))]
    convolutions.append(_convolution(tensors, f"{block}.conv4", None, middle, 1))
    if convolutions[-1].out_channels > width:
        raise tensors.error(f"{block!r} has {convolutions[-1].out_channels} channels behind it, but {width} before")
    taken = [norms.take(f"bn{place + 1}", middle if place else width) for place in range(len(convolutions))]
    doubles = number % _DEEP_BLOCKS == 1
    return BottleneckBlock(taken, convolutions, doubles=doubles), convolutions[-1].out_channels


def _attention(tensors: StateTensors, name: str, width: int) -> SelfAttention | None:
    if f"{name}.gamma" not in tensors:
        return None
    theta = tensors.take(f"{name}.theta.weight", None, width, 1, 1)
    phi = tensors.take(f"{name}.phi.weight", len(theta), width, 1, 1)
    g = tensors.take(f"{name}.g.weight", None, width, 1, 1)
    o = tensors.take(f"{name}.o.weight", width, len(g), 1, 1)
    return SelfAttention(theta, phi, g, o, tensors.take(f"{name}.gamma"))


def _convolution(tensors: StateTensors, name: str, width_out: int | None, width_in: int, side: int) -> nn.Conv2d:
    weight = tensors.take(f"{name}.weight", width_out, width_in, side, side)
    return convolution(weight, tensors.take(f"{name}.bias", len(weight)))
