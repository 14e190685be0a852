"""Probe of the store: one that answers nobody is not well, one with a long queue is."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pullback_server.jobs.store_probe import probe_store
from pullback_server.store import Store
from pullback_server.store.jobs import JobStore
from pullback_server.supervision import Health
from pullback_server.transactions import READERS, Transactions


class Queued:
    """Transactions that do not come to the probe's turn; others are answered, or nobody is."""

    trouble = ""

    def __init__(self) -> None:
        self.others = 0
        self.asked: list[str] = []
        self.stalled: tuple[str, ...] = ()

    def answers(self, method: Callable[..., Any]) -> int:
        self.others += method.__name__ not in self.stalled
        return self.others

    async def call(self, method: Callable[..., Any], **options: Any) -> None:
        del options
        self.asked.append(method.__name__)
        await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("pullback_server.jobs.store_probe")
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.001)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.01)


STORE: Any = SimpleNamespace(jobs=SimpleNamespace(queue_length=JobStore.queue_length), probe=Store.probe)


def test_a_store_is_well_while_others_are_answered_and_not_well_where_nobody_is() -> None:
    async def run() -> None:
        health, transactions = Health(), Queued()
        probing = asyncio.create_task(probe_store(STORE, transactions, health.part("store")))  # type: ignore[arg-type]
        while transactions.asked.count("probe") < 2:
            await asyncio.sleep(0.001)
        assert health.parts["store"] is None
        for stalled in (("queue_length",), ("probe",)):
            transactions.stalled = stalled
            while health.parts["store"] is None:
                await asyncio.sleep(0.001)
            assert health.parts["store"].startswith("it has not answered for")  # type: ignore[union-attr]
            transactions.stalled = ()
            while health.parts["store"] is not None:
                await asyncio.sleep(0.001)
        probing.cancel()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_answers_are_counted_by_kind_and_faults_are_none() -> None:
    def write() -> None: ...

    def read() -> None: ...

    read.reads = True  # type: ignore[attr-defined]

    async def run() -> None:
        transactions = Transactions()
        for _ in range(READERS + 1):
            await transactions.call(read)
        await transactions.call(write)
        with pytest.raises(ZeroDivisionError):
            await transactions.call(lambda: 1 // 0)
        assert (transactions.answers(read), transactions.answers(write)) == (READERS + 1, 1)
        await transactions.close()

    asyncio.run(asyncio.wait_for(run(), 60))
