"""DCGAN (Radford, Metz and Chintala, ICLR 2016), read from the files of the GAN zoo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.whole_input import WholeInputGenerator, levels
from pullback.generators.families.zoo_settings import ends_in_tanh
from pullback.generators.ready_layers import take_norm, transposed_convolution
from pullback.generators.state_tensors import StateTensors

_EPSILON = 1e-5


class DcganZoo(WholeInputGenerator):
    """A DCGAN of facebookresearch/pytorch_GAN_zoo, batch normalisation with its stored statistics.

    The zoo's hub leaves its model in training mode, where the statistics are those of the batch that is drawn: an image
    then depends on its company. Here it does not.

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of `avgG` by name.
        settings: The `config` of the file.

    Raises:
        WeightsError: The tensors are not those of this architecture, or the settings no such file's.
        InvalidInputError: The catalogue states other shapes, or lacks what the file does not say.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        tensors = StateTensors(state, entry.name, entry.family)
        tensors.drop(r".*\.num_batches_tracked")
        kernel = tensors.take("formatLayer.weight", None, None, 4, 4)
        dim = len(kernel)
        layers: list[nn.Module] = [transposed_convolution(kernel, None, stride=1, padding=0)]
        depth = len(tensors.numbers(r"main\.convTranspose(\d+)\.weight"))
        for number in range(depth + 1):
            width = kernel.shape[1]
            layers += [take_norm(tensors, f"main.batchNorm{number}", width, _EPSILON), nn.ReLU()]
            name = "main.outlayer.weight" if number == depth else f"main.convTranspose{number + 1}.weight"
            kernel = tensors.take(name, width, None, 4, 4)
            layers.append(transposed_convolution(kernel, None, stride=2, padding=1))
        tensors.finish()
        side = 8 << depth
        super().__init__(entry, dim, (kernel.shape[1], side, side))
        self.layers = nn.Sequential(*layers)
        self._tanh = ends_in_tanh(entry, settings)

    @property
    def first_weight(self) -> Float[Tensor, "outputs input_dim"]:
        """The first transposed convolution: what each coordinate adds to the 4 × 4 map."""
        # Stored as (in, out, 4, 4).
        return self.layers[0].get_parameter("weight").flatten(1).T

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The output of each rectifier, `layer 1` and on, and the images."""
        found: dict[str, Tensor] = {}
        values = inputs[:, :, None, None]
        for layer in self.layers:
            values = layer(values)
            if isinstance(layer, nn.ReLU):
                found[f"layer {len(found) + 1}"] = values
                if until in found:
                    return found
        return {**found, "image": self._levels(values)}

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of complete inputs."""
        return self._levels(self.layers(inputs[:, :, None, None]))

    def _levels(self, images: Tensor) -> Tensor:
        return levels(images.tanh() if self._tanh else images)
