"""Devices of the server: `auto` is every GPU, and whatever a worker finds it keeps to."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pullback_server.executor import Executor
from pullback_server.executor.worker import Settings, Worker
from pullback_server.protocol.messages import Ready
from pullback_server.supervision import Health, Part
from pullback_server.worker.devices import resolved, take

THREE = ("cuda:0", "cuda:1", "cuda:2")


class Fake:
    """A worker without a process, which says that it is ready when a test has it say so."""

    def __init__(self, settings: Settings, part: Part, listener: Any, on_ready: Callable[[Ready], None]) -> None:
        del listener
        self.device = settings.device
        self.part = part
        self.on_ready = on_ready
        self.ready = False

    async def run(self) -> None:
        await asyncio.Event().wait()

    def stop(self) -> None:
        """Has no process."""

    def say(self, ready: Ready) -> None:
        self.on_ready(ready)
        self.part.well()


class Started:
    """An executor of workers without processes."""

    def __init__(self, *devices: str) -> None:
        self.health = Health()
        self.executor = Executor(list(devices), checkpoint_seconds=1.0, log_level=logging.INFO, health=self.health)
        self.executor.start(None)  # type: ignore[arg-type]
        self.worker("searches").say(Ready("cpu", ("cpu",), "cpu"))

    def worker(self, name: str) -> Any:
        workers: list[Any] = [self.executor._searches, *(device.worker for device in self.executor._devices)]
        return next(worker for worker in workers if worker.part.name == name)

    @property
    def devices(self) -> list[str | None]:
        """Where the processes are that it has started."""
        return [device.worker.device for device in self.executor._devices]  # type: ignore[attr-defined]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Runs what a test does on an event loop."""
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.keeping"), "Worker", Fake)

    def run_on_loop(scenario: Callable[[], None]) -> None:
        async def on_loop() -> None:
            scenario()

        asyncio.run(on_loop())

    return run_on_loop


def test_auto_takes_all_gpus_and_the_server_is_well_when_all_are(run: Callable[[Callable[[], None]], None]) -> None:
    def scenario() -> None:
        server = Started("auto")
        assert server.devices == ["auto"]
        server.worker("worker-0").say(Ready("cuda:0", THREE, "H200"))
        assert server.devices == ["auto", "cuda:1", "cuda:2"]
        assert server.health.troubles == {"worker-1": "starting", "worker-2": "starting"}
        server.worker("worker-1").say(Ready("cuda:1", THREE, "H200"))
        server.worker("worker-2").say(Ready("cuda:2", THREE, "H200"))
        assert server.health.serving
        # One that was started again finds the same.
        server.worker("worker-0").say(Ready("cuda:0", THREE, "H200"))
        assert server.devices == ["auto", "cuda:1", "cuda:2"]

    run(scenario)


def test_devices_of_one_model_that_do_not_help_each_other_are_told(
    run: Callable[[Callable[[], None]], None], caplog: pytest.LogCaptureFixture
) -> None:
    def scenario() -> None:
        server = Started("cuda:0", "cuda:1", "cuda:2", "cpu")
        server.worker("worker-0").say(Ready("cuda:0", THREE, "H200", 8 * 2**30))
        server.worker("worker-1").say(Ready("cuda:1", THREE, "H200", 8 * 2**30))
        server.worker("worker-3").say(Ready("cpu", ("cpu",), "cpu", 2**30))
        assert not caplog.messages
        server.worker("worker-2").say(Ready("cuda:2", THREE, "H200", 6 * 2**30))

    with caplog.at_level(logging.WARNING, "pullback_server.executor.executor"):
        run(scenario)
    assert [message.partition(",")[0] for message in caplog.messages] == [
        f"worker-{number} may take 8 GiB and worker-2 6 GiB" for number in (0, 1)
    ]
    assert (
        "neither helps with the other's eigenbases and banks of starts. Give both as much with --memory" in caplog.text
    )


def test_auto_leaves_out_what_was_asked_for_by_name(run: Callable[[Callable[[], None]], None]) -> None:
    def scenario() -> None:
        server = Started("auto", "cuda:1")
        server.worker("worker-1").say(Ready("cuda:1", THREE, "H200"))
        assert server.devices == ["auto", "cuda:1"]
        server.worker("worker-0").say(Ready("cuda:0", THREE, "H200"))
        assert server.devices == ["auto", "cuda:1", "cuda:2"]

    run(scenario)


@pytest.mark.parametrize(
    ("device", "ready"), [("cuda:0", Ready("cuda:0", THREE, "H200")), ("auto", Ready("cpu", ("cpu",), "cpu"))]
)
def test_one_device_is_one_worker(run: Callable[[Callable[[], None]], None], device: str, ready: Ready) -> None:
    def scenario() -> None:
        server = Started(device)
        server.worker("worker-0").say(ready)
        assert server.devices == [device]
        assert server.health.serving

    run(scenario)


def test_a_server_that_is_going_down_starts_none(run: Callable[[Callable[[], None]], None]) -> None:
    def scenario() -> None:
        server = Started("auto")
        server.executor._stopping = True
        server.worker("worker-0").say(Ready("cuda:0", THREE, "H200"))
        assert server.devices == ["auto"]

    run(scenario)


def test_a_worker_keeps_to_the_device_that_it_found() -> None:
    class Nobody:
        def on_room(self) -> None:
            """Takes no jobs."""

    said: list[tuple[Ready, str | None]] = []
    listener: Any = Nobody()
    part = Health().part("worker-0")
    worker = Worker(
        Settings("auto", 1.0, logging.INFO), part, listener, lambda ready: said.append((ready, part.trouble))
    )
    ready = Ready("cuda:0", THREE, "H200")
    worker._on_message(ready)
    # Who else there is is known before it counts as well.
    assert said == [(ready, "starting")]
    assert part.trouble is None
    assert (worker._settings.device, worker.place, worker.kind[0]) == ("cuda:0", "on cuda:0", "H200")


def test_the_cpu_is_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolved("auto") == resolved("cpu") == "cpu"
    assert take("cpu") == Ready("cpu", ("cpu",), "cpu")


def test_gpus_are_those_that_torch_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"model of {device}")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=1000))
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert resolved("auto") == resolved("cuda") == "cuda:0"
    assert resolved("cuda:2") == "cuda:2"
    assert take("cuda:1") == Ready("cuda:1", THREE, "model of cuda:1", total=1000)
    assert chosen == ["cuda:1"]
