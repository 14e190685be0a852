"""Pullback's own safetensors file."""

from __future__ import annotations

from pullback.directions.direction_set import DirectionSet
from pullback.directions.formats.published import Published, Target, check_rows
from pullback.errors import InvalidInputError


def read(content: bytes, target: Target) -> Published:
    """The set that `DirectionSet.to_bytes` wrote, but for what was measured: that is of another eigenbasis.

    Raises:
        InvalidInputError: The file is not such a set, or one of other weights or of another space.
    """
    found = DirectionSet.from_bytes(content)
    origin = found.origin
    if origin.weights_hash != target.weights_hash:
        raise InvalidInputError(
            f"these directions were found in weights {str(origin.weights_hash)[:12]}… of generator "
            f"{origin.generator!r}, but are to be imported for weights {target.weights_hash[:12]}…"
        )
    if origin.space != target.space:
        raise InvalidInputError(
            f"these are directions of space {origin.space!r}, but are to be imported for {target.space!r}"
        )
    check_rows(found.vectors, target, "a file of Pullback has vectors of shape (k, n)")
    if not isinstance(origin.settings, dict):
        raise InvalidInputError(f"settings are texts by name, but {type(origin.settings).__name__} came")
    said = {str(name): str(value) for name, value in origin.settings.items()}
    said |= {"found_by": str(origin.method), "found_with": str(origin.version)}
    return Published(found.vectors, found.values, found.layers, found.input_vectors, found.base, said)
