"""Generator whose input is noise, or noise and a class side by side, and whose network is one of this folder's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.errors import InvalidInputError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.fitting import check_image_shape
from pullback.generators.generator import Generator, Prior
from pullback.generators.priors import latent_spaces, with_default_classes


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
    """A generator of noise alone, or of noise and a class.

    The catalogue chooses among the inputs of a network that takes cat(noise, class coordinates): noise and these
    coordinates, apart or together; noise and a one-hot class, which its embeddings turn into coordinates; or noise
    alone, with a class that the option `class` holds.

    Args:
        entry: What the catalogue says of it.
        network: Takes noise, then the coordinates of a class where it has classes.
        noise_dim: How many coordinates are noise.
        codes: The coordinates of each class, shape (classes, dim); None of a network without classes.
        priors: Priors that are made of weights or options, by what the catalogue calls them.

    Raises:
        InvalidInputError: The catalogue states other spaces, labels, priors or another image shape than these.
    """

    _codes: Tensor | None
    _held: Tensor | None

    def __init__(
        self,
        entry: CatalogueEntry,
        network: nn.Module,
        noise_dim: int,
        codes: Float[Tensor, "classes dim"] | None = None,
        priors: Mapping[str, Prior] | None = None,
    ) -> None:
        super().__init__()
        self.name = entry.name
        self.weights_hash = entry.weights_hash
        self.input_space = entry.input_space
        self.network: StagedNetwork = network  # type: ignore[assignment]
        self._noise_dim = noise_dim
        self.spaces = latent_spaces(entry, priors)
        held, embedded = _form(
            entry, self.network.input_dim, noise_dim, codes, embeddings="class-embeddings" in (priors or {})
        )
        self.register_buffer("_held", held, persistent=False)
        self.register_buffer("_codes", codes if embedded else None, persistent=False)
        self.image_shape = self.network.image_shape
        check_image_shape(entry, self.image_shape)
        zero = torch.zeros(entry.space(entry.input_space).dim)
        context = with_default_classes(zero, entry, self.spaces)
        self.register_buffer("_context", context, persistent=False)

    @property
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """Zero noise, and the class that the catalogue names as the default."""
        return self.get_buffer("_context").clone()

    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels height width"]:
        """Images in [0, 1] of complete inputs."""
        *_, last = self.network.maps(self._network_inputs(inputs))
        return self.network.image(last)

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """The last map of each side, `4 px` and on, and the images."""
        found: dict[str, Tensor] = {}
        values = inputs
        for values in self.network.maps(self._network_inputs(inputs)):
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
        weights = self.network.first_weights()
        if self._codes is not None:
            noise, coordinates = weights[:, : self._noise_dim], weights[:, self._noise_dim :]
            weights = torch.cat([noise, coordinates @ self._codes.T], dim=1)
        weights = weights[:, block]
        return weights[weights.any(dim=1)]

    def _network_inputs(self, inputs: Tensor) -> Tensor:
        """Noise and the coordinates of a class, of what the catalogue calls the input."""
        if self._held is not None:
            return torch.cat([inputs, self._held.expand(len(inputs), -1)], dim=1)
        if self._codes is not None:
            noise, weights = inputs[:, : self._noise_dim], inputs[:, self._noise_dim :]
            return torch.cat([noise, weights @ self._codes], dim=1)
        return inputs


def _form(
    entry: CatalogueEntry, input_dim: int, noise_dim: int, codes: Tensor | None, *, embeddings: bool
) -> tuple[Tensor | None, bool]:
    """The class that is held where the entry states noise alone; and whether embeddings turn its classes into those.

    Raises:
        InvalidInputError: The entry states none of the inputs that there are.
    """
    parts = entry.parts(entry.space(entry.input_space))
    stated = [(space.start, space.dim, len(space.labels)) for space in (parts or entry.spaces)]
    whole = entry.space(entry.input_space).dim
    if stated == [(0, input_dim, 0)]:
        return None, False
    if codes is None:
        raise _misstated(entry, f"one of {input_dim} dimensions")
    classes, class_dim = codes.shape
    if stated == [(0, noise_dim, 0)] and whole == noise_dim:
        number = entry.asked("class") if classes > 1 else 0
        if not number < classes:
            raise InvalidInputError(
                f"generator {entry.name!r}: the option 'class' is a number from 0 to {classes - 1}, but {number} came"
            )
        return codes[number].clone(), False
    # Where there are as many classes as coordinates, their prior tells which is meant.
    one_hot = embeddings and any(part.prior == "one-hot" for part in parts)
    width = classes if one_hot else class_dim
    if stated in ([(0, noise_dim, 0), (noise_dim, width, labels)] for labels in (0, classes)):
        return None, one_hot
    raise _misstated(
        entry,
        f"noise [0, {noise_dim}), a class [{noise_dim}, {input_dim}) with {classes} labels, and both together "
        f"[0, {input_dim}) with a product prior; or a one-hot class of {classes} dimensions; or noise alone, with the "
        "option 'class'",
    )


def _misstated(entry: CatalogueEntry, given: str) -> InvalidInputError:
    said = ", ".join(
        f"{space.name} [{space.start}, {space.start + space.dim}) with {len(space.labels)} labels"
        for space in entry.spaces
    )
    return InvalidInputError(f"catalogue entry {entry.name!r}: spaces {said} are stated, but the weights give {given}")
