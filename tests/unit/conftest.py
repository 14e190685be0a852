"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from bridging import Rig
from pullback import generators
from pullback.generators import Generator
from pullback_client import Client, EvolutionSession
from tiny import write_catalogue


class Server(Protocol):
    """What a file's own fixture `server` gives."""

    @property
    def target(self) -> str:
        """Its address."""


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the file's server."""
    with Client(server.target, timeout=10) as client:
        yield client


@pytest.fixture
def session(client: Client) -> EvolutionSession:
    """An evolution on the file's server."""
    return client.evolve("faces", optimizer="cma")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A rig with a folder of its own."""
    return Rig(tmp_path / "rig")


@pytest.fixture(scope="session")
def tiny_generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    """The seeded generator `tiny`, 8 dimensions to 16 × 16 pixels, loaded as any other."""
    folder: Path = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(folder)))
        patch.setenv("PULLBACK_CACHE", str(folder / "cache"))
        return generators.load("tiny")
