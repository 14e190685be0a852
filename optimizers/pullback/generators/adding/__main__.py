"""`python -m pullback.generators.adding`: what `pullback generators add` and `check` run where the library is."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from pathlib import Path

from pullback.errors import InvalidInputError, PullbackError
from pullback.files import write_whole
from pullback.generators.adding.catalogue_text import check_free, write_entry
from pullback.generators.adding.inputs import Stated
from pullback.generators.adding.own_proposal import propose_code, propose_program
from pullback.generators.adding.proposal import Proposal, Request, propose
from pullback.generators.catalogue_file import CatalogueEntry, read_catalogue
from pullback.generators.own.saved_programs import program_family
from pullback.generators.registry import FAMILIES
from pullback.weights.catalogue_files import catalogue_files, user_catalogue
from pullback.weights.entry_points import GENERATORS, entry_points_of

# As the server takes them in names of resources.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,120}[a-z0-9])?")
_SHEETS = "contact-sheets"


def main(arguments: list[str] | None = None) -> int:
    """Adds or checks a generator; returns the exit status."""
    options = _parser().parse_args(arguments)
    # torch itself calls it when forward mode is first used.
    warnings.filterwarnings("ignore", ".torch.jit.script. is deprecated", FutureWarning)
    try:
        if options.command == "add":
            _add(options)
        else:
            _check(options)
    except PullbackError as error:
        sys.stderr.write(f"error: {error}\n")
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or ''}: {error.strerror or error}\n")
    else:
        return 0
    return 1


def _add(options: argparse.Namespace) -> None:
    name, catalogue = options.name, (options.catalogue or user_catalogue()).expanduser()
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"a generator is called by lower-case letters, digits, '.', '_' and '-', but {name!r} came"
        )
    check_free(catalogue, None, name, replace=options.replace)
    _check_unknown(name, options)
    request = Request(
        name=name,
        family=options.family,
        options=tuple(options.option),
        title=options.title,
        licence=options.licence,
        citation=options.citation,
        key=options.key,
        prefix=options.prefix,
    )
    stated = Stated(_bounds(options.bounds), tuple(filter(None, options.labels.split(","))), options.dim)
    found = _proposed(options.file, request, stated)
    # Before anything is written: what does not draw is not added.
    shown, path = _sheet(found, options.sheet, catalogue)
    write_entry(catalogue, found.entry, replace=options.replace)
    _say(_description(found.entry))
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, shown)
        _say(f"contact sheet: {path}")
    _say(f"added to {catalogue}")
    for each in found.assumed:
        _say(f"assumed: {each}")
    if not _is_read(catalogue):
        _say(f"a server reads it where PULLBACK_CATALOGUE names it: {catalogue}")


def _proposed(named: str, request: Request, stated: Stated) -> Proposal:
    """What a file of weights, a program's file, or code is to be added as."""
    file = Path(named).expanduser()
    if not os.path.lexists(file) and (":" in named or named in entry_points_of(GENERATORS)):
        return propose_code(named, request, stated)
    if file.is_file() and program_family(file):
        return propose_program(file, request, stated)
    return propose(file, request, stated)


def _check_unknown(name: str, options: argparse.Namespace) -> None:
    """A name that another catalogue file has would hide that one, or be hidden by it."""
    known = read_catalogue()
    taken = {each.name for each in known.entries} | {fault.name for fault in known.faults}
    # One that a package brings is what such a name is for.
    taken -= set(known.installed)
    if name in taken and not options.replace:
        raise InvalidInputError(f"there is a generator {name!r} already: take another name, or --replace")


def _sheet(found: Proposal, asked: Path | None, catalogue: Path) -> tuple[bytes, Path | None]:
    from pullback.generators.adding.sheet import drawn, sheet  # noqa: PLC0415  (loads pictures)

    images = drawn(found.generator)
    if images.ndim == 4 and images.shape[1] not in {1, 3}:
        _say(f"no contact sheet: its images have {images.shape[1]} channels")
        return b"", None
    ending, content = sheet(images, found.entry.sample_rate)
    return content, asked or catalogue.parent / _SHEETS / f"{found.entry.name}{ending}"


def _check(options: argparse.Namespace) -> None:
    from pullback.generators.adding.check import check  # noqa: PLC0415  (adding needs none of it)
    from pullback.generators.loader import load_entry  # noqa: PLC0415

    found = read_catalogue().entry(options.name)
    _say(_description(found))
    generator = load_entry(found, options.device)
    checked = check(generator)
    _say("draws: finite, within its range, the same each time and beside others")
    _say(f"gradient: finite, norm {checked.gradient:.3g}; forward mode agrees with it")
    _say(
        f"a step of one {found.draws.removesuffix('s')} on {generator.device}: {checked.step_seconds:.3g} s, "
        f"{checked.step_bytes / 2**20:.1f} MiB beside the weights"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _description(entry: CatalogueEntry) -> str:
    size = " × ".join(map(str, entry.image_shape))
    spaces = ", ".join(f"{space.name} ({space.dim}, {space.prior})" for space in entry.spaces)
    lines = [f"{entry.name}: {FAMILIES[entry.family].title}", f"draws {entry.draws} of {size}; spaces {spaces}"]
    if entry.options:
        lines.append("options: " + ", ".join(f"{key} = {value}" for key, value in entry.options.items()))
    return "\n".join([*lines, f"weights: {entry.source}, {entry.weights_hash[:12]}…"])


def _is_read(catalogue: Path) -> bool:
    return catalogue.resolve() in {file.resolve() for file in catalogue_files({})}


def _bounds(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        least, greatest = map(float, text.split(","))
    except ValueError:
        least = greatest = 0.0
    # NaN compares as false.
    if not least < greatest or greatest - least == float("inf"):
        raise InvalidInputError(f"--bounds is LEAST,GREATEST, such as -10,10, but {text!r} came")
    return least, greatest


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pullback generators", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add")
    add.add_argument("name")
    add.add_argument("file")
    add.add_argument("--family")
    add.add_argument("--option", action="append", default=[])
    for text in ("title", "licence", "citation", "key", "prefix", "bounds", "labels"):
        add.add_argument(f"--{text}", default="")
    add.add_argument("--dim", type=int)
    add.add_argument("--catalogue", type=Path)
    add.add_argument("--sheet", type=Path)
    add.add_argument("--replace", action="store_true")
    check = commands.add_parser("check")
    check.add_argument("name")
    check.add_argument("--device", default="cpu")
    return parser


if __name__ == "__main__":
    sys.exit(main())
