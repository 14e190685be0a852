"""Failures on a worker, as callers hear of them."""

from __future__ import annotations

import logging
import os

import grpc

from pullback.errors import (
    CatalogueError,
    IncompatibleEigenbasisError,
    InvalidInputError,
    MemoryExhaustedError,
    OwnCodeError,
    UnknownNameError,
    WeightsCorruptedError,
    WeightsError,
)
from pullback.memory import is_context_lost, is_refusal
from pullback_server.advice import TAKE_LESS_MEMORY
from pullback_server.error_texts import unforeseen, without_folders
from pullback_server.processes.exits import DEVICE_LOST
from pullback_server.protocol.failure import Failure
from pullback_server.stored_files import DamagedFileError
from pullback_server.worker.files import FileUnavailableError

_log = logging.getLogger(__name__)


class UnreadableStateError(Exception):
    """An optimizer's state as some version of Pullback wrote it, but of a form that this one does not read."""


_CODES: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    # The operator's file, not the caller's request.
    (CatalogueError, grpc.StatusCode.FAILED_PRECONDITION),
    (MemoryExhaustedError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (InvalidInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (UnknownNameError, grpc.StatusCode.NOT_FOUND),
    (UnreadableStateError, grpc.StatusCode.FAILED_PRECONDITION),
    (IncompatibleEigenbasisError, grpc.StatusCode.FAILED_PRECONDITION),
    (WeightsCorruptedError, grpc.StatusCode.DATA_LOSS),
    (DamagedFileError, grpc.StatusCode.DATA_LOSS),
    (FileUnavailableError, grpc.StatusCode.UNAVAILABLE),
    # Someone has to put the weights in place: trying again by itself does not help.
    (OwnCodeError, grpc.StatusCode.FAILED_PRECONDITION),
    (WeightsError, grpc.StatusCode.FAILED_PRECONDITION),
)


def describe(error: Exception, what: str) -> Failure:
    """The canonical code and the message for an exception; the log has all of it.

    Args:
        error: What was raised. Of our own errors the caller hears what they say, without folders, of others nothing.
        what: What failed, for the log.
    """
    failure = _described(error)
    if failure.code == grpc.StatusCode.INTERNAL.value[0]:
        _log.error("%s failed: %s", what, failure.message, exc_info=error)
    else:
        _log.warning("%s failed: %s", what, error)
    return failure


def _described(error: Exception) -> Failure:
    if is_refusal(error):
        return Failure(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], f"the worker ran out of memory; {TAKE_LESS_MEMORY}")
    for kind, code in _CODES:
        if isinstance(error, kind):
            return Failure(code.value[0], without_folders(str(error)))
    return Failure(grpc.StatusCode.INTERNAL.value[0], unforeseen())


def end_if_lost(error: Exception, what: str) -> None:
    """Ends this process where its device is lost to it: jobs go on from their checkpoints in the next one.

    Args:
        error: What was raised.
        what: What failed, for the log.
    """
    if not is_context_lost(error):
        return
    _log.critical("%s: the device is lost to this process, which ends", what, exc_info=error)
    logging.shutdown()
    # Without what libraries do at the end, which may ask the device for something, and wait.
    os._exit(DEVICE_LOST)
