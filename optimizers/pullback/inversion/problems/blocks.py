"""Blocks of the columns that a solver moves: noise and class, say."""

from __future__ import annotations

from pullback.generators.generator import LatentSpace
from pullback.inversion.problems.problem import Problem


def moving_blocks(problem: Problem) -> tuple[LatentSpace, ...]:
    """The spaces that lie side by side in the space that moves and make it up; where there are none, that space."""
    whole = problem.generator.space(problem.moves)
    stop = whole.start + whole.dim
    parts: list[LatentSpace] = []
    end = whole.start
    while end < stop:
        nexts = [
            space
            for space in problem.generator.spaces.values()
            if space.start == end and space.dim < whole.dim and whole.holds(space)
        ]
        if not nexts:
            return (whole,)
        parts.append(max(nexts, key=lambda space: space.dim))
        end += parts[-1].dim
    return tuple(parts)
