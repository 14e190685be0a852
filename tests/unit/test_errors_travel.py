"""Errors of the client, the library and the server are the same after a copy, a pickle and a process pool."""

from __future__ import annotations

import copy
import importlib
import inspect
import multiprocessing
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

import pullback
import pullback_client
import pullback_server
from pullback_client.errors import FieldViolation, JobError, JobFailedError
from pullback_server.errors import FieldViolation as ServersViolation
from pullback_server.store.faults import StorageFullError, UnreadableError
from pullback_server.stored_files import CHANGED, DamagedFileError, StoredFile

FILE = StoredFile("/data/blobs/ab", "ab" * 32, "jobs/7")
# What the constructors of errors take, by their names.
VALUES: dict[str, Any] = {
    "message": "no [such] thing: é",
    "args": "why",
    "what": "is missing",
    "text": "no room in /data",
    "told": "no room",
    "fault": StorageFullError("no room in /data", "no room"),
    "error": UnreadableError("/data/blobs/ab is damaged", "it is damaged", "jobs/7"),
    "resource": "jobs/7",
    "job": "jobs/7",
    "users": ("jobs/8", "jobs/9"),
    "made": "",
    "code": grpc.StatusCode.ABORTED,
    "kind": "generator",
    "name": "face",
    "known": ["faces", "eyes"],
    "state": {"step": 3},
    "file": FILE,
    "damaged": DamagedFileError(FILE, CHANGED),
    "image_shape": (3, 16, 16),
    "spaces": {"z": 5},
    "done": 3,
    "total": 9,
    "thread": 1,
    "reason": "its state is newer",
    "part": "mask",
    "field_violations": [FieldViolation("settings.steps", "expected 1 to 9", "RANGE")],
    "retry_seconds": 2.5,
    "path": "spec.threads[0].space",
    "description": "expected less",
    "violations": (ServersViolation("settings.steps", "expected 1 to 9"),),
}


def modules() -> Iterator[str]:
    for package in (pullback_client, pullback, pullback_server):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                yield module.name


def kinds() -> list[type[BaseException]]:
    """Every class of errors that one of the three packages has."""
    found: set[type[BaseException]] = set()
    for name in modules():
        try:
            module = importlib.import_module(name)
        except ImportError:  # of an extra that is not installed
            continue
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == name:
                found.add(value)
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__name__}")


def made(kind: type[BaseException]) -> BaseException:
    """An error with a value for all that its constructor takes."""
    if kind.__init__ in (Exception.__init__, ValueError.__init__, object.__init__):
        return kind("why")
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in list(inspect.signature(kind.__init__).parameters.values())[1:]:
        match parameter.kind:
            case parameter.KEYWORD_ONLY:
                named[parameter.name] = VALUES[parameter.name]
            case parameter.VAR_KEYWORD:
                pass
            case _:
                positional.append(VALUES[parameter.name])
    return kind(*positional, **named)


WAYS: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_every_error_is_the_same_afterwards(way: str) -> None:
    found = kinds()
    assert {JobFailedError, pullback.errors.StoppedError, pullback_server.errors.ApiError} <= set(found)
    for kind in found:
        error = made(kind)
        again = WAYS[way](error)
        assert type(again) is kind
        assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error)), kind


def fail(job: str) -> None:
    raise JobFailedError(f"{job} failed", job=job, code=grpc.StatusCode.RESOURCE_EXHAUSTED)


def test_a_process_pool_hands_on_the_error_of_a_job() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        waiting = pool.apply_async(fail, ("jobs/3",))
        with pytest.raises(JobError, match="jobs/3 failed") as caught:
            waiting.get(timeout=120)
    assert (caught.value.job, caught.value.code) == ("jobs/3", grpc.StatusCode.RESOURCE_EXHAUSTED)
