"""Directions as the contract says them, and as the numerical library takes them. Needs no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pullback import directions
from pullback.directions import DirectionSet, Origin
from pullback.geometry.eigenbasis import Eigenbasis
from pullback_api.tensors import pack, unpack
from pullback_api.v1 import directions_pb2, specs_pb2, values_pb2
from pullback_server.names import parse_generator
from pullback_server.specs import DIRECTION_METHODS

_TENSORS = ("vectors", "values", "rates", "alignment", "input_vectors")


def direction_set_message(
    found: DirectionSet, spec: specs_pb2.DirectionsSpec, basis: Eigenbasis
) -> directions_pb2.DirectionSet:
    """Directions measured by an eigenbasis, as their resource; whoever keeps them fills in name, job and time.

    Args:
        found: The directions, measured or not.
        spec: How they were found, defaults filled in.
        basis: The eigenbasis that the specification names.

    Raises:
        InvalidInputError: The eigenbasis has another dimension.
    """
    message = directions_pb2.DirectionSet(
        spec=spec,
        generator_weights_hash=found.origin.weights_hash,
        version=found.origin.version,
        count=len(found),
        dim=found.dim,
        space=found.origin.space,
        layers=found.layers,
    )
    _put_arrays(message, found, basis)
    return message


def library_set(message: directions_pb2.DirectionSet) -> DirectionSet:
    """The directions of a whole message, as the library takes them."""
    origin = Origin(
        generator=parse_generator(message.spec.generator, "spec.generator"),
        weights_hash=message.generator_weights_hash,
        space=message.space,
        method=DIRECTION_METHODS[message.spec.method],
        version=message.version,
    )
    return DirectionSet(
        vectors=_float64(message.vectors),
        values=_float64(message.values),
        origin=origin,
        layers=tuple(message.layers),
        input_vectors=_float64(message.input_vectors) if message.HasField("input_vectors") else None,
    )


def purified(message: directions_pb2.DirectionSet, basis: Eigenbasis, k: int) -> directions_pb2.DirectionSet:
    """A whole message with every direction projected on the k leading eigenvectors, and measured again.

    Raises:
        InvalidInputError: k is out of range, or nothing is left of a direction.
    """
    pure = without_arrays(message)
    _put_arrays(pure, library_set(message).purified(basis, k), basis)
    return pure


def single(message: directions_pb2.DirectionSet, index: int) -> directions_pb2.DirectionSet:
    """One direction of a whole message by itself."""
    one = without_arrays(message)
    one.count = 1
    for name in _TENSORS:
        if message.HasField(name):
            getattr(one, name).CopyFrom(pack(unpack(getattr(message, name))[index : index + 1]))
    one.axes.add().CopyFrom(message.axes[index])
    return one


def without_arrays(message: directions_pb2.DirectionSet) -> directions_pb2.DirectionSet:
    """A copy as lists show it."""
    header = directions_pb2.DirectionSet()
    header.CopyFrom(message)
    clear_arrays(header)
    return header


def clear_arrays(message: directions_pb2.DirectionSet) -> None:
    """Leaves of a message what lists show."""
    for name in (*_TENSORS, "axes"):
        message.ClearField(name)


def _float64(tensor: values_pb2.Tensor) -> NDArray[np.float64]:
    return np.asarray(unpack(tensor), dtype=np.float64)


def _put_arrays(message: directions_pb2.DirectionSet, found: DirectionSet, basis: Eigenbasis) -> None:
    measured = found.measured(basis)
    message.aligned_axes = measured.aligned_axes
    for name in _TENSORS:
        if (array := getattr(measured, name)) is not None:
            getattr(message, name).CopyFrom(pack(array))
    for ranks, shares in directions.eigen_axes(measured, basis):
        message.axes.add(ranks=ranks, shares=shares)
