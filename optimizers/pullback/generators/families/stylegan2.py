"""StyleGAN2 as a generator with the spaces z, w and w+."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.fitting import check_stated, fit
from pullback.generators.families.stylegan2_network import StyleGan2Network, StyleGan2Shape
from pullback.generators.generator import Generator, LatentSpace
from pullback.generators.priors import Mapped, StandardNormal


class StyleGan2(Generator):
    """A StyleGAN2 of any size, its configuration read from the weights' shapes.

    Three spaces: `z`, before the mapping network; `w`, behind it, one for the whole image; `w+`, one w for each layer,
    side by side, which is the generator's input. The noise maps are those of the weight file, so an image is a
    function of its latent alone. Images are clamped to [0, 1].

    Args:
        entry: What the catalogue says of this generator.
        state: Tensors of the checkpoint by name, as `StyleGan2Network` names them. `latent_avg`, shape (dim,), is the
            mean of w; without it the mean is estimated.
        settings: Of no meaning here.

    Raises:
        WeightsError: The tensors are not those of this architecture.
        InvalidInputError: The catalogue states other dimensions or another image shape than the weights have.
    """

    def __init__(self, entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
        del settings  # Those of training: nothing of them is needed.
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.input_space = entry.input_space
        self.image_shape = entry.image_shape
        shape = StyleGan2Shape.of(state, entry.name)
        spaces = {"z": shape.latent_dim, "w": shape.latent_dim, "w+": shape.layers * shape.latent_dim}
        check_stated(entry, spaces, "w+", (3, shape.side, shape.side))
        self.network = StyleGan2Network(shape)
        rest = {name: tensor for name, tensor in state.items() if name != "latent_avg"}
        fit(self.network, rest, entry)
        # Priors draw on the CPU wherever the network is, so they have a mapping network of their own.
        mapping = deepcopy(self.network.style).requires_grad_(False).eval()
        mean = state["latent_avg"].float().reshape(-1) if "latent_avg" in state else None
        self.prior = Mapped.of(mapping, shape.latent_dim, mean)
        self.spaces = {
            "z": LatentSpace("z", shape.latent_dim, StandardNormal(), mapped=True),
            "w": LatentSpace("w", shape.latent_dim, self.prior, mapped=True),
            "w+": LatentSpace("w+", shape.layers * shape.latent_dim, self.prior.repeated(shape.layers)),
        }

    @property
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """The mean of w in every layer."""
        whole = self.spaces["w+"]
        return whole.prior.mean(whole.dim).to(self._anchor)

    def complete(
        self,
        latents: Float[Tensor, "batch dim"],
        space: str,
        context: Float[Tensor, "*batch input_dim"] | None = None,
    ) -> Float[Tensor, "batch input_dim"]:
        """Latents as w+: those of `z` through the mapping network, those of `w` in every layer."""
        del context  # No space leaves a coordinate open.
        if space == self.input_space:
            return latents
        return self.map(latents, space).repeat(1, self.network.shape.layers)

    def map(self, latents: Float[Tensor, "batch dim"], space: str) -> Float[Tensor, "batch dim"]:
        """The w of latents of `z`; latents of `w` as they are."""
        return self.network.mapping(latents) if space == "z" else latents

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of w+."""
        return _levels(self.network.synthesis(self._layers(inputs)))

    def first_weights(self, space: str, layers: tuple[int, ...] = ()) -> Float[Tensor, "outputs n"]:
        """Of `w`, the style weights of the layers' convolutions one below the other; of `z`, the mapping's first layer.

        Each layer has one convolution of its own; the last one's makes the image.
        """
        name, count = self.space(space).name, self.network.shape.layers
        if name == "z" and not layers:
            return self.network.first_mapping.scaled_weight
        if name != "w":
            raise InvalidInputError(
                f"weights of generator {self.name!r} meet z, or by layer w, but space {space!r} with layers "
                f"{list(layers)} came"
            )
        if not all(0 <= layer < count for layer in layers):
            raise InvalidInputError(f"layers of generator {self.name!r} are 0 to {count - 1}, but {list(layers)} came")
        convolutions = self.network.convolutions()
        return torch.cat([convolutions[layer].modulation.scaled_weight for layer in layers or range(count)])

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The maps of each resolution, `4 px` and on, and the images."""
        found: dict[str, Tensor] = {}
        images: list[Tensor] = []
        for values, image in self.network.steps(self._layers(inputs), self.network.fixed_noise()):
            found[f"{values.shape[-1]} px"] = values
            if until in found:
                return found
            images.append(image)
        return {**found, "image": _levels(images[-1])}

    def _layers(self, inputs: Tensor) -> Float[Tensor, "batch layers dim"]:
        return torch.unflatten(inputs, 1, (self.network.shape.layers, self.network.shape.latent_dim))


def _levels(images: Tensor) -> Tensor:
    return torch.clamp((images + 1) / 2, 0, 1)
