"""What the caller is told when something fails on a worker."""

from __future__ import annotations

import grpc

from pullback.errors import (
    CatalogueError,
    IncompatibleEigenbasisError,
    InvalidInputError,
    UnknownNameError,
    WeightsCorruptedError,
    WeightsError,
)
from pullback_server.advice import TAKE_LESS_MEMORY
from pullback_server.worker.messages import Failure


class UnreadableStateError(Exception):
    """An optimizer's state as some version of Pullback wrote it, but of a form that this one does not read."""


_CODES: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    # The operator's file, not the caller's request.
    (CatalogueError, grpc.StatusCode.FAILED_PRECONDITION),
    (InvalidInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (UnknownNameError, grpc.StatusCode.NOT_FOUND),
    (UnreadableStateError, grpc.StatusCode.FAILED_PRECONDITION),
    (IncompatibleEigenbasisError, grpc.StatusCode.FAILED_PRECONDITION),
    (WeightsCorruptedError, grpc.StatusCode.DATA_LOSS),
    # Someone has to put the weights in place: trying again by itself does not help.
    (WeightsError, grpc.StatusCode.FAILED_PRECONDITION),
)


def describe(error: Exception) -> Failure:
    """The canonical code and the message for an exception."""
    if is_out_of_memory(error):
        return Failure(
            grpc.StatusCode.RESOURCE_EXHAUSTED.value[0],
            f"the worker ran out of memory; {TAKE_LESS_MEMORY} ({error})",
        )
    for kind, code in _CODES:
        if isinstance(error, kind):
            return Failure(code.value[0], str(error))
    return Failure(grpc.StatusCode.INTERNAL.value[0], f"{type(error).__name__}: {error}")


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was refused, by the system or by a device."""
    # torch has a type for CUDA, and on the CPU a RuntimeError that says so.
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in str(error) or "can't allocate memory" in str(error))
    )
