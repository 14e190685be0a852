"""Registry of the families of generators: one module each, which describes it and imports no torch.

A module `registry/NAME.py` with a `FAMILY` is all that a family needs to be known to catalogues; its loader, which
imports torch, is in `families/`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

from pullback.generators.family import Family


def _described() -> dict[str, Family]:
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {family.name: family for family in (module.FAMILY for module in modules)}


# A prefix that holds a network stands before many names.
_LOOKED_AT = 200

# By name.
FAMILIES: dict[str, Family] = _described()


def recognised(names: Iterable[str]) -> list[tuple[Family, str]]:
    """The families whose files have tensors of such names, and the prefix of the names there; several may have."""
    known = list(names)
    # What precedes some dot or stroke, the shorter first: `module.`, `G.`, `module.G.`, `generator/`.
    prefixes = {name[: at + 1] for name in known[:_LOOKED_AT] for at, letter in enumerate(name) if letter in "./"}
    found = []
    for prefix in ("", *sorted(prefixes, key=lambda prefix: (len(prefix), prefix))):
        inside = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
        found += [(family, prefix) for family in FAMILIES.values() if family.recognises(inside)]
    # Names that a family knows whole need no prefix.
    whole = {family.name for family, prefix in found if not prefix}
    return [(family, prefix) for family, prefix in found if not prefix or family.name not in whole]
