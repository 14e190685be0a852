"""The photographs that a command line names, what belongs to each, and what was done with them before."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from PIL import Image, UnidentifiedImageError
from rich.console import Console

from pullback_client.cli.common import complain
from pullback_client.errors import InvalidArgumentError
from pullback_client.files import write_json, write_png
from pullback_client.inversion import Inversion, InversionFailure

_REQUEST = "request_sha256"  # what was asked for, in the JSON of a result


@dataclass(frozen=True)
class PhotographFiles:
    """A photograph that is to be inverted, and where its results go.

    Attributes:
        path: Its file.
        mask: Its mask's file; None where it counts whole.
        folder: Where the results go; None = nowhere.
        solutions: How many solutions there may be.
        paste: Whether the reconstruction is laid back into the photograph as well.
    """

    path: Path
    mask: Path | None
    folder: Path | None
    solutions: int
    paste: bool

    @property
    def files(self) -> list[Path]:
        """The files of its results, the last of which tells that all are there; empty where they go nowhere."""
        if self.folder is None:
            return []
        more = [f"-{rank}.png" for rank in range(2, self.solutions + 1)] + (["-pasted.png"] if self.paste else [])
        return [self._file(ending) for ending in (".png", *more, ".npz", ".safetensors", ".json")]

    def request_hash(self, generator: str, options: Mapping[str, Any]) -> str:
        """SHA-256 of all that its result depends on: its file, its mask's, the generator's name and the options."""
        digest = hashlib.sha256(json.dumps([generator, options], sort_keys=True).encode())
        for file in (self.path, self.mask):
            digest.update(b"" if file is None else hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def save(self, result: Inversion, request_hash: str) -> None:
        """Writes the results, each file atomically."""
        result.save(self._file(".png"))
        for rank, solution in enumerate(result.solutions[1:], start=2):
            write_png(self._file(f"-{rank}.png"), solution.image)
        self._paste(result)
        for ending in (".npz", ".safetensors"):
            result.save(self._file(ending))
        write_json(self._file(".json"), result.provenance | {_REQUEST: request_hash})

    def kept(self, request_hash: str) -> Inversion | None:
        """The result that is there already; None where there is none of this request, or not all of it."""
        try:
            told = json.loads(self._file(".json").read_text("utf-8"))
            if not isinstance(told, dict) or told.get(_REQUEST) != request_hash:
                return None
            result = Inversion.load(self._file(".safetensors"))
        except (FileNotFoundError, ValueError):
            return None
        self._paste(result)
        return result

    def _paste(self, result: Inversion) -> None:
        if self.paste:
            write_png(self._file("-pasted.png"), result.paste_back(self.path))

    def _file(self, ending: str) -> Path:
        assert self.folder is not None  # noqa: S101  (files are only asked for where there is a folder)
        return self.folder / f"{self.path.stem}{ending}"


def find(named: Iterable[Path], console: Console) -> list[Path]:
    """The photographs among files and folders; what else a folder holds is skipped, with a line that says so.

    Args:
        named: Files, each of which is meant as a photograph, and folders of photographs.
        console: Where the lines go.

    Raises:
        InvalidArgumentError: Something is not there, or no photograph is.
    """
    found: list[Path] = []
    for path in named:
        if not path.exists():
            raise InvalidArgumentError(f"no such file: {path}")
        if not path.is_dir():
            found.append(path)
            continue
        for entry in sorted(path.iterdir()):
            if entry.name.startswith("."):
                continue
            if (reason := _no_photograph(entry)) is None:
                found.append(entry)
            else:
                console.print(f"skipped {entry}: {reason}", soft_wrap=True)
    if not found:
        raise InvalidArgumentError("no photographs in what was named")
    return found


def masks_of(photos: Sequence[Path], mask: Path | None, console: Console) -> list[Path | None]:
    """The mask of each photograph.

    Args:
        photos: The photographs.
        mask: One for all, or a folder of masks that are called as the photographs, but for the suffix; a photograph
            without one counts whole, with a line that says so.
        console: Where the lines go.

    Raises:
        InvalidArgumentError: There is no such file, or several of one name.
    """
    if mask is None:
        return [None] * len(photos)
    if not mask.exists():
        raise InvalidArgumentError(f"no such file: {mask}")
    if not mask.is_dir():
        return [mask] * len(photos)
    files = [file for file in sorted(mask.iterdir()) if file.is_file() and not file.name.startswith(".")]
    if doubled := _doubled(file.stem for file in files):
        raise InvalidArgumentError(f"several masks in {mask} are called {', '.join(doubled)}: leave one of each")
    by_stem = {file.stem: file for file in files}
    for photo in photos:
        if photo.stem not in by_stem:
            line = f"no mask for {photo} in {mask}: it counts whole"
            console.print(line, soft_wrap=True)
    return [by_stem.get(photo.stem) for photo in photos]


def refuse_doubled_files(photos: Iterable[PhotographFiles]) -> None:
    """Raises InvalidArgumentError where results of different photographs would have the same file."""
    refuse_doubled_names(file.stem for photo in photos for file in photo.files if file.suffix == ".png")


def refuse_doubled_names(names: Iterable[str]) -> None:
    """Raises InvalidArgumentError where results of different photographs would have the same name."""
    if doubled := _doubled(names):
        raise InvalidArgumentError(
            f"results of several photographs would be called {', '.join(doubled)} and overwrite each other: "
            "do them one by one into different folders"
        )


def tell_failures(photos: Sequence[Path], outcomes: Sequence[object], console: Console) -> None:
    """Lists the photographs that could not be inverted, and ends with 1 where there are any.

    Args:
        photos: All of them.
        outcomes: What became of each.
        console: Where the lines go.
    """
    failed = [(p, o.error) for p, o in zip(photos, outcomes, strict=True) if isinstance(o, InversionFailure)]
    if not failed:
        return
    complain(f"{len(failed)} of {len(photos)} photographs failed", console)
    for photo, error in failed:
        console.print(f"  {photo}: {error.message}", soft_wrap=True)
    raise typer.Exit(1)


def _doubled(names: Iterable[str]) -> list[str]:
    """The names that come more than once, on file systems that do not tell capitals from small letters too."""
    return [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]


def _no_photograph(path: Path) -> str | None:
    """Why an entry of a folder is no photograph; None where it is one, or at least begins as one."""
    if path.is_dir():
        return "a folder"
    try:
        with Image.open(path):
            return None
    except UnidentifiedImageError:
        return "no image"
    except (OSError, SyntaxError, ValueError) as error:
        return f"cannot be read: {error}"
