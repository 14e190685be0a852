"""Entry of a catalogue for a generator of one's own: code that a catalogue names, or a program's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import nn

from pullback.errors import InvalidInputError
from pullback.generators.adding.inputs import Stated
from pullback.generators.adding.proposal import UNKNOWN, Proposal, Request, options_of, unsaid
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.family import OptionValue
from pullback.generators.generator import Generator, LatentSpace
from pullback.generators.loader import load_entry
from pullback.generators.own.module_generator import output_shape
from pullback.generators.own.python_code import network_of
from pullback.generators.own.saved_programs import program_family, read_program
from pullback.generators.priors import Bounded, Mapped, OneHot, Product, StandardNormal
from pullback.generators.registry import FAMILIES
from pullback.generators.space_entry import SpaceEntry
from pullback.own_code import made_by
from pullback.weights.cache import sha256_of
from pullback.weights.entry_points import GENERATORS
from pullback.weights.source import WeightsSource


def propose_code(location: str, request: Request, stated: Stated) -> Proposal:
    """The entry of a generator that a factory makes.

    Args:
        location: `module:factory`, `file.py:factory`, or the name of an entry point.
        request: What is said of it.
        stated: What is said of its spaces; `dim` where it is a plain network.

    Raises:
        OwnCodeError: The code cannot be had, failed, or gives something else.
        InvalidInputError: Something that it does not say was not said.
    """
    place, colon, name = location.rpartition(":")
    if colon and place.endswith(".py"):
        location = f"{Path(place).expanduser().resolve()}:{name}"
    what = f"generator {request.name!r}"
    made = made_by(location, GENERATORS, what)
    network = network_of(made, what).requires_grad_(False).eval()
    source = WeightsSource("code", location, made.identity(network))
    return _proposed("python", source, network, request, stated)


def propose_program(file: Path, request: Request, stated: Stated) -> Proposal:
    """The entry of a file that holds a program.

    Args:
        file: The file, of which `program_family` says which kind it is.
        request: What is said of it.
        stated: What is said of its spaces; `dim` where the program does not say it.

    Raises:
        WeightsError: It cannot be read.
        InvalidInputError: Something that it does not say was not said.
    """
    family = program_family(file) or ""
    network, dim = read_program(file)
    if dim is not None and stated.dim not in {None, dim}:
        raise InvalidInputError(f"--dim: its latents have {dim} coordinates, but {stated.dim} came")
    source = WeightsSource("path", str(file.resolve()), sha256_of(file))
    return _proposed(family, source, network, request, replace(stated, dim=dim or stated.dim))


def _proposed(family: str, source: WeightsSource, network: nn.Module, request: Request, stated: Stated) -> Proposal:
    if request.family not in {None, family}:
        raise InvalidInputError(f"--family: {source} is of the family {family}, but {request.family!r} came")
    for word in ("key", "prefix"):
        if vars(request)[word]:
            raise InvalidInputError(f"--{word}: {source} is no file of tensors; leave it out")
    options: Mapping[str, OptionValue] = options_of(FAMILIES[family], request.options)
    source = replace(source, licence=request.licence or UNKNOWN, citation=request.citation or UNKNOWN)
    draft = CatalogueEntry(
        request.name, request.title or request.name, family, (), "", (1, 1, 1), source, dict(options)
    )
    entry = _of_generator(draft, network) if isinstance(network, Generator) else _of_network(draft, network, stated)
    return Proposal(entry, load_entry(entry), (*stated.assumed, *unsaid(request)))


def _of_generator(draft: CatalogueEntry, generator: Generator) -> CatalogueEntry:
    spaces = tuple(_space(space, generator) for space in generator.spaces.values())
    return replace(draft, spaces=spaces, input_space=generator.input_space, image_shape=generator.image_shape)


def _of_network(draft: CatalogueEntry, network: nn.Module, stated: Stated) -> CatalogueEntry:
    if stated.dim is None:
        raise InvalidInputError(f"{draft.source}: say with --dim N how many coordinates its latents have")
    shape = output_shape(network, stated.dim, f"generator {draft.name!r}")
    draft.asked("levels")
    if stated.labels:
        raise InvalidInputError("--labels: a network of one's own gets its classes by a Generator of its own")
    if stated.bounds is None:
        stated.assumed.append("latents are drawn from a standard normal distribution; else --bounds")
    space = SpaceEntry("z", stated.dim, "bounded" if stated.bounds else "standard-normal", bounds=stated.bounds)
    return replace(draft, spaces=(space,), input_space="z", image_shape=shape)


def _space(space: LatentSpace, generator: Generator) -> SpaceEntry:
    prior = space.prior
    if isinstance(prior, Bounded):
        return SpaceEntry(space.name, space.dim, "bounded", space.start, bounds=(prior.least, prior.greatest))
    known = {StandardNormal: "standard-normal", OneHot: "one-hot", Product: "product", Mapped: "mapped"}
    word = next((word for kind, word in known.items() if isinstance(prior, kind)), None)
    if word is None:
        raise InvalidInputError(
            f"generator {generator.name!r}: the prior of space {space.name!r} is a {type(prior).__name__}, but a "
            f"catalogue can state {', '.join(kind.__name__ for kind in known)} and Bounded: give it one of these"
        )
    labels = space.labels or (tuple(map(str, range(space.dim))) if word == "one-hot" else ())
    default = _held(space, labels, generator) if labels else ""
    return SpaceEntry(space.name, space.dim, word, space.start, labels, default)


def _held(space: LatentSpace, labels: tuple[str, ...], generator: Generator) -> str:
    """The class that the generator's own context holds."""
    return labels[int(generator.default_surroundings(space.name)[space.block].argmax())]
