"""Searches as bytes: one safetensors file with JSON metadata, the same for the same search. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from pullback.errors import InvalidInputError
from pullback.files import read_provenance
from pullback.search.method import State
from pullback.weights.inspection import inspect_bytes

# To be raised with every change of what is written, or of the arithmetic that goes on from it.
_FORMAT = "pullback-search-2"

S = TypeVar("S", bound=State)


def to_bytes(values: Mapping[str, Any], states: Mapping[str, State], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of values, states and arrays.

    Args:
        values: By name, as JSON can hold them.
        states: By name.
        arrays: By name.
    """
    tensors: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    plain: dict[str, Any] = dict(values)
    for name, state in states.items():
        _flatten(name, state, plain, tensors)
    # One key: safetensors writes several in an order that changes from call to call.
    header = {"format": _FORMAT, "provenance": plain}
    return safetensors.numpy.save(tensors, {"pullback": json.dumps(header, sort_keys=True)})


def _flatten(name: str, state: State, plain: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    plain[name] = {}
    for field in fields(state):
        value = getattr(state, field.name)
        if isinstance(value, State):
            _flatten(f"{name}.{field.name}", value, plain, arrays)
        elif isinstance(value, np.ndarray):
            arrays[f"{name}.{field.name}"] = value
        else:
            plain[name][field.name] = value


@dataclass(frozen=True, eq=False)
class Stored:
    """What `to_bytes` wrote.

    Attributes:
        values: The values, and what of the states is no array.
        arrays: Arrays by state and field.
    """

    values: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    @classmethod
    def read(cls, data: bytes) -> Stored:
        """Reads the bytes.

        Raises:
            InvalidInputError: They are not those of a search, or were written by another version.
        """
        try:
            arrays = safetensors.numpy.load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(f"not a readable safetensors file: {inspect_bytes(data)} ({error})") from error
        return cls(read_provenance(data, _FORMAT, "a search's state"), arrays)

    def state(self, name: str, kind: type[S]) -> S:
        """The state of that name.

        Raises:
            KeyError: Something of it is missing.
        """
        plain = self.values[name]
        values: dict[str, Any] = {}
        for field in fields(kind):
            place = f"{name}.{field.name}"
            if field.name in kind.parts:
                values[field.name] = self.state(place, kind.parts[field.name])
            else:
                values[field.name] = self.arrays[place] if place in self.arrays else plain[field.name]
        # JSON knows no tuples, and no state holds a list.
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
