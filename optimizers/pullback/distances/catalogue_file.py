"""Which distances there are. Imports no torch, so that a server process can answer from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pullback.errors import UnknownNameError
from pullback.weights.source import WeightsSource, parse_source
from pullback.weights.table import Table, read_toml

DEFAULT_DISTANCE = "lpips-effnet-lite0"
_OWN_FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True)
class DistanceEntry:
    """What the catalogue says of a distance.

    Attributes:
        name: What `load` calls it.
        title: One line for people.
        family: Which class computes it.
        backbone: Which network of the family; empty where there is only one.
        source: Where the weights were published; None for a distance without weights.
    """

    name: str
    title: str
    family: str
    backbone: str = ""
    source: WeightsSource | None = None

    @property
    def weights_hash(self) -> str:
        """SHA-256 of the published weight file, as far as it was published; empty for a distance without weights."""
        return self.source.sha256 if self.source else ""


def catalogue() -> list[DistanceEntry]:
    """Every known distance, the default first."""
    return [_parse_entry(name, table) for name, table in read_toml(_OWN_FILE).items()]


def entry(name: str) -> DistanceEntry:
    """The distance of that name.

    Raises:
        UnknownNameError: There is none; the message lists the known ones.
    """
    entries = {known.name: known for known in catalogue()}
    try:
        return entries[name]
    except KeyError:
        raise UnknownNameError("distance", name, entries) from None


def _parse_entry(name: str, table: Table) -> DistanceEntry:
    found = DistanceEntry(
        name=name,
        title=table.string("title"),
        family=table.string("family"),
        backbone=table.string("backbone", ""),
        source=parse_source(table.table("source")) if "source" in table else None,
    )
    table.finish()
    return found
