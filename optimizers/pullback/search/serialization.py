"""Serialization of searches: one safetensors file with JSON metadata, the same for the same search. No pickle.

What is the same in all states of a search, and large, may be kept in a file of its own, which the state names by its
digest: the axes of `hessian_cma`, 16 MB of 4,096 dimensions and 500 axes, are written once then, and not with every
generation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from pullback.errors import InvalidInputError
from pullback.files import read_provenance
from pullback.search.methods.method import State
from pullback.weights.inspection import inspect_bytes

# To be raised with every change of what is written, or of the arithmetic that goes on from it. What an earlier version
# wrote is read, and written as that did where nothing else is to be said.
_FORMAT, _FORMAT_OF_MANY = "pullback-search-2", "pullback-search-3"
_CONSTANTS_FORMAT = "pullback-search-constants-1"
# What is smaller is written with every state.
_LEAST_CONSTANTS = 256 * 1024

S = TypeVar("S", bound=State)


@dataclass(frozen=True, eq=False)
class Constants:
    """What is the same in all states of a search.

    Attributes:
        arrays: By state and field.
        digest: SHA-256 of their file, hexadecimal.
    """

    arrays: Mapping[str, NDArray[Any]]
    digest: str

    @classmethod
    def of(cls, states: Mapping[str, State], before: Constants | None) -> Constants | None:
        """Those of some states, where they are large; `before` where they are the same still."""
        arrays = {
            f"{name}.{field}": getattr(state, field) for name, state in states.items() for field in state.constants
        }
        if sum(array.nbytes for array in arrays.values()) < _LEAST_CONSTANTS:
            return None
        if before is not None and all(before.arrays.get(name) is array for name, array in arrays.items()):
            return before
        return replace(made := cls(arrays, ""), digest=hashlib.sha256(made.to_bytes()).hexdigest())

    def to_bytes(self) -> bytes:
        """The bytes of their file."""
        said = {"pullback": json.dumps({"format": _CONSTANTS_FORMAT, "provenance": {}}, sort_keys=True)}
        return safetensors.numpy.save(dict(self.arrays), said)

    @classmethod
    def read(cls, data: bytes) -> Constants:
        """Reads their file.

        Raises:
            InvalidInputError: The bytes are no such file.
        """
        arrays = {name: np.array(array, order="C") for name, array in _load(data).items()}
        read_provenance(data, _CONSTANTS_FORMAT, "the constants of a search")
        for array in arrays.values():
            array.flags.writeable = False
        return cls(arrays, hashlib.sha256(data).hexdigest())


def to_bytes(
    values: Mapping[str, Any],
    states: Mapping[str, State],
    arrays: Mapping[str, NDArray[Any]],
    constants: Constants | None = None,
) -> bytes:
    """The bytes of values, states and arrays.

    Args:
        values: By name, as JSON can hold them.
        states: By name.
        arrays: By name.
        constants: What is left out, and named by its digest; nothing when omitted.
    """
    tensors: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    plain: dict[str, Any] = dict(values)
    for name, state in states.items():
        _flatten(name, state, plain, tensors)
    for name in () if constants is None else constants.arrays:
        del tensors[name]
    whole = constants is None and not any(name.endswith("distribution.root") for name in tensors)
    header = {"format": _FORMAT if whole else _FORMAT_OF_MANY, "provenance": plain}
    if constants is not None:
        header["constants"] = constants.digest
    # One key: safetensors writes several in an order that changes from call to call.
    return safetensors.numpy.save(tensors, {"pullback": json.dumps(header, sort_keys=True)})


def constants_of(data: bytes) -> str:
    """The digest of the constants that a state leaves out; empty where it leaves out none, or is no state."""
    length = int.from_bytes(data[:8], "little")
    try:
        digest = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["pullback"]).get("constants", "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return str(digest)


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
        constants: What had been left out, and is among the arrays again; None where nothing was.
    """

    values: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    constants: Constants | None = None

    @classmethod
    def read(cls, data: bytes, constants: Constants | None = None) -> Stored:
        """Reads the bytes.

        Args:
            data: The bytes.
            constants: What they leave out.

        Raises:
            InvalidInputError: They are not those of a search, or were written by another version, or leave out other
                constants.
        """
        arrays = _load(data)
        values = read_provenance(data, (_FORMAT, _FORMAT_OF_MANY), "a search's state")
        wanted = constants_of(data)
        if not wanted:
            return cls(values, arrays)
        if constants is None or constants.digest != wanted:
            came = "none" if constants is None else f"those of {constants.digest}"
            raise InvalidInputError(f"a search's state that goes with the constants of {wanted}, but {came} came")
        return cls(values, arrays | dict(constants.arrays), constants)

    def names(self, name: str) -> set[str]:
        """Names of the arrays of a state, those of its parts with a dot between."""
        return {each.removeprefix(f"{name}.") for each in self.arrays if each.startswith(f"{name}.")}

    def state(self, name: str, kind: type[S]) -> S:
        """The state of that name.

        What a state of before did not have takes its default.

        Raises:
            KeyError: Something of it is missing.
        """
        plain = self.values[name]
        values: dict[str, Any] = {}
        for field in fields(kind):
            place = f"{name}.{field.name}"
            if field.name in kind.parts:
                values[field.name] = self.state(place, kind.parts[field.name])
            elif place in self.arrays:
                values[field.name] = self.arrays[place]
            elif field.name in plain or field.default is MISSING:
                values[field.name] = plain[field.name]
        # JSON knows no tuples, and no state holds a list.
        return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _load(data: bytes) -> dict[str, NDArray[Any]]:
    try:
        return dict(safetensors.numpy.load(data))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"not a readable safetensors file: {inspect_bytes(data)} ({error})") from error
