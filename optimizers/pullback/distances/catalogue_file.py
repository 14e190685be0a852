"""Catalogue of distances as a file. Imports no torch, so that a server process can answer from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pullback.errors import CatalogueError, InvalidInputError, UnknownNameError
from pullback.weights.catalogue_files import DISTANCES_TABLE, catalogue_files
from pullback.weights.source import WeightsSource, parse_source, parse_sources
from pullback.weights.table import Table, read_toml

# Of metrics, directions and walks, and what guides inversions.
DEFAULT_DISTANCE, INVERSION_DISTANCE, SOUND_DISTANCE = "lpips-alex", "lpips-vgg", "stft"
# Names outside the catalogue: LPIPS' uncalibrated form over any network of timm.
TIMM_FAMILY = "lpips-timm"
TIMM_FORM = f"{TIMM_FAMILY}:NETWORK[:SIDE][@FILE]"
_TIMM_NAME = re.compile(rf"{TIMM_FAMILY}:(?P<network>\w+(?:\.\w+)?)(?::(?P<side>[1-9]\d{{0,3}}))?(?:@(?P<file>.+))?")
# Of code of one's own, and what its distances may be called.
OWN_FAMILY = "python"
_OWN_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,120}[a-z0-9])?")
_INPUTS = ("images", "sounds")
# Every network of the catalogue has an output for images of the smallest side.
MIN_SIDE, MAX_SIDE = 32, 1024
_OWN_FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True)
class DistanceEntry:
    """What the catalogue says of a distance.

    Attributes:
        name: What `load` calls it.
        title: One line for people.
        family: Which class computes it.
        takes: What it compares: `images`, `sounds` or both.
        embedding: Whether it is the squared distance of embeddings, as `gram` and `sketch` need it.
        backbone: Which network of the family; empty where there is only one.
        source: Where the weights were published; None for a distance without weights.
        side: Height and width in pixels that images are resized to, as the name says it; 0 where the family decides.
        file: A weight file that the name itself gives, for `lpips-timm`; empty otherwise.
        resizable: Whether the name may say a side, as in `lpips-vgg@256`.
        preconditioner: Name of the distance whose eigenbasis and whose bank of starts serve inversions that this one
            guides; its own where the catalogue names none.
    """

    name: str
    title: str
    family: str
    takes: tuple[str, ...] = ("images",)
    embedding: bool = True
    backbone: str = ""
    source: WeightsSource | None = None
    side: int = 0
    file: str = ""
    resizable: bool = False
    preconditioner: str = ""

    def __post_init__(self) -> None:
        if not self.preconditioner:
            object.__setattr__(self, "preconditioner", self.name)

    @property
    def weights_hash(self) -> str:
        """SHA-256 of the published weight file, as far as it was published; empty for a distance without weights.

        Where the same weights were published in several files, that of the tensors themselves (`digest_of`). Empty also
        for a distance over a network of timm, whose weight file is known only when it is loaded.
        """
        return self.source.identity if self.source else ""


def catalogue() -> list[DistanceEntry]:
    """Every distance of the catalogue that can be used, the default first, those of one's own last."""
    return [*_entries(), *(one for one in _own_entries().values() if isinstance(one, DistanceEntry))]


@cache
def _entries() -> tuple[DistanceEntry, ...]:
    # A file of the package: it is read once in a process.
    return tuple(_parse_entry(name, table) for name, table in read_toml(_OWN_FILE).items())


def _own_entries() -> dict[str, DistanceEntry | CatalogueError]:
    """The distances of this user's catalogue file and of those that `$PULLBACK_CATALOGUE` lists, or why they are none.

    What is wrong with a file as a whole is told of its generators.
    """
    found: dict[str, DistanceEntry | CatalogueError] = {}
    for file in catalogue_files({}):
        try:
            tables = read_toml(file)
        except CatalogueError:
            continue
        if DISTANCES_TABLE in tables:
            for name, table in tables[DISTANCES_TABLE].tables_by_name().items():
                try:
                    found[name] = _parse_own(name, table)
                except CatalogueError as error:
                    found[name] = error
    return found


def _parse_own(name: str, table: Table) -> DistanceEntry:
    if any(name == known.name for known in _entries()) or not _OWN_NAME.fullmatch(name):
        raise CatalogueError(
            f"{table.where}: expected a name of lower-case letters, digits, '.', '_' and '-' that is none of the "
            f"package's own distances, for results say by name what they were computed with; got {name!r}"
        )
    found = _parse_entry(name, table)
    if found.family != OWN_FAMILY or found.source is None or found.source.kind != "code":
        raise table.error("family", f"expected {OWN_FAMILY!r}, with a source of kind code; got {found.family!r}")
    return found


def entry(name: str, *, only_catalogue: bool = False) -> DistanceEntry:
    """The distance of that name.

    Where the catalogue says `resizable`, the name may end with a side: `lpips-vgg@256` resizes images to 256 × 256 px
    before its network sees them. Such a name is that of another distance, with the same weights.

    A name outside the catalogue may have the form `lpips-timm:NETWORK[:SIDE][@FILE]`: LPIPS' uncalibrated form over a
    network of timm, such as `lpips-timm:resnet18.a1_in1k:96@/data/resnet18.safetensors`. Here only its form is
    checked; neither the network nor the file is looked for.

    Args:
        name: Name in the catalogue, or of that form.
        only_catalogue: Whether names of that form are unknown. They may name any file of this machine, so a process
            that answers strangers must not take them.

    Raises:
        UnknownNameError: There is none; the message lists the known ones.
        InvalidInputError: It says a side that cannot be used; the message says how to write one. Or its entry of a
            catalogue file cannot be used.
    """
    if not only_catalogue and (form := _TIMM_NAME.fullmatch(name)):
        return DistanceEntry(
            name=name.partition("@")[0],
            title=f"LPIPS' uncalibrated form over {form['network']} of timm",
            family=TIMM_FAMILY,
            backbone=form["network"],
            side=int(form["side"] or 0),
            file=form["file"] or "",
        )
    entries: dict[str, DistanceEntry | CatalogueError] = {known.name: known for known in _entries()}
    plain, at, side = name.partition("@")
    if plain not in entries:
        entries |= _own_entries()
    try:
        found = entries[plain]
        if isinstance(found, CatalogueError):
            raise found
        return _resizing(found, side) if at else found
    except KeyError:
        known = [*entries] if only_catalogue else [*entries, TIMM_FORM]
        raise UnknownNameError("distance", name, known) from None


def _resizing(found: DistanceEntry, side: str) -> DistanceEntry:
    """An entry whose name says a side, too."""
    if not found.resizable:
        able = ", ".join(each.name for each in catalogue() if each.resizable)
        raise InvalidInputError(
            f"distance {found.name!r} takes no side after @, but {found.name}@{side} came; leave it out, or take one "
            f"of {able}"
        )
    # A whole number as it is counted on: without signs, spaces, leading zeros, or digits of other scripts.
    if not re.fullmatch("[1-9][0-9]{0,5}", side) or not MIN_SIDE <= int(side) <= MAX_SIDE:
        raise InvalidInputError(
            f"distance {found.name!r} takes a side after @, a whole number of {MIN_SIDE} to {MAX_SIDE} px such as "
            f"{found.name}@256, but {side!r} came; without one it compares images at their own size"
        )
    return replace(
        found,
        name=f"{found.name}@{side}",
        title=f"{found.title}, of images resized to {side} px",
        side=int(side),
        preconditioner=f"{found.preconditioner}@{side}",
    )


def _parse_entry(name: str, table: Table) -> DistanceEntry:
    takes = table.strings("takes")
    if not takes or not set(takes) <= set(_INPUTS):
        raise table.error("takes", f"expected some of {', '.join(_INPUTS)}, got {list(takes)}")
    found = DistanceEntry(
        name=name,
        title=table.string("title", name),
        family=table.string("family"),
        takes=takes,
        embedding=table.boolean("embedding", default=True),
        backbone=table.string("backbone", ""),
        source=_parse_source(table),
        resizable=table.boolean("resizable", default=False),
        preconditioner=table.string("preconditioner", ""),
    )
    table.finish()
    return found


def _parse_source(table: Table) -> WeightsSource | None:
    if "sources" in table:
        return parse_sources(table)
    return parse_source(table.table("source")) if "source" in table else None
