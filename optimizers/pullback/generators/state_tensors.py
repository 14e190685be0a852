"""The tensors of a weight file, taken by name: what is missing, of another shape or left over is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from pullback.errors import WeightsError

_NAMED = 5


class StateTensors:
    """Tensors that a network is built from; each is taken once.

    Args:
        state: Tensors by name.
        name: The generator's name, for errors.
        family: What they are to be the weights of, for errors.
        published: How the file calls a tensor, for errors.
    """

    def __init__(
        self, state: Mapping[str, Tensor], name: str, family: str, published: Callable[[str], str] = str
    ) -> None:
        self._left = dict(state)
        self._name, self._family, self._published = name, family, published

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def names(self, pattern: str) -> list[re.Match[str]]:
        """The names that match a pattern as a whole, in the order of the file."""
        return [found for name in self._left if (found := re.fullmatch(pattern, name))]

    def numbers(self, pattern: str) -> list[int]:
        """The different numbers that a pattern's first group finds in the names, ascending."""
        return sorted({int(found[1]) for found in self.names(pattern)})

    def take(self, name: str, *shape: int | None) -> Tensor:
        """A tensor in float32.

        Args:
            name: Its name.
            shape: Its lengths; None where any will do.

        Raises:
            WeightsError: There is no such tensor, or it has another shape.
        """
        if name not in self._left:
            have, called = ", ".join(map(self._published, list(self._left)[:_NAMED])), self._published(name)
            raise self.error(f"tensor {called!r} is missing; of those that have not been used the first are {have}")
        tensor = self._left[name]
        expected = tuple(shape)
        if tensor.ndim != len(expected) or any(
            length is not None and length != came for length, came in zip(expected, tensor.shape, strict=True)
        ):
            wanted = ", ".join("any" if length is None else str(length) for length in expected)
            called = self._published(name)
            raise self.error(f"tensor {called!r} is to have the shape ({wanted}), but has {tuple(tensor.shape)}")
        return self._left.pop(name).float()

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        """The shape of a tensor that is taken later.

        Raises:
            WeightsError: There is no such tensor, or it has another number of dimensions.
        """
        if name not in self._left or self._left[name].ndim != dimensions:
            # Says why.
            self.take(name, *(None for _ in range(dimensions)))
        return tuple(self._left[name].shape)

    def ndim(self, name: str) -> int:
        """The number of dimensions of a tensor; 0 where there is none."""
        return self._left[name].ndim if name in self._left else 0

    def drop(self, pattern: str) -> None:
        """Leaves out what plays no part in the images: counters, and logs of the training."""
        for found in self.names(pattern):
            del self._left[found[0]]

    def finish(self) -> None:
        """Checks that every tensor was used.

        Raises:
            WeightsError: Some were not; the message names the first of them.
        """
        if self._left:
            names = ", ".join(repr(self._published(name)) for name in list(self._left)[:_NAMED])
            more = len(self._left) - _NAMED
            raise self.error(f"it has no tensors {names}" + (f" and {more} more" if more > 0 else ""))

    def error(self, reason: str) -> WeightsError:
        """That the tensors are not those of the family, and why."""
        return WeightsError(f"the weights of {self._name!r} are not a {self._family}: {reason}")
