"""Generators that were saved as programs: TorchScript, and `torch.export`."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from pullback.errors import WeightsCorruptedError, WeightsError, WeightsUnavailableError
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.generator import Generator
from pullback.generators.own.module_generator import Frozen, ModuleGenerator
from pullback.weights.cache import sha256_of
from pullback.weights.inspection import inspect


def from_program(entry: CatalogueEntry) -> Generator:
    """The generator of a catalogue entry whose file is a program.

    Its code is the file's own, and is run: a catalogue names such a file where its operator trusts it.

    Raises:
        WeightsError: The file is not there, not the one that the entry names, or no such program.
    """
    path = Path(entry.source.location)
    if not path.is_file():
        raise WeightsUnavailableError(f"generator {entry.name!r}: {path} cannot be used: {inspect(path)}")
    if not entry.source.matches(found := sha256_of(path)):
        raise WeightsCorruptedError(
            f"generator {entry.name!r}: {path} is another file than was added: SHA-256 {found}, expected "
            f"{entry.source.sha256}. Put the right one there, or add it anew with --replace"
        )
    return ModuleGenerator(entry, read_program(path)[0])


def program_family(path: Path) -> str | None:
    """`torchscript` or `torch-export`, as a file's content tells; None of all other files."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError):
        return None
    if "constants.pkl" in names:
        return "torchscript"
    return "torch-export" if any(name.startswith("models/") and name.endswith(".json") for name in names) else None


def read_program(path: Path) -> tuple[nn.Module, int | None]:
    """The network of a program's file, and how many coordinates its latents have; None where it does not say.

    Raises:
        WeightsError: It cannot be read.
    """
    try:
        if program_family(path) == "torch-export":
            program = torch.export.load(path)
            shapes = [node.meta["val"].shape for node in program.graph.nodes if node.op == "placeholder"]
            # Parameters come first, then what is given.
            dim = shapes[-1][-1]
            return Frozen(program.module()), dim if isinstance(dim, int) else None
        with warnings.catch_warnings():
            # Of the format, which is read as long as torch does.
            warnings.filterwarnings("ignore", r".*torch\.jit", FutureWarning)
            return torch.jit.load(path, map_location="cpu"), None  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise WeightsError(f"{path} is no program that this torch reads ({reason}): {inspect(path)}") from error
