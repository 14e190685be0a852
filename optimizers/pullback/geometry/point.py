"""Point of a latent space, and the maps whose derivatives there make the metric."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator

WITHOUT_EMBEDDING = ("gauss_newton", "full_backprop", "backward_iteration", "forward_iteration")


@dataclass(frozen=True, eq=False)
class Point:
    """A latent z₀ of a generator's space, under a distance; checked when it is made.

    Attributes:
        generator: The generator G.
        distance: The distance D, on the same device and in the same precision.
        latent: z₀, shape (n,); moved to the generator's device and precision.
        space: Name of the latent's space.
        context: Latent of all the coordinates around those of `space`, shape (m,), that fills the others; the
            generator's default when omitted.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: The latent or the context has another shape, the latent is not finite, or generator and
            distance live on different devices or in different precisions.
    """

    generator: Generator
    distance: Distance
    latent: Tensor
    space: str
    context: Tensor | None = None

    def __post_init__(self) -> None:
        generator = self.generator
        latent = checked_latent(generator, self.latent, self.space)
        whole = generator.whole_of(self.space).dim
        if self.context is not None and self.context.shape != (whole,):
            raise InvalidInputError(f"a context has shape ({whole},), but shape {tuple(self.context.shape)} came")
        check_same_place(generator, self.distance)
        object.__setattr__(self, "latent", latent)

    @property
    def dim(self) -> int:
        """The number n of latent dimensions."""
        return len(self.latent)

    def image(self, latent: Float[Tensor, " n"]) -> Float[Tensor, "1 channels *size"]:
        """G(z)."""
        return self.generator.render(latent[None], self.space, self.context)

    def pixels(self, latent: Float[Tensor, " n"]) -> Float[Tensor, " pixels"]:
        """G(z), as a vector."""
        return self.image(latent).flatten()

    def embedding(self, latent: Float[Tensor, " n"]) -> Float[Tensor, " features"]:
        """φ(G(z)), for a distance that has an embedding.

        Raises:
            InvalidInputError: The distance has none.
        """
        return embedding_of(self.distance).embed(self.image(latent))[0]

    def gradient(
        self, latent: Float[Tensor, " n"], reference: Float[Tensor, "1 channels *size"]
    ) -> Float[Tensor, " n"]:
        """∇D(x, G(z)) at a latent z, for an image x."""
        leaf = latent.detach().requires_grad_()
        return self._gradient(leaf, reference, create_graph=False)

    def gradient_graph(self) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """A leaf z = z₀, and ∇D(G(z₀), G(z)) there as a function of it, to be differentiated again."""
        with torch.no_grad():
            reference = self.image(self.latent)
        leaf = self.latent.clone().requires_grad_()
        return leaf, self._gradient(leaf, reference, create_graph=True)

    def _gradient(self, leaf: Tensor, reference: Tensor, *, create_graph: bool) -> Tensor:
        with torch.enable_grad():
            # A term that is zero, but depends on z even where no image does.
            squared: Tensor = self.distance(reference, self.image(leaf)).sum() + 0 * leaf.square().sum()
            (gradient,) = torch.autograd.grad(squared, leaf, create_graph=create_graph)
        return gradient

    def check_finite(self, derivative: Tensor) -> None:
        """Checks a derivative that was taken here.

        Raises:
            PullbackError: It holds NaN or infinity.
        """
        if not derivative.isfinite().all():
            raise PullbackError(
                f"the derivative of distance {self.distance.name!r} at this image of generator {self.generator.name!r} "
                "is not finite; use another distance, or another latent if this is a rare image"
            )


def embedding_of(distance: Distance) -> EmbeddingDistance:
    """The distance, as one that has an embedding.

    Raises:
        InvalidInputError: It has none; the message names the methods that do without.
    """
    if not isinstance(distance, EmbeddingDistance):
        raise InvalidInputError(
            f"distance {distance.name!r} has no embedding, which this method needs; "
            f"methods that do without: {', '.join(WITHOUT_EMBEDDING)}"
        )
    return distance


def check_same_place(generator: Generator, distance: Distance) -> None:
    """Checks that a generator and a distance can be composed.

    Raises:
        InvalidInputError: They live on different devices or in different precisions.
    """
    if (generator.device, generator.dtype) != (distance.device, distance.dtype):
        raise InvalidInputError(
            f"generator {generator.name!r} is on {generator.device} in {generator.dtype}, "
            f"distance {distance.name!r} on {distance.device} in {distance.dtype}; "
            "load both on one device and in one precision"
        )


def checked_latent(generator: Generator, latent: Tensor, space: str) -> Float[Tensor, " n"]:
    """One latent of a space, on the generator's device and in its precision.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: The latent has another shape, or is not finite.
    """
    dim = generator.space(space).dim
    if latent.shape != (dim,):
        raise InvalidInputError(
            f"a latent of space {space!r} of generator {generator.name!r} has shape ({dim},), "
            f"but shape {tuple(latent.shape)} came"
        )
    if not latent.isfinite().all():
        raise InvalidInputError("a latent is finite, but this one holds NaN or infinity")
    return latent.detach().to(generator.device, generator.dtype)
