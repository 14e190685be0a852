"""Contents of a weight file: its tensors by name, and its settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from pullback.errors import WeightsError
from pullback.weights.plain_pickle import PickledModule
from pullback.weights.source import WeightsSource
from pullback.weights.tensor_files import Settings

# What training on several GPUs leaves before all names.
WRAPPER = "module."
_NAMED = 10
# Far more than any network has; a few bytes can describe containers within containers without end.
_MOST_VALUES = 200_000
_DEEPEST = 32


def take_tensors(content: object, source: WeightsSource) -> dict[str, Tensor]:
    """The tensors of a file that belong to a source, by dotted name.

    Args:
        content: What the file holds, as `read_weight_file` gives it.
        source: Says which dictionary of it is wanted, what beside it, and which names.

    Returns:
        Tensors of their own memory, in the file's order; those beside the dictionary come last, by their whole path.

    Raises:
        WeightsError: There is no such dictionary, or it holds no such tensors, or what it holds is no plain tensor.
    """
    chosen = _chosen(content, source)
    left = iter(range(_MOST_VALUES))
    prefixes = prefixes_of(source)
    tensors = {name: t for name, t in _tensors(chosen, "", left, source) if name.startswith(prefixes)}
    if not tensors and source.prefix and not source.key:
        # It may begin where the file does, rather than where such files keep their tensors.
        tensors = {name: t for name, t in _tensors(content, "", left, source) if name.startswith(prefixes)}
    if not tensors:
        wanted = f" whose names begin with {source.prefix!r}" if source.prefix else ""
        raise WeightsError(f"{source} holds no tensors{wanted}; it has: {_names(chosen)}")
    for path in source.layout.beside:
        found = _found(content, path)
        # Nothing is beside a file that is a dictionary of tensors itself.
        if chosen is not content and found is not None and found is not chosen:
            tensors.update(_tensors(found, path, left, source))
    return tensors


def prefixes_of(source: WeightsSource) -> tuple[str, ...]:
    """The prefixes of which names of tensors have one: the source's, which `module.` may precede as any name."""
    return (source.prefix, WRAPPER + source.prefix)


def take_settings(content: object, source: WeightsSource) -> dict[str, Any]:
    """What a file says of itself besides tensors: numbers, words, and lists and dictionaries of such.

    Args:
        content: What the file holds, as `read_weight_file` gives it.
        source: Says where they stand. Of one of NVIDIA's networks they are its attributes and those of its parts.

    Raises:
        WeightsError: They are too many, or too deep within one another.
    """
    chosen = _chosen(content, source)
    places = (chosen, *(_found(content, path) for path in source.layout.settings))
    # The dictionary of tensors itself says nothing, unless it is a network.
    own = [place for place in places if isinstance(place, PickledModule | Settings)]
    said = [place for place in places[1:] if isinstance(place, Mapping)]
    plain = _plain(next(iter([*own, *said]), None), iter(range(_MOST_VALUES)), source)
    return plain if isinstance(plain, dict) else {}


def _chosen(content: object, source: WeightsSource) -> object:
    """The dictionary of a file that a source names; else the first of those where such files keep theirs."""
    if source.key:
        found = _found(content, source.key)
        if not isinstance(found, Mapping | list | tuple | PickledModule):
            raise WeightsError(f"{source} has no dictionary {source.key!r}; it has: {_names(content)}")
        return found
    places = (_found(content, path) for path in source.layout.keys)
    return next((place for place in places if isinstance(place, Mapping | PickledModule)), content)


def _found(content: object, path: str) -> object:
    """What stands under a dotted path; None where nothing does."""
    inside = _parts_of(content)
    # Names may have dots themselves.
    if path in inside:
        return inside[path]
    for at in (i for i, letter in enumerate(path) if letter == "."):
        if path[:at] in inside and (found := _found(inside[path[:at]], path[at + 1 :])) is not None:
            return found
    return None


def _parts_of(content: object) -> dict[str, object]:
    if isinstance(content, PickledModule):
        return content.tensors()
    if isinstance(content, Mapping):
        return {str(name): value for name, value in content.items()}
    if isinstance(content, list | tuple):
        return {str(number): value for number, value in enumerate(content)}
    return {}


def _names(content: object) -> str:
    return some(_parts_of(content)) or type(content).__name__


def some(names: Iterable[object]) -> str:
    """The first of some names, and how many there are more."""
    known = [str(name) for name in names]
    return ", ".join(known[:_NAMED]) + (f" and {len(known) - _NAMED} more" if len(known) > _NAMED else "")


def _tensors(
    content: object, path: str, left: Iterator[int], source: WeightsSource, depth: int = 0
) -> Iterator[tuple[str, Tensor]]:
    """Tensors of nested containers, with dotted names; counters, settings and other values are passed over."""
    if next(left, None) is None or depth > _DEEPEST:
        raise WeightsError(f"{source} holds more than {_MOST_VALUES} values, or deeper than {_DEEPEST} in one another")
    if isinstance(content, Tensor):
        if content.layout is not torch.strided or content.is_quantized or content.is_meta:
            raise WeightsError(f"{path!r} of {source} is no plain tensor: save it dense, and not quantized")
        if content.nelement() * content.element_size() > content.untyped_storage().nbytes():
            raise WeightsError(f"{path!r} of {source} repeats its numbers to a shape of {tuple(content.shape)}")
        # A copy of its own: safetensors refuses tensors that share memory.
        yield path, content.detach().clone(memory_format=torch.contiguous_format)
    for name, value in _parts_of(content).items():
        yield from _tensors(value, f"{path}.{name}" if path else name, left, source, depth + 1)


def _plain(value: object, left: Iterator[int], source: WeightsSource, depth: int = 0) -> Any:
    """A value as JSON can hold it; None of what it cannot."""
    if next(left, None) is None or depth > _DEEPEST:
        raise WeightsError(f"the settings of {source} are more than {_MOST_VALUES}, or deeper than {_DEEPEST}")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Settings):
        value = vars(value)
    if isinstance(value, PickledModule):
        value = value.settings()
    if isinstance(value, Mapping):
        return {str(name): _plain(one, left, source, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one, left, source, depth + 1) for one in value]
    return None
