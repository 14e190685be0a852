"""Directions of w that act on some layers of a style-based generator only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator
from pullback.generators.style_based.generator import StyleBased

LAYERED_SPACE = "w+"


def layer_count(generator: Generator) -> int:
    """How many layers take a w of their own.

    Raises:
        InvalidInputError: The generator is not style-based.
    """
    if not {"w", LAYERED_SPACE} <= generator.spaces.keys():
        raise InvalidInputError(
            f"generator {generator.name!r} has no layers with a w each, only the spaces {', '.join(generator.spaces)}; "
            "leave the layers out"
        )
    return generator.space(LAYERED_SPACE).dim // generator.space("w").dim


def lift(generator: Generator, latent: Tensor, space: str, layers: Sequence[int] = ()) -> Float[Tensor, " layered"]:
    """The latent of w+ that gives the same image: where a walk on some layers starts.

    Args:
        generator: A style-based generator.
        latent: A latent of `space`, shape (n,).
        space: Any of its spaces.
        layers: The layers on which the walk will act, from 0; all when empty. They are checked here.

    Returns:
        Shape (layers of the generator × dimension of w,), layer by layer.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: It is not style-based, has no such layer, or the latent has another shape.
    """
    check_layers(layers, layer_count(generator))
    dim = generator.space(space).dim
    if latent.shape != (dim,):
        raise InvalidInputError(
            f"a latent of space {space!r} of generator {generator.name!r} has shape ({dim},), but shape "
            f"{tuple(latent.shape)} came"
        )
    with torch.no_grad():
        lifted: Tensor = generator.complete(latent.to(generator.device, generator.dtype)[None], space)[0]
    return lifted


def mapped(generator: Generator, latent: Tensor, space: str, target: str) -> Float[Tensor, " n"]:
    """The latent of another space that gives the same image: where a walk along a direction of that space starts.

    Args:
        generator: The generator.
        latent: A latent of `space`, shape (d,).
        space: Its space.
        target: The space itself; or, for a style-based generator, `w` from `z` or what has it, or `w+` from any.

    Raises:
        UnknownNameError: The generator has no such space.
        InvalidInputError: No way leads from the one space to the other.
    """
    generator.space(target)
    if space == target:
        return latent
    if target == LAYERED_SPACE:
        return lift(generator, latent, space)
    if target == "w" and isinstance(generator, StyleBased) and space != LAYERED_SPACE:
        with torch.no_grad():
            return generator.mapped(latent.to(generator.device, generator.dtype)[None], space)[0]
    raise InvalidInputError(
        f"a latent of space {space!r} of generator {generator.name!r} gives none of space {target!r}; start from a "
        "latent of the direction's own space"
    )


def spread(vector: Float[Tensor, " n"], layers: Sequence[int], total: int) -> Float[Tensor, " layered"]:
    """A direction of w as one of w+: itself in the layers on which it acts, zero in the others.

    It is not scaled, so a step along it moves the w of each of these layers as far as a step moves w.

    Args:
        vector: Shape (n,).
        layers: Layers from 0; all when empty.
        total: How many layers the generator has.

    Returns:
        Shape (total × n,), layer by layer.

    Raises:
        InvalidInputError: There is no such layer.
    """
    check_layers(layers, total)
    spread_out = vector.new_zeros(total, len(vector))
    spread_out[list(layers) or slice(None)] = vector
    return spread_out.flatten()


def write(
    base: Float[Tensor, " layered"], w: Float[Tensor, "frames n"], layers: Sequence[int]
) -> Float[Tensor, "frames layered"]:
    """Latents of w+ that have these w in some layers, and in the others what the base has.

    Args:
        base: A latent of w+, shape (layers of the generator × n,).
        w: Shape (frames, n).
        layers: Layers from 0, at least one.

    Raises:
        InvalidInputError: There is no such layer.
    """
    n = w.shape[1]
    check_layers(layers, len(base) // n)
    latents = base.reshape(-1, n).repeat(len(w), 1, 1)
    latents[:, list(layers)] = w[:, None].to(base)
    return latents.flatten(1)


def check_layers(layers: Sequence[int], total: int) -> None:
    """Checks that a generator of so many layers has these.

    Raises:
        InvalidInputError: It has not; the message says which it has.
    """
    if unknown := [layer for layer in layers if not 0 <= layer < total]:
        raise InvalidInputError(f"this generator has the layers 0 to {total - 1}, but {unknown[0]} came")
