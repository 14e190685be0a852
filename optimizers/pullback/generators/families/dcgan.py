"""DCGAN (Radford, Metz and Chintala, ICLR 2016): a stack of transposed convolutions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.whole_input import WholeInputGenerator
from pullback.generators.fitting import fit, misfit


class Dcgan(WholeInputGenerator):
    """A DCGAN generator: a latent becomes a 4 × 4 map, and each further layer doubles its side.

    Parameters are named as in published checkpoints (`main.0.weight`, …). Channels and number of layers follow from
    the weights' shapes.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of the published checkpoint by name.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states another input dimension or image shape than the weights have.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings  # Such files have none.
        channels = _channels(state, entry)
        # 4 px after the first layer, twice as many after each further one.
        side = 4 * 2 ** (len(channels) - 2)
        super().__init__(entry, channels[0], (channels[-1], side, side))
        self.main = nn.Sequential(*self._layers(channels))
        fit(self, state, entry)

    def _layers(self, channels: Sequence[int]) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for depth, (width_in, width_out) in enumerate(itertools.pairwise(channels)):
            stride, padding = (1, 0) if depth == 0 else (2, 1)
            layers.append(nn.ConvTranspose2d(width_in, width_out, 4, stride, padding, bias=False))
            if depth < len(channels) - 2:
                # Not in place: forward mode and double backward need the input of the ReLU.
                layers += [nn.BatchNorm2d(width_out), nn.ReLU(inplace=False)]
        return [*layers, nn.Tanh()]

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of complete inputs."""
        images: Tensor = self.main(inputs[:, :, None, None])
        return (images + 1) / 2

    @property
    def first_weight(self) -> Float[Tensor, "outputs input_dim"]:
        """The first transposed convolution: what each coordinate adds to the 4 × 4 map, (channels · 16, dim)."""
        # Stored as (in, out, 4, 4).
        return self.main[0].get_parameter("weight").flatten(1).T

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The output of each rectifier, `layer 1` and on, and the images."""
        found: dict[str, Tensor] = {}
        values = inputs[:, :, None, None]
        for module in self.main:
            values = module(values)
            if isinstance(module, nn.ReLU):
                found[f"layer {len(found) + 1}"] = values
                if until in found:
                    return found
        return {**found, "image": (values + 1) / 2}


def _channels(state: Mapping[str, Tensor], entry: CatalogueEntry) -> list[int]:
    """Width of the input and of each layer's output, read from the convolutions (in, out, 4, 4) in their order."""
    kernels = {
        int(found[1]): tensor.shape
        for name, tensor in state.items()
        if (found := re.fullmatch(r"main\.(\d+)\.weight", name)) and tensor.ndim == 4
    }
    shapes = [kernels[index] for index in sorted(kernels)]
    if not shapes:
        raise misfit(entry, state, "no 'main.N.weight' of 4 dimensions")
    return [shapes[0][0], *(shape[1] for shape in shapes)]
