"""Reading the networks of pytorch-pretrained-BigGAN (Hugging Face): BigGAN-deep, converted from TensorFlow Hub."""

from __future__ import annotations

import math

from torch import Tensor, nn

from pullback.generators.ready_layers import ConditionalNorm, PlainNorm, SelfAttention, convolution, linear
from pullback.generators.residual.bottleneck_block import BottleneckBlock
from pullback.generators.residual.residual_network import ResidualNetwork, Stage
from pullback.generators.state_tensors import StateTensors

_SIDE = 4
_COLOURS = 3
_EPSILON = 1e-4


def read_hugging_face(tensors: StateTensors, truncation: float) -> tuple[ResidualNetwork, Tensor]:
    """Builds the network, whose input is cat(noise, class embedding).

    Args:
        tensors: Those of the file.
        truncation: That whose statistics are used, in (0, 1].

    Returns:
        The network, and the embeddings of the classes, shape (classes, dim).

    Raises:
        WeightsError: Tensors are missing, left over, or do not fit each other.
    """
    embeddings = tensors.take("embeddings.weight", None, None).T.contiguous()
    first = tensors.take("generator.gen_z.weight", None, None)
    dim = first.shape[1]
    if dim <= embeddings.shape[1]:
        raise tensors.error(f"'generator.gen_z' takes {dim} coordinates, {embeddings.shape[1]} of which are the class")
    reader = _Reader(tensors, dim, truncation)
    first_layer = linear(first, tensors.take("generator.gen_z.bias", len(first)))
    stages, width = reader.stages(len(first) // _SIDE**2)
    mean, variance = reader.statistics("generator.bn", width)
    offset = tensors.take("generator.bn.bias", width)
    last = PlainNorm(mean, variance, tensors.take("generator.bn.weight", width), offset, _EPSILON)
    # As many channels as go in come out, but only the colours are kept.
    output = tensors.take("generator.conv_to_rgb.weight", None, width, 3, 3)
    bias = tensors.take("generator.conv_to_rgb.bias", len(output))
    tensors.finish()
    network = ResidualNetwork(
        input_dim=dim,
        first=first_layer,
        columns=range(dim),
        stages=stages,
        last=last,
        output=convolution(output[:_COLOURS], bias[:_COLOURS]),
        side=_SIDE,
        channels_last=True,
    )
    return network, embeddings


class _Reader:
    def __init__(self, tensors: StateTensors, dim: int, truncation: float) -> None:
        self._tensors, self._dim, self._truncation = tensors, dim, truncation

    def stages(self, width: int) -> tuple[list[Stage], int]:
        """The blocks with the attention behind one of them, and the channels of the last."""
        tensors, stages = self._tensors, list[Stage]()
        numbers = tensors.numbers(r"generator\.layers\.(\d+)\..*")
        if numbers != list(range(len(numbers))):
            raise tensors.error(f"it has layers 0, 1, …, but {numbers} came")
        for number in numbers:
            name = f"generator.layers.{number}"
            if f"{name}.gamma" not in tensors:
                block, width = self._block(name, width, doubles=len(stages) % 2 == 1)
                stages.append(Stage(block, range(self._dim)))
            elif stages:
                stages[-1].attention = self._attention(name, width)
            else:
                raise tensors.error(f"a block stands before the attention {name!r}, but none came")
        if not stages or len(stages) % 2:
            raise tensors.error(f"it has two blocks for each side, but {len(stages)} came")
        return stages, width

    def statistics(self, name: str, width: int) -> tuple[Tensor, Tensor]:
        """Mean and variance for the truncation."""
        means = self._tensors.take(f"{name}.running_means", None, width)
        variances = self._tensors.take(f"{name}.running_vars", len(means), width)
        return interpolated_statistics(means, self._truncation), interpolated_statistics(variances, self._truncation)

    def _block(self, name: str, width: int, *, doubles: bool) -> tuple[BottleneckBlock, int]:
        first = self._convolution(f"{name}.conv_0", width, 1)
        middle = first.out_channels
        convolutions = [first, *(self._convolution(f"{name}.conv_{place}", middle, 3) for place in (1, 2))]
        convolutions.append(self._convolution(f"{name}.conv_3", middle, 1))
        if any(layer.out_channels != middle for layer in convolutions[:-1]):
            raise self._tensors.error(f"the inner convolutions of {name!r} have different widths")
        after = convolutions[-1].out_channels
        if after not in {width, width // 2}:
            raise self._tensors.error(f"{name!r} keeps its {width} channels or half of them, but has {after} behind it")
        norms = [self._norm(f"{name}.bn_{place}", middle if place else width) for place in range(len(convolutions))]
        return BottleneckBlock(norms, convolutions, doubles=doubles), after

    def _norm(self, name: str, width: int) -> ConditionalNorm:
        mean, variance = self.statistics(name, width)
        gain, offset = (self._tensors.take(f"{name}.{part}.weight", width, self._dim) for part in ("scale", "offset"))
        return ConditionalNorm(mean, variance, gain, offset, _EPSILON, base=1.0)

    def _attention(self, name: str, width: int) -> SelfAttention:
        query = self._tensors.take(f"{name}.snconv1x1_theta.weight", None, width, 1, 1)
        key = self._tensors.take(f"{name}.snconv1x1_phi.weight", len(query), width, 1, 1)
        value = self._tensors.take(f"{name}.snconv1x1_g.weight", None, width, 1, 1)
        output = self._tensors.take(f"{name}.snconv1x1_o_conv.weight", width, len(value), 1, 1)
        return SelfAttention(query, key, value, output, self._tensors.take(f"{name}.gamma", 1))

    def _convolution(self, name: str, width: int, side: int) -> nn.Conv2d:
        weight = self._tensors.take(f"{name}.weight", None, width, side, side)
        return convolution(weight, self._tensors.take(f"{name}.bias", len(weight)))


def interpolated_statistics(rows: Tensor, truncation: float) -> Tensor:
    """Statistics for a truncation, of rows that were taken at 0, 1/50, …, 1.

    Between two rows, i and i + 1, at the share f of the way, the published network takes f · row i + (1 − f) ·
    row (i + 1): the weights are swapped. Images are its own only so. In double precision truncation · 50 misses
    some whole numbers by a rounding, and then the neighbouring row is taken whole; that, too, is kept.

    Args:
        rows: Shape (51, channels).
        truncation: In [0, 1].
    """
    share, index = math.modf(truncation / (1.0 / (len(rows) - 1)))
    row = int(index)
    if share == 0:
        return rows[row]
    return rows[row] * share + rows[row + 1] * (1 - share)
