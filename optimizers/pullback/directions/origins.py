"""What the methods that look at a generator share: where directions come from, and the latent that is looked at."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

import pullback
from pullback.directions.direction_set import Origin
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator


def origin_of(generator: Generator, space: str, method: str, **settings: object) -> Origin:
    """Where directions of a space come from; the settings are those that decide the result."""
    texts = {name: str(value) for name, value in settings.items()}
    return Origin(generator.name, generator.weights_hash, space, method, pullback.__version__, texts)


def check_count(k: int, dim: int, space: str) -> None:
    """Checks how many directions are asked for.

    Raises:
        InvalidInputError: Less than one, or more than the space has dimensions.
    """
    if not 1 <= k <= dim:
        raise InvalidInputError(f"between 1 and {dim} directions of space {space!r} can be had, but {k} came")


def local_latent(generator: Generator, latent: Tensor, space: str) -> Float[Tensor, " n"]:
    """The latent that a local method looks at, on the generator's device and in its precision.

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
    if not torch.isfinite(latent).all():
        raise InvalidInputError("a latent is finite, but this one holds NaN or infinity")
    return latent.detach().to(generator.device, generator.dtype)
