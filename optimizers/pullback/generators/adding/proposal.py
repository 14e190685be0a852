"""Entry of a catalogue, made of a file of weights: what it says is derived, the rest is said or assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from pullback.errors import CatalogueError, InvalidInputError
from pullback.generators.adding.inputs import Stated, input_space_of, spaces_of
from pullback.generators.adding.recognition import recognise
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.family import Family, Option, OptionValue
from pullback.generators.fitting import MisstatedError
from pullback.generators.generator import Generator
from pullback.generators.loader import build
from pullback.generators.space_entry import SpaceEntry
from pullback.weights.cache import sha256_of
from pullback.weights.finite import check_module
from pullback.weights.inspection import inspect
from pullback.weights.source import WeightsSource
from pullback.weights.store import load_published
from pullback.weights.table import Table

UNKNOWN = "unknown"
# The first says what the image shape is, another one what the spaces are.
_CORRECTIONS = 3


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody says of a generator that is to be added.

    Attributes:
        name: What it is to be called.
        family: Its family; None = what the file tells.
        options: Options of the family as they are typed, `name=value`.
        title: One line for people; empty = the name.
        licence: Licence of the weights; empty = unknown.
        citation: Who made them; empty = unknown.
        key: Dotted path of the dictionary of tensors within the file; empty = where such files have it.
        prefix: What stands before the names of the tensors; empty = what the names tell.
    """

    name: str
    family: str | None = None
    options: tuple[str, ...] = ()
    title: str = ""
    licence: str = ""
    citation: str = ""
    key: str = ""
    prefix: str = ""


@dataclass(frozen=True)
class Proposal:
    """A generator that may be added.

    Attributes:
        entry: Its entry.
        generator: It itself, on the CPU in float32.
        assumed: What nothing said and was assumed, one sentence each.
    """

    entry: CatalogueEntry
    generator: Generator
    assumed: tuple[str, ...]


def propose(file: Path, request: Request, stated: Stated) -> Proposal:
    """The entry of a file of published weights, and its generator.

    Args:
        file: The file.
        request: What is said of it.
        stated: What is said of its spaces.

    Raises:
        InvalidInputError: Something that the file does not say was not said, or does not fit.
        WeightsError: The file cannot be read, or is of no family that is known.
    """
    if not file.is_file():
        raise InvalidInputError(f"{file} cannot be added: {inspect(file)}")
    source = WeightsSource(
        "path",
        str(file.resolve()),
        sha256_of(file),
        key=request.key,
        prefix=request.prefix,
        licence=request.licence or UNKNOWN,
        citation=request.citation or UNKNOWN,
    )
    family, source = recognise(source, request.family)
    options = options_of(family, request.options)
    state, settings = load_published(source)
    draft = CatalogueEntry(
        request.name, request.title or request.name, family.name, (), "", (1, 1, 1), source, dict(options)
    )
    try:
        spaces = spaces_of(draft, state, stated)
        if settings.get("attribKeysOrder"):
            stated.assumed.append(
                "the last coordinates of its input, its labels (attribKeysOrder), are drawn as "
                "noise is; where they are to be classes, edit its entry: spaces noise, class and full, as 'eyes' has"
            )
        draft = replace(draft, spaces=spaces, input_space=input_space_of(spaces))
        entry, generator = _built(draft, state, settings)
    except CatalogueError as error:
        raise InvalidInputError(f"{error}. Here: --option NAME=VALUE") from error
    check_module(generator, state, f"generator {entry.name!r}", source)
    defaults = [
        f"{option.name} = {option.default!r}, unless the file says it ({option.help}; usual: {option.usual}); else "
        f"--option {option.name}=VALUE"
        for option in family.options
        if option.default is not None and option.name not in options and option.name not in settings
    ]
    return Proposal(entry, generator, (*stated.assumed, *defaults, *unsaid(request)))


def unsaid(request: Request) -> list[str]:
    """What of licence and citation nobody said."""
    return [f"its {word} is unknown; --{word} says it" for word in ("licence", "citation") if not vars(request)[word]]


def _built(
    entry: CatalogueEntry, state: Mapping[str, Tensor], settings: Mapping[str, object]
) -> tuple[CatalogueEntry, Generator]:
    """The entry as the weights want it: where it states other shapes, the loader says which ones they give."""
    for _ in range(_CORRECTIONS):
        try:
            return entry, build(entry, state, settings)
        except MisstatedError as error:
            shape = error.image_shape
            entry = replace(entry, image_shape=shape, spaces=_corrected(entry.spaces, error.spaces))
    return entry, build(entry, state, settings)


def _corrected(spaces: tuple[SpaceEntry, ...], dims: Mapping[str, int] | None) -> tuple[SpaceEntry, ...]:
    return tuple(replace(space, dim=dims.get(space.name, space.dim)) for space in spaces) if dims else spaces


def options_of(family: Family, typed: tuple[str, ...]) -> Mapping[str, OptionValue]:
    """What is said of a family's options on the command line, checked as in a catalogue."""
    known = {option.name: option for option in family.options}
    said: dict[str, object] = {}
    for each in typed:
        name, equals, value = each.partition("=")
        if not equals:
            raise InvalidInputError(f"--option is NAME=VALUE, but {each!r} came")
        said[name] = _value(known[name], value) if name in known else value
    try:
        return family.read_options(Table(said, f"--option of a {family.name}", Path()))
    except CatalogueError as error:
        raise InvalidInputError(f"{error}. Here: --option NAME=VALUE") from error


def _value(option: Option, text: str) -> object:
    """A value as a catalogue file would hold it; the text itself where it is none of the option's kind."""
    if option.kind is bool:
        return {"true": True, "false": False}.get(text, text)
    if option.kind is str:
        return text
    try:
        return option.kind(text)
    except ValueError:
        return text
