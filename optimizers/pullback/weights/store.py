"""Store of weights: from a source to its tensors, by way of the cache."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import filelock
import safetensors
import safetensors.torch
from torch import Tensor

from pullback.errors import WeightsCorruptedError, WeightsError, WeightsUnavailableError
from pullback.weights.cache import cache_folder, converted_path, find_converted, write_converted
from pullback.weights.contents import WRAPPER, prefixes_of, some, take_settings, take_tensors
from pullback.weights.fetch import fetch
from pullback.weights.flax import convolutions_of
from pullback.weights.identity import digest_of
from pullback.weights.source import WeightsSource
from pullback.weights.tensor_files import read_weight_file

LOCK_TIMEOUT_S = 1800
# Under this name a converted file keeps the settings of the published one.
_SETTINGS = "settings"


def ensure(source: WeightsSource) -> Path:
    """The converted file of a source, made now if the cache does not hold it.

    Of several processes that ask at once, one downloads and the others wait for it. What the cache holds is verified
    each time; a damaged file is refused, never quietly replaced.

    Returns:
        Path of a safetensors file with the source's tensors.

    Raises:
        WeightsUnavailableError: Not on this machine and not to be had.
        WeightsCorruptedError: Not the published bytes, or not the bytes that were cached.
        WeightsError: Not a file of plain tensors, or the cache cannot be written.
    """
    path = converted_path(source)
    try:
        # A warm cache needs no lock, and may be read-only.
        if found := find_converted(source):
            return found
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_suffix(".lock"), timeout=LOCK_TIMEOUT_S):
            return find_converted(source) or _convert(source)
    except filelock.Timeout as error:
        raise WeightsUnavailableError(
            f"another process has been preparing the weights {path.name} for {LOCK_TIMEOUT_S} s and still holds "
            f"{error.lock_file}. Stop it if it hangs, then run again."
        ) from error
    except OSError as error:
        raise WeightsError(
            f"cannot use the weights cache {cache_folder()}: {error.strerror or error}. Nothing half-written was left. "
            "Make room there, or set PULLBACK_CACHE to another folder, and run again."
        ) from error


def load_state_dict(source: WeightsSource) -> dict[str, Tensor]:
    """The tensors of a source by name, on the CPU.

    Raises:
        WeightsError: As `ensure` does.
    """
    return safetensors.torch.load_file(ensure(source))


def load_published(source: WeightsSource) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a source by the names that its network knows, on the CPU, and what the file says of itself.

    The source's prefix is taken off the names, and `module.`, as training on several GPUs leaves it before all of them.

    Returns:
        Tensors by name, and the file's settings: numbers, words, and lists and dictionaries of such; empty where it has
        none.

    Raises:
        WeightsError: As `ensure` does.
    """
    with safetensors.safe_open(ensure(source), framework="pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dictionary)
    beside = tuple(f"{path}." for path in source.layout.beside)
    names = {name: name for name in tensors}
    for prefix in dict.fromkeys((*prefixes_of(source), WRAPPER)):
        own = [name for name, known in names.items() if not f"{known}.".startswith(beside)]
        if all(names[name].startswith(prefix) for name in own):
            names |= {name: names[name].removeprefix(prefix) for name in own}
    return {names[name]: tensor for name, tensor in tensors.items()}, json.loads(metadata.get(_SETTINGS, "{}"))


def _convert(source: WeightsSource) -> Path:
    # Downloads stand in the cache, not in /tmp, which is often a small memory disk.
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".download-") as downloads:
        fetched = fetch(source, Path(downloads))
        content = read_weight_file(fetched.path, fetched.way)
        tensors = _tensors_of(content, fetched.way)
        if source.tensors_sha256 and (found := digest_of(tensors)) != source.tensors_sha256:
            elsewhere = ", ".join(str(way) for way in source.ways if way is not fetched.way)
            raise WeightsCorruptedError(
                f"{fetched.way} holds other tensors than those that results are known by: their SHA-256 is {found}, "
                f"expected {source.tensors_sha256}. Move {fetched.path} away, so that the weights come from elsewhere: "
                f"{elsewhere or 'the catalogue names nothing'}."
            )
        settings = take_settings(content, fetched.way) if source.layout.digest else {}
        metadata = {_SETTINGS: json.dumps(settings)} if settings else None
        return write_converted(source, fetched.way, fetched.sha256, safetensors.torch.save(tensors, metadata))


def _tensors_of(content: object, source: WeightsSource) -> dict[str, Tensor]:
    if not source.convolutions:
        return take_tensors(content, source)
    networks = content if isinstance(content, Mapping) else {}
    if source.key and source.key not in networks:
        raise WeightsError(f"{source} has no dictionary {source.key!r}; it has: {some(networks)}")
    return convolutions_of(networks[source.key] if source.key else content, source.convolutions, source)
