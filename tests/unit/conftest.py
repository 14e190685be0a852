"""Fixtures of the unit tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import postgres
from bridging import Rig
from commands import Run, runner
from in_process import InProcessServer
from pullback import generators
from pullback.generators import Generator
from pullback_client import Client, EvolutionSession
from tiny import write_catalogue


@pytest.fixture
def server() -> Iterator[InProcessServer]:
    """The real server in this process, over an executor that computes nothing."""
    with InProcessServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a database of a real PostgreSQL, of this process's own."""
    with postgres.running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """What a store is given as its database: tests that take it run over each kind."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgresql")
    postgres.empty(url)
    return url


@pytest.fixture
def client(server: InProcessServer) -> Iterator[Client]:
    """A client of that server, or of a file's own."""
    with Client(server.target, timeout=60) as client:
        yield client


@pytest.fixture
def session(client: Client) -> EvolutionSession:
    """An evolution on the file's server, of four images a generation."""
    return client.evolve("faces", optimizer="cma", population=4)


@pytest.fixture
def run(server: InProcessServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line against the server, in a wide window."""
    return runner(server, capsys, monkeypatch)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A rig with a folder of its own."""
    return Rig(tmp_path / "rig")


@pytest.fixture
def accelerator() -> torch.device:
    """Where tests marked `cuda` compute: a GPU, or the device that $PULLBACK_CHECK_DEVICE names."""
    asked = torch.device(os.environ.get("PULLBACK_CHECK_DEVICE", "cuda"))
    if asked.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here; $PULLBACK_CHECK_DEVICE names another to try these tests on")
    return asked


@pytest.fixture(scope="session")
def tiny_generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    """The seeded generator `tiny`, 8 dimensions to 16 × 16 pixels, loaded as any other."""
    folder: Path = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(folder)))
        patch.setenv("PULLBACK_CACHE", str(folder / "cache"))
        return generators.load("tiny")
