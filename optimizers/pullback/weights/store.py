"""Store of weights: from a source to its tensors, by way of the cache."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import filelock
import safetensors.torch
import torch
from torch import Tensor

from pullback.errors import WeightsCorruptedError, WeightsError, WeightsUnavailableError
from pullback.weights.array_pickle import read_array_pickle
from pullback.weights.cache import cache_folder, converted_path, find_converted, write_converted
from pullback.weights.fetch import fetch
from pullback.weights.flax import convolutions_of
from pullback.weights.identity import digest_of
from pullback.weights.source import WeightsSource
from pullback.weights.tensor_files import read_weight_file

LOCK_TIMEOUT_S = 1800
_NAMED = 10


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


def _convert(source: WeightsSource) -> Path:
    # Downloads stand in the cache, not in /tmp, which is often a small memory disk.
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".download-") as downloads:
        fetched = fetch(source, Path(downloads))
        tensors = _read_tensors(fetched.way, fetched.path)
        if source.tensors_sha256 and (found := digest_of(tensors)) != source.tensors_sha256:
            elsewhere = ", ".join(str(way) for way in source.ways if way is not fetched.way)
            raise WeightsCorruptedError(
                f"{fetched.way} holds other tensors than those that results are known by: their SHA-256 is {found}, "
                f"expected {source.tensors_sha256}. Move {fetched.path} away, so that the weights come from elsewhere: "
                f"{elsewhere or 'the catalogue names nothing'}."
            )
        return write_converted(source, fetched.way, fetched.sha256, safetensors.torch.save(tensors))


def _read_tensors(source: WeightsSource, published: Path) -> dict[str, Tensor]:
    content = (read_array_pickle if source.convolutions else read_weight_file)(published, source)
    if source.key:
        if not isinstance(content, Mapping) or source.key not in content:
            keys = _some(content) if isinstance(content, Mapping) else type(content).__name__
            raise WeightsError(f"{source} has no dictionary {source.key!r}; it has: {keys}")
        content = content[source.key]
    if source.convolutions:
        content = convolutions_of(content, source.convolutions, source)
    tensors = {name: tensor for name, tensor in _named_tensors(content) if name.startswith(source.prefix)}
    if not tensors:
        wanted = f" whose names begin with {source.prefix!r}" if source.prefix else ""
        raise WeightsError(f"{source} holds no tensors{wanted}")
    return tensors


def _some(names: Iterable[object]) -> str:
    known = [str(name) for name in names]
    return ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")


def _named_tensors(content: object, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Tensors of nested dictionaries, with dotted names; counters, settings and other values are passed over."""
    if isinstance(content, Tensor):
        # A copy of its own: safetensors refuses tensors that share memory.
        yield path, content.detach().clone(memory_format=torch.contiguous_format)
    elif isinstance(content, Mapping):
        for name, value in content.items():
            yield from _named_tensors(value, f"{path}.{name}" if path else str(name))
