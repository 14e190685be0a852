"""People: the sessions that observers judge, and the ways to a new one and to the study."""

from __future__ import annotations

import html

from nicegui import ui

from pullback_client.errors import FailedPreconditionError
from pullback_client.search.records import SessionStatus
from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.words import ago
from pullback_client.studio.people.design import Design
from pullback_client.wire.names import id_of

WAYS = {"rate": "Rate from 1 to 9", "choose": "Choose the best of several", "compare": "Choose the better of two"}
"""What observers do, in words."""


@ui.page("/people", response_timeout=RESPONSE_SECONDS)
def people() -> None:
    """The page."""
    with page("People", here="/people") as visitor:
        ui.add_head_html('<link rel="stylesheet" href="/studio/people.css">')
        with ui.element("div").classes("columns"):
            with section("Evolve images for people"):
                ui.label(
                    "Observers rate images or choose among them, by keys; their answers are the scores by which the "
                    "next generation is made."
                )
                ui.link("Set up a session", "/people/new").classes("way-on")
            with section("Study what axes look like"):
                ui.label(
                    "The perceptual study of Wang & Ponce (2021): do people see what the top axes of an eigenbasis do, "
                    "and the bottom ones? Five images a trial, six questions, and the table at the end."
                )
                ui.link("Set up a study", "/people/study").classes("way-on")
        with section("Sessions"):
            loaded(visitor.client.list_sessions, _draw, what="the sessions")


def _draw(found: list[SessionStatus]) -> None:
    rows = []
    for status in found:
        try:
            design = Design.from_notes(status.settings.get("notes", {}))
        except FailedPreconditionError:
            continue
        name = id_of(status.name)
        current = status.threads[0].current
        cells = (
            f'<a href="/people/{name}">{html.escape(status.title or name[:8])}</a>',
            WAYS[design.way],
            html.escape(status.generators[0]),
            "finished" if status.finished and status.state.value != "closed" else status.state.value,
            str(current.generation),
            ago(status.updated),
            f'<a href="/people/{name}/observe">Observe</a>',
        )
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    if not rows:
        ui.label("No session is scored by people yet.").classes("quiet")
        return
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Session", "Observers", "Generator", "State", "Generation", "Changed", "Take part")
    )
    ui.html(
        '<div class="wide" tabindex="0" role="region" aria-label="Sessions"><table class="plain">'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>",
        sanitize=False,
    )
