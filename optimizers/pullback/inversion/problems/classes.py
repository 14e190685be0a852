"""Classes of conditional generators: which columns of a point hold them, and what is in there."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators.generator import LatentSpace
from pullback.inversion.problems.problem import Problem


def class_space(problem: Problem) -> LatentSpace:
    """The space of classes within the problem's space; its labels are the classes' names.

    Raises:
        InvalidInputError: The problem's space holds no class.
    """
    whole = problem.generator.space(problem.space)
    for space in problem.generator.spaces.values():
        if space.labels and whole.holds(space):
            return space
    raise InvalidInputError(
        f"space {problem.space!r} of generator {problem.generator.name!r} holds no class; behind a mapping network the "
        "problem takes it, as class_labels"
    )


def class_block(problem: Problem) -> slice:
    """The columns of a point that hold the class.

    Raises:
        InvalidInputError: The problem's space holds no class.
    """
    space = class_space(problem)
    start = space.start - problem.generator.space(problem.space).start
    return slice(start, start + space.dim)


def class_codes(problem: Problem) -> Float[Tensor, "classes dim"]:
    """The coordinates of every class, in the order of the labels: unit vectors, or embeddings.

    Raises:
        InvalidInputError: The problem's space holds no class.
    """
    space = class_space(problem)
    return space.prior.class_codes(space.dim).to(problem.targets)


def given_classes(problem: Problem, classes: Sequence[int]) -> Float[Tensor, "images dim"]:
    """The class coordinates of given classes, one row for each target.

    Args:
        problem: The problem.
        classes: Numbers of labels of the class space.

    Raises:
        InvalidInputError: The problem's space holds no class, there are not as many as targets, or there is no such
            class.
    """
    codes = class_codes(problem)
    count = len(codes)
    if len(classes) != problem.images or not all(0 <= number < count for number in classes):
        raise InvalidInputError(f"expected {problem.images} classes from 0 to {count - 1}, but {list(classes)} came")
    return codes[list(classes)]


def nearest_class(problem: Problem, latents: Float[Tensor, "*batch dim"]) -> list[str]:
    """The label of the class that is nearest to a latent's class coordinates, for each latent.

    Where a one-hot class moves freely that is the one that has the most weight.

    Args:
        problem: The problem.
        latents: Of the problem's space; leading dimensions are flattened.

    Raises:
        InvalidInputError: The problem's space holds no class.
    """
    return nearest_labels(class_space(problem), latents[..., class_block(problem)])


def nearest_labels(space: LatentSpace, coordinates: Float[Tensor, "*batch dim"]) -> list[str]:
    """The label of the class that is nearest to each point of a space of classes; leading dimensions are flattened."""
    codes = space.prior.class_codes(space.dim).to(coordinates)
    # ‖c − e_k‖² = ‖c‖² − 2 c·e_k + ‖e_k‖²
    distances = codes.square().sum(dim=1) / 2 - coordinates @ codes.T
    return [space.labels[number] for number in distances.argmin(dim=-1).flatten().tolist()]
