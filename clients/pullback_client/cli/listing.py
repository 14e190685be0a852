"""Lists of resources: whole in a file, a pipe or a wide window, and what an operator needs in eighty columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from rich.measure import Measurement
from rich.table import Column, Table

from pullback_client.cli.console import out, show
from pullback_client.text.quantities import duration
from pullback_client.wire.names import id_of

_LEAST_ID = 8


@dataclass(frozen=True)
class Listing:
    """A list in its two forms, each of headers and rows of texts.

    Attributes:
        headers: Of the whole form.
        rows: Its rows, the oldest first, so that the newest stands above the prompt.
        brief_headers: Of the form for a narrow window.
        brief_rows: Its rows, in the same order.
        kept: Headers of the brief form's columns that are not broken over lines, as others are where there is no room.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    brief_headers: Sequence[str]
    brief_rows: Sequence[Sequence[str]]
    kept: Collection[str]

    def show(self) -> None:
        """Prints the whole form, or in a terminal that is too narrow for it the brief one."""
        whole = Table(*self.headers)
        for row in self.rows:
            whole.add_row(*row)
        if not out.is_terminal or Measurement.get(out, out.options.update(width=10_000), whole).maximum <= out.width:
            show(whole)
            return
        columns = [Column(header, no_wrap=header in self.kept) for header in self.brief_headers]
        brief = Table(*columns, box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for row in self.brief_rows:
            brief.add_row(*row)
        show(brief)


def short_ids(names: Sequence[str]) -> list[str]:
    """Of each resource name the id, or as much of a long one as commands need to find it among these."""
    ids = [id_of(name) for name in names]
    return [_shortened(each, ids) for each in ids]


def age(time: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits: `40 s`, `7 min`, `3 h`, `12 d`."""
    return duration(((now or datetime.now(timezone.utc)) - time).total_seconds())


def _shortened(name: str, ids: Sequence[str]) -> str:
    for length in range(_LEAST_ID, len(name)):
        if sum(each.startswith(name[:length]) for each in ids) == 1:
            return name[:length]
    return name
