"""Given starts: latents of an encoder or of an earlier inversion, in the place of each target's first restart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
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
    generator: Generator,
    latents: Float[Tensor, "count n"],
    of: str,
    space: str,
    class_label: str = "",
) -> Float[Tensor, "count dim"]:
    """Latents of one space as latents of another that they lead into (see `leading_spaces`).

    Args:
        generator: The generator.
        latents: Latents of the space `of`.
        of: Name of the space that they lie in.
        space: Name of the space that they are wanted in.
        class_label: The class beside latents of a space such as z; empty = the generator's default.

    Raises:
        UnknownNameError: No such space, or no such class.
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
    around = _surroundings(generator, of, class_label) if class_label and generator.needs_context(of) else None
    whole = generator.complete(latents.to(generator.device, generator.dtype), of, around)
    # As every layer has it; what is truncated in some layers only is not truncated in the last.
    return whole if space == generator.input_space else whole[:, -generator.space(space).dim :]


def _surroundings(generator: Generator, space: str, class_label: str) -> Float[Tensor, " whole_dim"]:
    """The latent of `whole_of` a space that has a class in the place of the default one."""
    whole = generator.whole_of(space)
    found = generator.default_surroundings(space).clone()
    for other in generator.spaces.values():
        if other.labels and whole.holds(other):
            if class_label not in other.labels:
                raise UnknownNameError(f"class of generator {generator.name!r}", class_label, other.labels)
            found[other.block] = other.prior.class_codes(other.dim)[other.labels.index(class_label)].to(found)
    return found


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
    for image, (alone, latent) in enumerate(zip(problem.each(), given, strict=True)):
        if latent is None:
            continue
        if latent.shape != (problem.latent_dim,):
            raise InvalidInputError(
                f"a start is a latent of shape ({problem.latent_dim},), but {tuple(latent.shape)} came"
            )
        _check_finite(latent)
        found[image, 0, : problem.latent_dim] = latent.to(found)
        found[image, 0] = alone.clamp(found[image, 0])
    return found


def _check_finite(latents: Tensor) -> None:
    if not bool(latents.isfinite().all()):
        raise InvalidInputError("every number of a start must be finite, but NaN or infinity came")
