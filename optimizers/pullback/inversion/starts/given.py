"""Given starts: latents of an encoder or of an earlier inversion, in the place of each target's first restart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.inversion.problems.problem import Problem


def leading_spaces(generator: Generator, space: str) -> list[str]:
    """Names of the spaces whose latents can start an inversion in a space: itself, and those that are mapped into it.

    Of a style-based generator a latent of `z` has its `w`, and one of `w` is a `w+` with the same `w` in every layer.
    """
    own = generator.space(space).name
    if own != generator.input_space and not generator.repeats(own, generator.input_space):
        return [own]
    # A class alone is no latent to start from.
    return [
        own,
        *(name for name, other in generator.spaces.items() if other.mapped and not other.labels and name != own),
    ]


@torch.no_grad()
def led_into(
    generator: Generator, latents: Float[Tensor, "count n"], of: str, space: str
) -> Float[Tensor, "count dim"]:
    """Latents of one space as latents of another that they lead into (see `leading_spaces`).

    Args:
        generator: The generator.
        latents: Latents of the space `of`.
        of: Name of the space that they lie in.
        space: Name of the space that they are wanted in.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: They have another shape, are not finite, or do not lead there.
    """
    given = generator.space(of)
    if latents.ndim != 2 or latents.shape[1] != given.dim:
        raise InvalidInputError(f"latents of space {of!r} have shape (n, {given.dim}), but {tuple(latents.shape)} came")
    _check_finite(latents)
    if of == space:
        return latents
    known = leading_spaces(generator, space)
    if of not in known:
        raise InvalidInputError(
            f"a start in space {space!r} of generator {generator.name!r} is a latent of {' or '.join(known)}, but one "
            f"of {of!r} came"
        )
    whole = generator.complete(latents.to(generator.device, generator.dtype), of)
    # As every layer has it; what is truncated in some layers only is not truncated in the last.
    return whole if space == generator.input_space else whole[:, -generator.space(space).dim :]


def are_all_given(given: Sequence[Tensor | None] | None, restarts: int) -> bool:
    """Whether nothing is drawn, nor looked up in a bank: every target has the start of its only restart."""
    return given is not None and restarts == 1 and all(latent is not None for latent in given)


def put_given(
    problem: Problem, points: Float[Tensor, "images restarts dim"], given: Sequence[Tensor | None]
) -> Float[Tensor, "images restarts dim"]:
    """Starting points with given latents in the place of the first restart's; its frame stays.

    Args:
        problem: The problem.
        points: Starting points of any kind.
        given: A latent of the problem's space for each target, shape (latent_dim,); None where there is none.

    Raises:
        InvalidInputError: There are not as many as targets, or one has another shape or is not finite.
    """
    if len(given) != problem.images:
        raise InvalidInputError(
            f"expected a start, or None, for each of {problem.images} targets, but {len(given)} came"
        )
    found = points.clone()
    for image, latent in enumerate(given):
        if latent is None:
            continue
        if latent.shape != (problem.latent_dim,):
            raise InvalidInputError(
                f"a start is a latent of shape ({problem.latent_dim},), but {tuple(latent.shape)} came"
            )
        _check_finite(latent)
        found[image, 0, : problem.latent_dim] = latent.to(found)
        found[image, 0] = problem.clamp(found[image, 0])
    return found


def _check_finite(latents: Tensor) -> None:
    if not bool(latents.isfinite().all()):
        raise InvalidInputError("every number of a start must be finite, but NaN or infinity came")
