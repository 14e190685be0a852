"""Fixtures of the unit tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from pullback import generators
from pullback.generators import Generator
from tiny import write_catalogue


@pytest.fixture(scope="session")
def tiny_generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    """The seeded generator `tiny`, 8 dimensions to 16 × 16 pixels, loaded as any other."""
    folder: Path = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(folder)))
        patch.setenv("PULLBACK_CACHE", str(folder / "cache"))
        return generators.load("tiny")
