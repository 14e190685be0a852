"""Recognition of a file of weights: which family it is of, and where in it the tensors are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pullback.errors import InvalidInputError, WeightsError
from pullback.generators.family import Family, unknown_family
from pullback.generators.registry import FAMILIES, recognised
from pullback.weights.contents import WRAPPER, prefixes_of, some, take_tensors
from pullback.weights.source import Layout, WeightsSource
from pullback.weights.tensor_files import read_weight_file


def recognise(source: WeightsSource, family: str | None) -> tuple[Family, WeightsSource]:
    """The family of a local file, and the file as a source whose tensors are those of one generator.

    Args:
        source: The file; what it says of key and prefix is kept to.
        family: Which one it is of; None = what its names tell.

    Raises:
        InvalidInputError: There is no such family, or several may be meant; the message names them.
        WeightsError: The file cannot be read, or is of no family that is known; the message names what it has.
    """
    if family is not None and family not in FAMILIES:
        raise InvalidInputError(f"--family: {unknown_family(family, FAMILIES)}")
    content = read_weight_file(Path(source.location), source)
    found: dict[tuple[str, str], Family] = {}
    named: dict[Layout, Mapping[str, object]] = {}
    for each in [FAMILIES[family]] if family else FAMILIES.values():
        if each.layout not in named:
            named[each.layout] = _names(content, replace(source, layout=each.layout))
        for one, prefix in recognised(named[each.layout]):
            if one is each:
                found[each.name, "" if prefix == WRAPPER else prefix] = each
    prefixes = {prefix for _, prefix in found}
    if not found:
        has = some(next(iter(named.values()), ()))
        known = family or f"any family that is known ({', '.join(FAMILIES)})"
        raise WeightsError(
            f"{source} does not hold the tensors of {known}; it has: {has or 'no tensors'}. Where they are the weights "
            "of a network of your own, name its code: pullback generators add NAME my_module:make"
        )
    if len(found) > 1:
        flag, several = ("--family", {name for name, _ in found}) if len(prefixes) == 1 else ("--prefix", prefixes)
        listed = ", ".join(f"{name}" + (f" with prefix {prefix!r}" if prefix else "") for name, prefix in found)
        raise InvalidInputError(
            f"{source} may be any of {listed}; its names do not tell: say which by {flag}, one of "
            f"{', '.join(sorted(several))}"
        )
    ((_, prefix), only) = next(iter(found.items()))
    return only, replace(source, prefix=source.prefix + prefix, layout=only.layout)


def _names(content: object, source: WeightsSource) -> Mapping[str, object]:
    try:
        tensors = take_tensors(content, source)
    except WeightsError:
        # Asked for under a key or prefix that it does not have; of whole files there is always something to say.
        if source.key or source.prefix:
            raise
        return {}
    prefixes = prefixes_of(source)
    return {
        next((name.removeprefix(each) for each in prefixes if name.startswith(each)), name): tensor
        for name, tensor in tensors.items()
    }
