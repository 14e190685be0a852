"""Interface of a generator: named latent spaces, and a differentiable map from a latent to an image or a sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pullback.errors import InvalidInputError, UnknownNameError


class Prior(ABC):
    """The distribution from which latents of a space are drawn."""

    @property
    def bounded(self) -> bool:
        """Whether latents outside its support stand for nothing, so that an inversion stays within it unasked."""
        return False

    @abstractmethod
    def sample(self, n: int, dim: int, rng: torch.Generator) -> Float[Tensor, "n dim"]:
        """Draws `n` latents of `dim` coordinates, float32 on the CPU, using `rng` alone."""

    def mean(self, dim: int) -> Float[Tensor, " dim"]:
        """The mean of latents of `dim` coordinates, float32 on the CPU. Zero unless a prior says otherwise."""
        return torch.zeros(dim)

    def class_codes(self, dim: int) -> Float[Tensor, "classes dim"]:
        """The latents that are classes, one row for each in the order of the labels, float32 on the CPU.

        Raises:
            InvalidInputError: The prior draws no classes.
        """
        raise InvalidInputError(f"a space of {dim} coordinates whose prior is a {type(self).__name__} has no classes")

    def penalty(self, latents: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch"]:
        """How far latents lie from what the prior draws; differentiable. ½‖z‖² unless a prior says otherwise."""
        return latents.square().sum(dim=-1) / 2

    def curvature(self, dim: int) -> Float[Tensor, "dim dim"]:
        """The Hessian of the penalty nearly everywhere, float32 on the CPU. I unless a prior says otherwise."""
        return torch.eye(dim)

    def spread(self) -> float:
        """The root mean square of the coordinates' standard deviations. 1 unless a prior says otherwise."""
        return 1.0

    def truncate(self, latents: Float[Tensor, "*batch dim"], limit: float) -> Float[Tensor, "*batch dim"]:
        """Latents with every coordinate clamped to ±limit unless a prior says otherwise."""
        return latents.clamp(-limit, limit)


@dataclass(frozen=True)
class LatentSpace:
    """A named space of latents, and its prior: a block of the generator's input, or of what is mapped into it.

    Attributes:
        name: The space's name, unique within the generator (`z`, `noise`, `class`, `full`).
        dim: Number of coordinates.
        prior: Distribution of latents.
        start: First coordinate of the block within its coordinate system.
        labels: Names of the classes of a conditional generator, as many as its prior's class codes.
        system: The coordinate system: name of the space, itself or another, of all the coordinates of which these are a
            block, and of which the generator makes its input; empty where they are a block of the input.
    """

    name: str
    dim: int
    prior: Prior
    start: int = 0
    labels: tuple[str, ...] = ()
    system: str = ""

    @property
    def mapped(self) -> bool:
        """Whether the generator makes its input of such latents, so that they are no block of it."""
        return bool(self.system)

    @property
    def block(self) -> slice:
        """The columns of its coordinate system that this space covers."""
        return slice(self.start, self.start + self.dim)

    def holds(self, part: LatentSpace) -> bool:
        """Whether a space of the same generator is this one, or a block of its coordinates."""
        if self.name == part.name:
            return True
        return (
            self.system == part.system and self.start <= part.start and part.start + part.dim <= self.start + self.dim
        )

    def sample(self, n: int, seed: int) -> Float[Tensor, "n dim"]:
        """Draws latents from the prior.

        The draw happens on the CPU, so that a seed means the same latents on every device.

        Args:
            n: How many, at least 1.
            seed: Any integer ≥ 0.

        Returns:
            Float32 latents of shape (n, dim), on the CPU.
        """
        return self.prior.sample(n, self.dim, torch.Generator().manual_seed(seed))


class Generator(nn.Module, ABC):
    """A frozen generator: latent → image, or latent → sound.

    Evaluation mode, no parameter requires a gradient, and `render` is differentiable once, twice and in forward
    mode with respect to the latents: no operation works in place.

    Attributes:
        name: Name in the catalogue.
        weights_hash: SHA-256 of the published weight file, or of that and the options of its catalogue entry,
            hexadecimal: the identity of these weights.
        spaces: Latent spaces by name. The first is the default.
        input_space: Name of the space that covers the whole input.
        image_shape: (C, H, W) of the images; (C, T) of the sounds.
        tuned_from: `weights_hash` of the generator whose fine-tuned copy this is; empty of others.
    """

    name: str
    weights_hash: str
    tuned_from: str = ""
    spaces: Mapping[str, LatentSpace]
    input_space: str
    image_shape: tuple[int, int, int] | tuple[int, int]
    _anchor: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Says on which device and in which precision this generator lives.
        self.register_buffer("_anchor", torch.zeros(()), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._anchor.device

    @property
    def dtype(self) -> torch.dtype:
        """Floating-point type of the weights."""
        return self._anchor.dtype

    @property
    def metric_hash(self) -> str:
        """Whose eigenbases and directions serve: those of these weights, or of those from which they were tuned."""
        return self.tuned_from or self.weights_hash

    def space(self, name: str) -> LatentSpace:
        """The latent space of that name.

        Raises:
            UnknownNameError: The generator has no such space; the message lists those it has.
        """
        try:
            return self.spaces[name]
        except KeyError:
            raise UnknownNameError(f"space of generator {self.name!r}", name, self.spaces) from None

    def repeats(self, part: str, whole: str) -> int:
        """How often a latent of one space stands in one of another, layer by layer, as `w` does in `w+`; else 0."""
        if (part, whole) != ("w", "w+") or not {part, whole} <= self.spaces.keys():
            return 0
        return self.space(whole).dim // self.space(part).dim

    def whole_of(self, space: str) -> LatentSpace:
        """The space of all the coordinates among which those of a space are: the input, unless that is made of them."""
        return self.space(self.space(space).system or self.input_space)

    def needs_context(self, space: str) -> bool:
        """Whether latents of a space are a block of `whole_of` it, so that a context fills the other coordinates."""
        return self.space(space).dim < self.whole_of(space).dim

    def space_of_class(self, space: str, label: str) -> LatentSpace:
        """A space behind a mapping network with the prior of one class alone.

        Args:
            space: Name of the space.
            label: The class.

        Raises:
            UnknownNameError: The generator has no such space, or no such class.
            InvalidInputError: The space is not behind a mapping network that takes classes.
        """
        del label
        name = self.space(space).name
        raise InvalidInputError(f"space {name!r} of generator {self.name!r} lies behind no mapping network of classes")

    @property
    @abstractmethod
    def default_context(self) -> Float[Tensor, " input_dim"]:
        """The input whose other coordinates hold while a space covers only a block of it."""

    def default_surroundings(self, space: str) -> Float[Tensor, " whole_dim"]:
        """The latent of `whole_of` a space whose other coordinates hold while that covers only a block of it."""
        whole = self.whole_of(space)
        return whole.prior.mean(whole.dim).to(self._anchor) if whole.mapped else self.default_context

    @abstractmethod
    def synthesize(self, inputs: Float[Tensor, "batch input_dim"]) -> Float[Tensor, "batch channels *size"]:
        """Images in [0, 1], or sounds in [−1, 1], of complete inputs."""

    @property
    def noise_shapes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each noise map that an image may be given beside its latent, from the first layer on.

        A generator has none unless it says otherwise.
        """
        return ()

    def synthesize_noisy(
        self, inputs: Float[Tensor, "batch input_dim"], noise: Float[Tensor, "batch values"] | None
    ) -> Float[Tensor, "batch channels *size"]:
        """As `synthesize`, with noise maps in the place of the generator's own.

        Args:
            inputs: Complete inputs.
            noise: The maps of `noise_shapes`, each flat, side by side; None for the generator's own.

        Raises:
            InvalidInputError: It has none.
        """
        if noise is not None:
            raise InvalidInputError(f"generator {self.name!r} has no noise maps that could be given")
        return self.synthesize(inputs)

    def with_noise(self, maps: Sequence[Tensor]) -> Generator:
        """This generator with other noise maps as its own, everything else alike; it shares the weights.

        Args:
            maps: One of each of `noise_shapes`, finite.

        Raises:
            InvalidInputError: It has no noise maps, or others.
        """
        del maps
        raise InvalidInputError(f"generator {self.name!r} has no noise maps that could be given")

    def activations(self, inputs: Float[Tensor, "batch input_dim"], until: str = "") -> dict[str, Tensor]:
        """What the layers make of complete inputs, from the first to the images, by name.

        A generator that does not name its layers has one, `image`.

        Args:
            inputs: Complete inputs.
            until: Name of the layer after which nothing is computed; the images when it is no layer's.
        """
        del until
        return {"image": self.synthesize(inputs)}

    def first_weights(self, space: str, layers: tuple[int, ...] = ()) -> Float[Tensor, "outputs n"]:
        """The weights that first meet a latent, as they are used: one row for each unit, without its bias.

        Args:
            space: Name of the latent's space.
            layers: Layers of a style-based generator whose weights are taken, from 0; of none, all.

        Raises:
            UnknownNameError: No such space.
            InvalidInputError: The generator does not say which weights these are, or has no such layers.
        """
        del layers
        raise InvalidInputError(
            f"generator {self.name!r} does not say which weights first meet a latent of space {space!r}"
        )

    def render(
        self,
        latents: Float[Tensor, "batch dim"],
        space: str,
        context: Float[Tensor, "*batch whole_dim"] | None = None,
        noise: Float[Tensor, "batch values"] | None = None,
    ) -> Float[Tensor, "batch channels *size"]:
        """Images or sounds of latents.

        Args:
            latents: Latents of `space`, shape (B, dim), on this generator's device and in its dtype.
            space: Name of a latent space.
            context: Latents of `whole_of` the space, shape (B, whole_dim) or (whole_dim,), that fill the coordinates
                outside `space`; `default_surroundings` when omitted. Of no effect where `space` leaves none open.
            noise: Noise maps, as `synthesize_noisy` takes them; the generator's own when omitted.

        Returns:
            Images of shape (B, C, H, W) in [0, 1], or sounds of shape (B, C, T) in [−1, 1].

        Raises:
            UnknownNameError: No such space.
            InvalidInputError: Latents of another shape, or noise for a generator that takes none.
        """
        latent_space = self.space(space)
        if latents.ndim != 2 or latents.shape[1] != latent_space.dim:
            raise InvalidInputError(
                f"latents of space {space!r} of generator {self.name!r} have shape (batch, {latent_space.dim}), "
                f"but shape {tuple(latents.shape)} came"
            )
        return self.synthesize_noisy(self.complete(latents, space, context), noise)

    def complete(
        self,
        latents: Float[Tensor, "batch dim"],
        space: str,
        context: Float[Tensor, "*batch whole_dim"] | None = None,
    ) -> Float[Tensor, "batch input_dim"]:
        """The complete inputs of latents; the arguments are those of `render`."""
        return self.surround(latents, space, context)

    def surround(
        self,
        latents: Float[Tensor, "batch dim"],
        space: str,
        context: Float[Tensor, "*batch surroundings"] | None = None,
    ) -> Float[Tensor, "batch whole_dim"]:
        """Latents of `whole_of` a space that have the given ones in its block; the arguments are those of `render`."""
        if not self.needs_context(space):
            return latents
        block = self.space(space).block
        filling = self.default_surroundings(space) if context is None else context
        filling = filling.to(latents).expand(len(latents), -1)
        return torch.cat([filling[:, : block.start], latents, filling[:, block.stop :]], dim=1)

    def forward(self, latents: Tensor, space: str) -> Tensor:
        """Same as `render`, so that a generator composes with other modules."""
        return self.render(latents, space)
