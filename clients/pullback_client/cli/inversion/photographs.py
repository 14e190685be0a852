"""Photographs that a command line names, the masks that belong to them, and what is said of those that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from pullback_api.pictures import WAV, FileKind
from pullback_client.cli.console import complain
from pullback_client.cli.inversion.file_kinds import (
    is_called_photograph,
    is_read_everywhere,
    is_sound,
    kind_of,
    may_be_sent,
)
from pullback_client.cli.inversion.results import OwnResults, PhotographFiles
from pullback_client.errors import ClientError, InvalidArgumentError
from pullback_client.inversion.result import InversionFailure
from pullback_client.text.printable import a_few, printable

_MOST_LINES = 5  # of what is skipped in a folder


@dataclass(frozen=True)
class Listed:
    """A file that is meant as a photograph.

    Attributes:
        path: The file.
        kind: What it is; None where it cannot be read.
        failure: Why it cannot be inverted; None where it is worth trying.
    """

    path: Path
    kind: FileKind | None
    failure: InversionFailure | None = None

    def explained(self, failure: InversionFailure) -> InversionFailure:
        """A server's failure, with what the file is where only some servers can read such files."""
        if self.kind is None or is_read_everywhere(self.kind) or self.kind.name in failure.error.message:
            return failure
        return failed_before(self.path, f"{self.kind.refusal} (the server says: {failure.error.message})")


def find(named: Iterable[Path], console: Console) -> list[Listed]:
    """The photographs among files and folders; what else a folder holds is skipped, with lines that say so.

    Nothing is decoded. A photograph that cannot be read is listed with the reason; every file is listed once.

    Args:
        named: Files, each of which is meant as a photograph, and folders of photographs.
        console: Where the lines go.

    Raises:
        InvalidArgumentError: Something is not there, or no photograph is.
    """
    listed: list[Listed] = []
    places: dict[tuple[int, int], Path] = {}
    for path in named:
        skipped: list[tuple[Path, str]] = []
        if path.is_dir():
            results = OwnResults(path)
            entries = [entry for entry in sorted(path.iterdir()) if not entry.name.startswith(".")]
            found: list[Listed | tuple[Path, str]] = [_of_folder(entry, results) for entry in entries]
            if any(isinstance(each, Listed) and not is_sound(each.kind) for each in found):
                # Beside photographs sounds are not meant.
                found = [_passed_sound(each) if isinstance(each, Listed) else each for each in found]
        elif path.exists() or path.is_symlink():
            found = [_of_name(path)]
        else:
            raise InvalidArgumentError(f"no such file: {printable(path)}")
        for each in found:
            if isinstance(each, Listed) and (first := _place(each.path, places)) is not None:
                each = (each.path, f"it is the same file as {printable(first)}")  # noqa: PLW2901
            if isinstance(each, Listed):
                listed.append(each)
            else:
                skipped.append(each)
        _tell_skipped(skipped, console)
    if not listed:
        raise InvalidArgumentError("no photographs in what was named")
    return listed


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
        raise InvalidArgumentError(f"no such file: {printable(mask)}")
    if not mask.is_dir():
        return [mask] * len(photos)
    files = [file for file in sorted(mask.iterdir()) if file.is_file() and not file.name.startswith(".")]
    if several := _doubled(file.stem for file in files):
        raise InvalidArgumentError(f"several masks in {printable(mask)} are called {a_few(several)}: leave one of each")
    by_stem = {file.stem: file for file in files}
    without = [photo for photo in photos if photo.stem not in by_stem]
    if without:
        them = "it counts" if len(without) == 1 else "they count"
        line = f"no mask for {a_few(without)} in {printable(mask)}: {them} whole"
        console.print(line, soft_wrap=True)
    return [by_stem.get(photo.stem) for photo in photos]


def refuse_doubled_files(photos: Iterable[PhotographFiles]) -> None:
    """Raises InvalidArgumentError where results of different photographs would have the same file."""
    refuse_doubled_names(file.stem for photo in photos for file in photo.files if file.suffix == ".png")


def refuse_doubled_names(names: Iterable[str]) -> None:
    """Raises InvalidArgumentError where results of different photographs would have the same name."""
    if several := _doubled(names):
        raise InvalidArgumentError(
            f"results of several photographs would be called {a_few(several)} and overwrite each other: "
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
        line = f"  {printable(photo)}: {error.message}"
        console.print(line, soft_wrap=True)
    raise typer.Exit(1)


def tell_unpasted(unpasted: Sequence[tuple[Path, ClientError]], console: Console) -> None:
    """Lists the photographs into which their reconstructions could not be laid, and why."""
    if unpasted:
        complain(f"{len(unpasted)} inverted but not pasted", console)
    for photo, error in unpasted:
        line = f"  {printable(photo)}: {error.message}"
        console.print(line, soft_wrap=True)


def failed_before(path: Path, message: str) -> InversionFailure:
    """The failure of a photograph that is not sent."""
    return InversionFailure(printable(path.name), InvalidArgumentError(message))


def _of_name(path: Path) -> Listed:
    """A file that was named, whatever it is."""
    kind, problem = _kind(path)
    if kind is not None and not may_be_sent(kind):
        problem = kind.refusal
    return Listed(path, kind, None if problem is None else failed_before(path, problem))


def _of_folder(path: Path, results: OwnResults) -> Listed | tuple[Path, str]:
    """An entry of a folder, or why it is passed over."""
    if path.is_dir():
        return path, "a folder"
    listed = _of_name(path)
    if listed.failure is not None and not is_called_photograph(path):
        return path, listed.failure.error.message if listed.kind is None else _passed_over(listed.kind)
    return (path, "a result of an earlier run") if path in results else listed


def _passed_sound(listed: Listed) -> Listed | tuple[Path, str]:
    return (listed.path, f"{WAV.name}; name it alone to invert it") if is_sound(listed.kind) else listed


def _passed_over(kind: FileKind) -> str:
    """Why a file is passed over that nobody meant as a photograph."""
    if not kind.is_known:
        return "no image"
    return kind.name if kind.advice.endswith("leave it out") else kind.refusal


def _kind(path: Path) -> tuple[FileKind | None, str | None]:
    """What a file is; or None, and why that cannot be known."""
    if path.is_symlink() and not path.exists():
        return None, "is a link to something that is not there"
    if not path.is_file():
        return None, "is a device or a pipe, not a file"  # reading one might never end
    try:
        return kind_of(path), None
    except OSError as error:
        return None, f"cannot be read: {error.strerror or error}"


def _place(path: Path, places: dict[tuple[int, int], Path]) -> Path | None:
    """The path under which a file was listed before; None where it was not, in which case it is now."""
    try:
        status = path.stat()
    except OSError:
        return None
    key = (status.st_dev, status.st_ino)
    if key in places:
        return places[key]
    places[key] = path
    return None


def _tell_skipped(skipped: Sequence[tuple[Path, str]], console: Console) -> None:
    for path, reason in skipped[:_MOST_LINES]:
        console.print(f"skipped {printable(path)}: {reason}", soft_wrap=True)
    rest = skipped[_MOST_LINES:]
    if rest:
        kinds = ", ".join(f"{count:,} × {reason}" for reason, count in Counter(reason for _, reason in rest).items())
        console.print(f"skipped {len(rest):,} more: {kinds}", soft_wrap=True)


def _doubled(names: Iterable[str]) -> list[str]:
    """The names that come more than once, on file systems that do not tell capitals from small letters too."""
    return [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]
