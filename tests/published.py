"""Outputs of the public implementations of generators: of `tests/data`, and of a folder beside the project."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from exactness import LEDGER

_OWN = Path(__file__).parent / "data" / "generators"
_BESIDE = Path(__file__).parents[2] / "shared" / "fixtures"
# Of max(1, the largest output).
EXACT = 1e-5


@dataclass(frozen=True)
class Published:
    """What a public implementation made of random weights.

    Attributes:
        settings: How it was constructed.
        state: Its state dict.
        inputs: What it took, by name.
        outputs: What it gave, by name.
    """

    settings: dict[str, Any]
    state: dict[str, Tensor]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


def published_file(name: str) -> Path:
    """A file of them; the test is skipped where it is on neither place."""
    folders = _folders()
    for folder in folders:
        if (folder / name).is_file():
            # As its name says, unless it says more itself.
            LEDGER.opened(folder / name, name.partition("_")[0])
            return folder / name
    pytest.skip(f"{name} is neither in {folders[0]} nor in {folders[1]}; PULLBACK_FIXTURES may name another folder")


def fixture_names() -> list[str]:
    """Names of all files of them, on either place."""
    return sorted({file.name for folder in _folders() if folder.is_dir() for file in folder.iterdir()})


def _folders() -> list[Path]:
    return [_OWN, Path(os.environ.get("PULLBACK_FIXTURES", _BESIDE)) / "generators"]


def published(name: str) -> Published:
    """The outputs of that name; the test is skipped where they are on neither place."""
    parts: dict[str, dict[str, Tensor]] = {"state": {}, "in": {}, "out": {}}
    path = published_file(f"{name}.safetensors")
    with safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()["fixture"])
        LEDGER.opened(path, said["family"])
        for each in file.keys():  # noqa: SIM118  (it is no dictionary)
            part, _, own = each.partition("/")
            parts[part][own] = file.get_tensor(each)
    return Published(said["config"], parts["state"], parts["in"], parts["out"])


def assert_exact(found: Tensor, expected: Tensor, unit: float | None = None) -> None:
    """Equal but for 1e-5 of a unit: of the largest output, or of 1 where that is less, unless another is given."""
    if unit is None:
        unit = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found, expected, rtol=0, atol=EXACT * unit)
    LEDGER.compared(float((found - expected).abs().max()), unit)


def sha256_of(file: Path) -> str:
    """Digest of a file, hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
