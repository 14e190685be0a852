"""Catalogue of generators as a file. Imports no torch, so that a server process can answer from it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pullback.errors import CatalogueError, InvalidInputError, UnknownNameError
from pullback.generators.family import SAMPLE_RATE, Family, OptionValue, unknown_family
from pullback.generators.registry import FAMILIES
from pullback.generators.space_entry import SpaceEntry, blocks_within, check_spaces, parse_space, system_of
from pullback.weights.catalogue_files import DISTANCES_TABLE, catalogue_files
from pullback.weights.entry_points import GENERATORS, entry_points_of
from pullback.weights.source import TENSOR_KINDS, WeightsSource, check_operator, parse_source
from pullback.weights.table import Table, read_toml, tables_named_in

_INSTALLED = (
    "an installed package brings it, but no catalogue file says what spaces and images it has: pullback generators add "
    "{name} {name}"
)
_OWN_FILE = Path(__file__).with_name("catalogue.toml")
_PUBLIC_FILE = Path(__file__).with_name("public.toml")
# How long after a change a file is read anew each time.
_SETTLED_NS = 5_000_000_000


@dataclass(frozen=True)
class CatalogueEntry:
    """What the catalogue says of a generator.

    Attributes:
        name: What `load` calls it.
        title: One line for people.
        family: Which loader reads its weights.
        spaces: Latent spaces; the first is the default.
        input_space: Name of the space that covers the whole input.
        image_shape: (C, H, W) of the images; (C, T) of the sounds.
        source: Where the weights were published.
        options: What the entry states under `[NAME.options]`, by name.
    """

    name: str
    title: str
    family: str
    spaces: tuple[SpaceEntry, ...]
    input_space: str
    image_shape: tuple[int, int, int] | tuple[int, int]
    source: WeightsSource
    options: Mapping[str, OptionValue] = field(default_factory=dict, hash=False)

    @property
    def weights_hash(self) -> str:
        """SHA-256 of the published weight file, hexadecimal: the identity of these weights.

        With options, of that and of them: they change what is made of the same tensors. Where none was published, that
        of the file's address, to which what came first is pinned.
        """
        if not self.options:
            return self.source.identity
        said = f"{self.source.identity} {json.dumps(dict(self.options), sort_keys=True)}"
        return hashlib.sha256(said.encode()).hexdigest()

    def option(self, name: str) -> Any:
        """What the entry states of an option of its family; else the family's default, or None."""
        return self.options.get(name, FAMILIES[self.family].option(name).default)

    def asked(self, name: str) -> Any:
        """What the entry states of an option that neither the file nor the family says.

        Raises:
            CatalogueError: It states nothing; the message says what is usual.
        """
        if (value := self.option(name)) is None:
            raise CatalogueError(f"generator {self.name!r}: {FAMILIES[self.family].asks_for(name)}")
        return value

    @property
    def licence(self) -> str:
        """Licence of the weights."""
        return self.source.licence

    @property
    def citation(self) -> str:
        """Who made the weights."""
        return self.source.citation

    @property
    def draws(self) -> str:
        """What it draws: `images`, or `sounds`."""
        return "images" if len(self.image_shape) == 3 else "sounds"

    @property
    def sample_rate(self) -> int | None:
        """Samples a second of its sounds; None where it draws images, or where nothing says it."""
        options = {option.name: option.default for option in FAMILIES[self.family].options}
        if self.draws == "images" or SAMPLE_RATE.name not in options:
            return None
        found: Any = self.options.get(SAMPLE_RATE.name, options[SAMPLE_RATE.name])
        return found if found is None else int(found)

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images.

        Raises:
            InvalidInputError: It draws sounds.
        """
        if len(self.image_shape) != 3:
            raise InvalidInputError(f"images are wanted, but generator {self.name!r} draws sounds")
        return self.image_shape

    @property
    def has_mapping(self) -> bool:
        """Whether a network leads from one space to another, so that none is a block of another's coordinates."""
        return any(space.prior == "mapped" for space in self.spaces)

    def space(self, name: str) -> SpaceEntry:
        """The latent space of that name.

        Raises:
            UnknownNameError: The generator has no such space; the message lists those it has.
        """
        for space in self.spaces:
            if space.name == name:
                return space
        raise UnknownNameError(f"space of generator {self.name!r}", name, (space.name for space in self.spaces))

    def system(self, space: SpaceEntry) -> SpaceEntry:
        """The space of all the coordinates among which those of one of its spaces are: itself, or one around it."""
        return system_of(self.spaces, self.input_space, space)

    def parts(self, whole: SpaceEntry) -> list[SpaceEntry]:
        """The other spaces whose coordinates are among those of a space that is a `system`, by the first of them."""
        return blocks_within(self.spaces, self.input_space, whole)


@dataclass(frozen=True)
class CatalogueFault:
    """What of the catalogue files cannot be used.

    Attributes:
        name: The generator's name; empty where a file does not even say which ones it has.
        reason: Which file, entry and key, what came and what was expected.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """What the catalogue files say.

    A generator whose last entry cannot be used is not there, even where an earlier file has a good one of its name:
    that one was meant to be replaced, and is never put in its place.

    Attributes:
        entries: Every generator that can be used, in the order of the files.
        faults: What cannot be used, in that order.
        installed: Names of generators that installed packages bring, and of which no file says anything: they can be
            loaded, but nothing is known of them before.
    """

    entries: tuple[CatalogueEntry, ...]
    faults: tuple[CatalogueFault, ...]
    installed: tuple[str, ...] = ()

    def entry(self, name: str) -> CatalogueEntry:
        """The generator of that name.

        Raises:
            UnknownNameError: There is none; the message lists the known ones.
            CatalogueError: There is, but its entry cannot be used; or there is none, but a file cannot be read that may
                have it.
        """
        if found := next((known for known in self.entries if known.name == name), None):
            return found
        known = ", ".join(known.name for known in self.entries)
        for wanted, told in ((name, "its entry cannot be used"), ("", "it may be in a file that cannot be read")):
            if fault := next((fault for fault in self.faults if fault.name == wanted), None):
                raise CatalogueError(f"no generator {name!r}: {told}: {fault.reason}; known: {known}")
        raise UnknownNameError("generator", name, (known.name for known in self.entries))


def read_catalogue() -> Catalogue:
    """Every generator that can be used, and what cannot be.

    The library's own file comes first, then that of this user, where there is one, then those that
    `$PULLBACK_CATALOGUE` lists (separated as `$PATH` is), where `public` stands for the library's file of what others
    have published, whose weights are downloaded. An entry replaces an earlier one of the same name.
    """
    found: dict[str, CatalogueEntry | CatalogueFault] = {}
    unreadable: list[CatalogueFault] = []
    for file in (_OWN_FILE, *catalogue_files({"public": _PUBLIC_FILE})):
        for one in _read_file(file):
            if one.name:
                found[one.name] = one
            else:
                assert isinstance(one, CatalogueFault)  # noqa: S101  (generators have names)
                unreadable.append(one)
    entries = tuple(one for one in found.values() if isinstance(one, CatalogueEntry))
    faults = [*(one for one in found.values() if isinstance(one, CatalogueFault)), *unreadable]
    brought = tuple(name for name in entry_points_of(GENERATORS) if name not in found)
    faults += [CatalogueFault(name, _INSTALLED.format(name=name)) for name in brought]
    return Catalogue(entries, tuple(faults), brought)


def _read_file(file: Path) -> Sequence[CatalogueEntry | CatalogueFault]:
    """What one file says; read again only when it has changed."""
    try:
        state = file.stat()
    except OSError:
        return _parse_file(file)
    if time.time_ns() - state.st_mtime_ns < _SETTLED_NS:
        # Changed within the same tick of the clock, it would look as before.
        return _parse_file(file)
    return _parse_settled(file, (state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size, state.st_mode))


@lru_cache(maxsize=64)
def _parse_settled(file: Path, state: tuple[int, ...]) -> Sequence[CatalogueEntry | CatalogueFault]:
    del state  # tells one content of the file from another
    return _parse_file(file)


def _parse_file(file: Path) -> Sequence[CatalogueEntry | CatalogueFault]:
    try:
        tables = read_toml(file)
    except CatalogueError as error:
        return tuple(CatalogueFault(name, str(error)) for name in tables_named_in(file) or [""])
    found: list[CatalogueEntry | CatalogueFault] = []
    for name, table in tables.items():
        if name == DISTANCES_TABLE:
            continue
        try:
            found.append(_parse_entry(name, table))
        except CatalogueError as error:
            found.append(CatalogueFault(name, str(error)))
    return tuple(found)


def catalogue() -> list[CatalogueEntry]:
    """Every known generator, in the order of the files; `read_catalogue` is for who goes on where some are unusable.

    Raises:
        CatalogueError: Something cannot be used; the message says which file, entry and key.
    """
    read = read_catalogue()
    # What packages bring is nobody's mistake.
    if faults := [fault for fault in read.faults if fault.name not in read.installed]:
        raise CatalogueError(faults[0].reason)
    return list(read.entries)


def entry(name: str) -> CatalogueEntry:
    """The generator of that name, whatever is wrong with others.

    Raises:
        UnknownNameError: There is none; the message lists the known ones.
        CatalogueError: As `Catalogue.entry` does.
    """
    return read_catalogue().entry(name)


def _parse_entry(name: str, table: Table) -> CatalogueEntry:
    spaces = tuple(parse_space(space) for space in table.tables("spaces"))
    shape = table.integers("image_shape", lengths=(3, 2))
    title, family = table.string("title", name), _family(table)
    found = CatalogueEntry(
        name=name,
        title=title,
        family=family.name,
        spaces=spaces,
        input_space=table.string("input_space"),
        image_shape=(shape[0], shape[1], shape[2]) if len(shape) == 3 else (shape[0], shape[1]),
        source=parse_source(table.table("source"), family.layout),
        options=_options(table, family),
    )
    if found.source.kind not in (family.kinds or TENSOR_KINDS):
        kinds = " or ".join(family.kinds or TENSOR_KINDS)
        raise table.error("source", f"a {family.name} comes by kind {kinds}, but {found.source.kind!r} came")
    if family.kinds:
        check_operator(table)
    check_spaces(found.spaces, found.input_space, table)
    table.finish()
    return found


def _family(table: Table) -> Family:
    name = table.string("family")
    if name not in FAMILIES:
        raise table.error("family", unknown_family(name, FAMILIES))
    return FAMILIES[name]


def _options(table: Table, family: Family) -> Mapping[str, OptionValue]:
    try:
        return family.read_options(table.table("options") if "options" in table else None)
    except CatalogueError as error:
        # What is wrong within the table says so itself.
        raise error if str(error).startswith(table.where) else table.error("options", str(error)) from None
