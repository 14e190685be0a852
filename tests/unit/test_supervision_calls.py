"""Calls that no worker can take: refused in time, with when to try again."""

from __future__ import annotations

import asyncio
import importlib
import logging
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from pullback_server.errors import ApiError
from pullback_server.executor import Executor
from pullback_server.executor.worker import Worker
from pullback_server.supervision import Health
from pullback_server.worker.messages import Sample


def check_retry(error: ApiError, seconds: float) -> None:
    assert error.code == grpc.StatusCode.UNAVAILABLE
    (detail,) = error.to_status().details
    retry = error_details_pb2.RetryInfo()
    assert detail.Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1000 * seconds
    assert f"try again in {seconds:g} s" in error.message


def test_a_call_that_finds_no_worker_in_time_is_told_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.executor"), "WORKER_SECONDS", 0.1)
    executor = Executor([], checkpoint_seconds=1.0, log_level=logging.INFO, health=Health())
    with pytest.raises(ApiError, match="no worker can take the call") as caught:
        asyncio.run(executor.sample(generator="tiny", space="z", count=1, seed=0))
    check_retry(caught.value, 5)


def test_calls_that_are_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.worker"), "MAX_CALLS", 1)
    listener: Any = None

    async def scenario() -> None:
        worker = Worker("cpu", 1.0, logging.INFO, Health().part("worker-0"), listener)
        first = asyncio.create_task(anext(worker.call(Sample(1, "tiny", "z", 1, 0))))
        await asyncio.sleep(0.05)
        with pytest.raises(ApiError, match="1 calls of 0 MB to answer") as caught:
            await anext(worker.call(Sample(2, "tiny", "z", 1, 0)))
        check_retry(caught.value, 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    asyncio.run(scenario())
