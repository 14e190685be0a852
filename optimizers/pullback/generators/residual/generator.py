"""Generator whose input is noise, or noise and a class side by side, and whose network is one of this folder's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.families.fitting import check_image_shape
from pullback.generators.generator import Generator, Prior
from pullback.generators.priors import latent_spaces


class StagedNetwork(Protocol):
    """A network whose maps grow from side to side."""

    input_dim: int

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""

    def maps(self, inputs: Tensor) -> Iterator[Tensor]:
        """The last map of each side, ascending."""

    def image(self, values: Tensor) -> Tensor:
        """Images in [0, 1] of the last map."""

    def first_weights(self) -> Tensor:
        """The weights that meet an input, one column for each of its coordinates."""


class StagedGenerator(Generator):
    """A generator of noise alone, or with the spaces noise, class and both (`full`) side by side.

    Args:
        entry: What the catalogue says of it.
        network: Takes noise, then the coordinates of a class where it has classes.
        noise_dim: How many coordinates are noise.
        classes: How many classes there are; 0 = none.
        priors: Priors that are made of weights or options, by what the catalogue calls them.

    Raises:
        InvalidInputError: The catalogue states other spaces, labels, priors or another image shape than these.
    """

    def __init__(
        self,
        entry: CatalogueEntry,
        network: nn.Module,
        noise_dim: int,
        classes: int = 0,
        priors: Mapping[str, Prior] | None = None,
    ) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.input_space = entry.input_space
        self.network: StagedNetwork = network  # type: ignore[assignment]
        _check_spaces(entry, self.network.input_dim, noise_dim, classes)
        self.spaces = latent_spaces(entry, priors)
        self.image_shape = self.network.image_shape
        check_image_shape(entry, self.image_shape)
        context = torch.zeros(self.network.input_dim)
        for space in entry.spaces:
            if space.labels:
                codes = self.spaces[space.name].prior.class_codes(space.dim)
                context[self.spaces[space.name].block] = codes[space.labels.index(space.default)]
        self.register_buffer("_context", context, persistent=False)

    @property
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """Zero noise, and the class that the catalogue names as the default."""
        return self.get_buffer("_context").clone()

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of complete inputs."""
        *_, last = self.network.maps(inputs)
        return self.network.image(last)

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The last map of each side, `4 px` and on, and the images."""
        found: dict[str, Tensor] = {}
        values = inputs
        for values in self.network.maps(inputs):
            found[f"{values.shape[-1]} px"] = values
            if until in found:
                return found
        return {**found, "image": self.network.image(values)}

    def first_weights(self, space: str, layers: tuple[int, ...] = ()) -> Float[Tensor, "outputs n"]:
        """All weights that meet a latent: of the first layer, and of the blocks' normalisations where they take it."""
        block = self.space(space).block
        if layers:
            raise InvalidInputError(
                f"generator {self.name!r} has no layers that take a latent each, but layers {list(layers)} came"
            )
        weights = self.network.first_weights()[:, block]
        return weights[weights.any(dim=1)]


def _check_spaces(entry: CatalogueEntry, input_dim: int, noise_dim: int, classes: int) -> None:
    whole = entry.space(entry.input_space)
    if not classes:
        if [space.dim for space in entry.spaces] != [input_dim]:
            stated = {space.name: space.dim for space in entry.spaces}
            raise InvalidInputError(
                f"catalogue entry {entry.name!r}: spaces {stated} are stated, but the weights give one of {input_dim} "
                "dimensions"
            )
        return
    parts = [space for space in entry.spaces if space.name != whole.name]
    places = {(space.start, space.dim, len(space.labels)) for space in parts}
    expected = {(0, noise_dim, 0), (noise_dim, input_dim - noise_dim, classes)}
    if places != expected or whole.dim != input_dim:
        said = ", ".join(
            f"{space.name} [{space.start}, {space.start + space.dim}) with {len(space.labels)} labels"
            for space in entry.spaces
        )
        raise InvalidInputError(
            f"catalogue entry {entry.name!r}: spaces {said} are stated, but the weights give noise [0, {noise_dim}), a "
            f"class [{noise_dim}, {input_dim}) with {classes} labels, and both together [0, {input_dim}) with a "
            "product prior"
        )
