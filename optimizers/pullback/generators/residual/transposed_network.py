"""The generator without residuals of christiancosgrove's SNGAN: transposed convolutions, the last one 3 × 3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pullback.generators.ready_layers import PlainNorm, take_norm, transposed_convolution
from pullback.generators.state_tensors import StateTensors

_EPSILON = 1e-5


class TransposedNetwork(nn.Module):
    """Noise → image.

    Args:
        layers: Transposed convolutions, the first of which makes the first map.
        norms: What follows each but the last.
    """

    def __init__(self, layers: Sequence[nn.ConvTranspose2d], norms: Sequence[PlainNorm]) -> None:
        super().__init__()
        self.layers, self.norms = nn.ModuleList(layers), nn.ModuleList(norms)
        self.input_dim = layers[0].in_channels

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        # 4 px after the first layer, twice as many after each further one but the last.
        side = 4 << len(self.norms) - 1
        return (self.layers[-1].get_parameter("bias").shape[0], side, side)

    def maps(self, inputs: Float[Tensor, "batch input_dim"]) -> Iterator[Float[Tensor, "batch channels height width"]]:
        """The map of each side, ascending."""
        values = inputs[:, :, None, None]
        for layer, norm in zip(self.layers[:-1], self.norms, strict=True):
            values = functional.relu(norm(layer(values)))
            yield values

    def image(
        self, values: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch colours height width"]:
        """Images in [0, 1] of the last map."""
        return (torch.tanh(self.layers[-1](values)) + 1) / 2

    def first_weights(self) -> Float[Tensor, "outputs input_dim"]:
        """What each coordinate adds to the first map."""
        return self.layers[0].get_parameter("weight").flatten(1).T


def read_transposed(tensors: StateTensors) -> TransposedNetwork:
    """Builds the network: `model.0`, `model.3`, … with a normalisation behind each but the last.

    Raises:
        WeightsError: Tensors are missing, left over, or do not fit each other.
    """
    tensors.drop(r".*\.num_batches_tracked")
    numbers = [int(found[1]) for found in tensors.names(r"model\.(\d+)\.weight") if tensors.ndim(found[0]) > 1]
    layers, norms, width = [], [], None
    for place, number in enumerate(sorted(numbers)):
        last = place == len(numbers) - 1
        side = 3 if last else 4
        weight = tensors.take(f"model.{number}.weight", width, None, side, side)
        width = weight.shape[1]
        stride, padding = (1, 1) if last else (2, 1) if place else (1, 0)
        bias = tensors.take(f"model.{number}.bias", width)
        layers.append(transposed_convolution(weight, bias, stride, padding))
        if not last:
            norms.append(take_norm(tensors, f"model.{number + 1}", width, _EPSILON))
    tensors.finish()
    return TransposedNetwork(layers, norms)
