"""WaveGAN (Donahue, McAuley and Puckette, "Adversarial audio synthesis", ICLR 2019), as its PyTorch port names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.whole_input import WholeInputGenerator
from pullback.generators.ready_layers import linear, take_norm
from pullback.generators.state_tensors import StateTensors

# Length of the first map, and of all kernels.
_FIRST, _KERNEL = 16, 25
_EPSILON = 1e-5
_HALVED = 32768
# Samples by the number of layers: after six, the last of them has stride 4 or 2.
_LENGTHS = {5: (16384,), 6: (65536, 32768)}


class WaveGan(WholeInputGenerator):
    """A WaveGAN: sounds of 16,384, 32,768 or 65,536 samples, of one channel or more, in [−1, 1].

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of `generator` by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other shapes or another length, or lacks the length where the file has
            six layers, which may have two.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings  # What such files say besides is of their training.
        tensors = StateTensors(state, entry.name, entry.family)
        tensors.drop(r".*\.num_batches_tracked")
        shape = _shape(entry, tensors)
        network = WaveGanNetwork(tensors, shape)
        super().__init__(entry, network.dim, (network.channels, shape.samples))
        self.network = network

    @property
    def first_weight(self) -> Float[Tensor, "outputs input_dim"]:
        """The linear layer that gives the first map."""
        return self.network.first.weight

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels samples"]:
        """Sounds in [−1, 1] of complete inputs."""
        sounds: Tensor = self.network(inputs)
        return sounds


@dataclass(frozen=True)
class WaveGanShape:
    """What the names of the tensors say, and what they do not.

    Attributes:
        layers: Number of layers, 5 or 6.
        nearest: Whether a layer repeats its input and convolves it; else it is a transposed convolution.
        normalized: Whether every layer but the last is batch-normalised.
        half: Whether the last layer has stride 2 rather than 4.
    """

    layers: int
    nearest: bool
    normalized: bool
    half: bool

    @property
    def samples(self) -> int:
        """Length of the sounds."""
        length = _FIRST << 2 * self.layers - self.half
        # (n − 1) · 2 − 2 · 11 + 25 + 1: two more than twice as many.
        return length + 2 if self.half and not self.nearest else length


class WaveGanNetwork(nn.Module):
    """A latent becomes a map of 16 samples, and each layer makes it four times as long; in [−1, 1].

    Args:
        tensors: Those of `generator`.
        shape: What they are.

    Raises:
        WeightsError: The tensors are not those of this architecture.
    """

    def __init__(self, tensors: StateTensors, shape: WaveGanShape) -> None:
        super().__init__()
        self._nearest = shape.nearest
        weight = tensors.take("fc1.weight", None, None)
        outputs, self.dim = weight.shape
        self.width = width = outputs // _FIRST
        if width * _FIRST != outputs:
            raise tensors.error(f"'fc1.weight' has {outputs} rows, which are no map of {_FIRST} samples")
        self.first = linear(weight, tensors.take("fc1.bias", outputs))
        # The first stands in every file, and counts only where the other layers are normalised too.
        norm = take_norm(tensors, "bn1", width, _EPSILON)
        self.norms = nn.ModuleList([norm] if shape.normalized else [])
        self.layers = nn.ModuleList()
        for number in range(shape.layers):
            last, name = number == shape.layers - 1, f"deconv_list.{number}.transpose_ops"
            layer = _layer(tensors, f"{name}.{int(shape.nearest)}", width, shape, last=last)
            width = len(layer.get_parameter("bias"))
            self.layers.append(layer)
            if shape.normalized and not last:
                self.norms.append(take_norm(tensors, f"{name}.{int(shape.nearest) + 1}", width, _EPSILON))
        self.channels = width
        tensors.finish()

    def forward(self, inputs: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch channels samples"]:
        """Sounds of latents."""
        values: Tensor = torch.unflatten(self.first(inputs), 1, (self.width, _FIRST))
        for number, layer in enumerate(self.layers):
            if self.norms:
                values = self.norms[number](values)
            values = functional.relu(values)
            if self._nearest:
                # The zeros by themselves, as published: a convolution with padding rounds otherwise.
                values = functional.pad(functional.interpolate(values, scale_factor=4, mode="nearest"), (12, 12))
            values = layer(values)
        sounds: Tensor = values.tanh()
        return sounds


def _shape(entry: CatalogueEntry, tensors: StateTensors) -> WaveGanShape:
    """What the names of the tensors say; the catalogue says the length where they do not."""
    layers = len(tensors.numbers(r"deconv_list\.(\d+)\..*"))
    if layers not in _LENGTHS:
        raise tensors.error(f"its 'deconv_list' has {layers} layers instead of {' or '.join(map(str, _LENGTHS))}")
    lengths = _LENGTHS[layers]
    length = entry.asked("length") if len(lengths) > 1 else entry.option("length") or lengths[0]
    if length not in lengths:
        raise InvalidInputError(
            f"catalogue entry {entry.name!r}: the length is stated to be {length} samples, but weights of {layers} "
            f"layers give {' or '.join(map(str, lengths))}"
        )
    first = "deconv_list.0.transpose_ops"
    nearest = f"{first}.0.weight" not in tensors
    normalized = f"{first}.{2 if nearest else 1}.running_mean" in tensors
    return WaveGanShape(layers, nearest, normalized, half=length == _HALVED)


def _layer(tensors: StateTensors, name: str, width: int, shape: WaveGanShape, *, last: bool) -> nn.Module:
    """A layer that takes so many channels, with its weights."""
    halved = last and shape.half
    if shape.nearest:
        # Its input is made four times as long, and padded, beforehand.
        weight = tensors.take(f"{name}.weight", None, width, _KERNEL)
        outputs, stride = len(weight), 2 if halved else 1
        made: nn.Module = nn.Conv1d(width, outputs, _KERNEL, stride, device="meta")
    else:
        weight = tensors.take(f"{name}.weight", width, None, _KERNEL)
        outputs, stride = weight.shape[1], 2 if halved else 4
        made = nn.ConvTranspose1d(width, outputs, _KERNEL, stride, 11, output_padding=1, device="meta")
    made.weight = nn.Parameter(weight)
    made.bias = nn.Parameter(tensors.take(f"{name}.bias", outputs))
    return made
