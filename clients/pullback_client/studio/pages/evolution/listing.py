"""List of sessions: searched, sorted and paged in the browser, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import events, ui

from pullback_client.search.records import SessionStatus
from pullback_client.studio.parts.words import best_of, short
from pullback_client.wire.names import id_of

_COLUMNS = (
    ("title", "Title"),
    ("state", "State"),
    ("generators", "Generators"),
    ("generations", "Generations"),
    ("trials", "Trials told"),
    ("best", "Best scores"),
    ("updated", "Last written"),
)
_A_PAGE = 25


def draw_listing(found: Sequence[SessionStatus]) -> None:
    """Draws the list; a press or Enter on a line opens the session."""
    if not found:
        ui.label("None yet: `pullback evolve`, a client, a bridge or People begin one.").classes("quiet")
        return
    with ui.element("div").classes("flow"):
        search = ui.input("Search").props('dense outlined clearable type="search"')
        ui.label(f"{len(found)} session{'' if len(found) == 1 else 's'}").classes("quiet")
    columns = [
        {"name": name, "label": label, "field": name, "sortable": True, "align": "left"} for name, label in _COLUMNS
    ]
    table = ui.table(columns=columns, rows=[_row(each) for each in found], row_key="id", pagination=_A_PAGE)
    table.props("flat dense wrap-cells").classes("whole")
    # A link, so that it has the keyboard and opens in another tab too.
    table.add_slot(
        "body-cell-title",
        '<q-td :props="props"><a :href="`/evolution/${props.row.id}`">{{ props.row.title }}</a></q-td>',
    )
    search.on_value_change(lambda event: _filter(table, event))


def _filter(table: ui.table, event: events.ValueChangeEventArguments[str | None]) -> None:
    table.set_filter(event.value or "")


def _row(status: SessionStatus) -> dict[str, Any]:
    return {
        "id": id_of(status.name),
        "title": status.title or short(status.name),
        "state": "finished" if status.finished and status.state.value == "active" else status.state.value,
        "generators": ", ".join(dict.fromkeys(status.generators)),
        "generations": max((thread.generations for thread in status.threads), default=0),
        "trials": status.trials,
        "best": best_of(status),
        "updated": status.updated.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
    }
