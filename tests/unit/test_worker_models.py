"""Models of a worker: loaded once, kept while they are used, and let go where many names are asked for."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pullback.pieces import in_pieces
from pullback_server.worker import models as worker_models
from pullback_server.worker.models import KEPT_BANKS, KEPT_DISTANCES, Models
from tiny import write_catalogue


class Loaded(SimpleNamespace):
    """What stands for a distance or a bank, and can be looked at from afar."""


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was loaded: names of distances, and of those that banks were made for."""
    names: list[str] = []

    def load(name: str, device: str) -> Loaded:
        del device
        names.append(name)
        return Loaded(name=name)

    def bank(
        generator: Any, distance: Loaded, space: str, shard_of: Any, progress: Any
    ) -> Generator[None, None, Loaded]:
        del generator, space, shard_of
        progress(1, 1)
        yield
        names.append(f"bank of {distance.name}")
        return Loaded(name=distance.name)

    monkeypatch.setattr(worker_models.distances, "load", load)
    monkeypatch.setattr(worker_models.generators, "load", lambda name, device: Loaded(name=name, device=device))
    monkeypatch.setattr(worker_models, "cached_bank", in_pieces(bank))
    return names


def bank_of(models: Models, distance: str, generator: str = "faces") -> Any:
    pieces = models.bank(generator, distance, "z", lambda made, total, shards: None)
    while True:
        try:
            next(pieces)
        except StopIteration as finished:
            return finished.value


def test_a_distance_is_loaded_once_while_it_is_used(loads: list[str]) -> None:
    models = Models("cpu")
    assert models.distance("lpips-vgg@64") is models.distance("lpips-vgg@64")
    assert loads == ["lpips-vgg@64"]


def test_distances_of_ever_other_sides_are_let_go(loads: list[str]) -> None:
    models = Models("cpu")
    first = weakref.ref(models.distance("lpips-vgg@32"))
    for side in range(33, 33 + KEPT_DISTANCES):
        models.distance("lpips-alex")
        models.distance(f"lpips-vgg@{side}")
    gc.collect()
    assert first() is None
    assert loads.count("lpips-alex") == 1


def test_banks_of_ever_other_sides_are_let_go(loads: list[str]) -> None:
    models = Models("cpu")
    first = weakref.ref(bank_of(models, "lpips-vgg@32"))
    for side in range(33, 33 + KEPT_BANKS):
        bank_of(models, "lpips-alex")
        bank_of(models, f"lpips-vgg@{side}")
    gc.collect()
    assert first() is None
    assert loads.count("bank of lpips-alex") == 1
    # One that is wanted again is made, or read, again.
    assert bank_of(models, "lpips-vgg@32").name == "lpips-vgg@32"


def test_a_generator_is_loaded_again_once_its_entry_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, loads: list[str]
) -> None:
    first = write_catalogue(tmp_path / "first")
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(first))
    models = Models("cpu")
    before, bank = models.generator("tiny"), bank_of(models, "mse", "tiny")
    assert models.generator("tiny") is before
    assert bank_of(models, "mse", "tiny") is bank
    first.write_text(write_catalogue(tmp_path / "second", seed=1).read_text("utf-8"), "utf-8")
    assert models.generator("tiny") is not before
    assert bank_of(models, "mse", "tiny") is not bank
    assert loads == ["mse", "bank of mse", "bank of mse"]
