"""Results of the perceptual study: its table, and its files."""

from __future__ import annotations

import html
import math

from nicegui import ui

from pullback_client.studio.frame import section
from pullback_client.studio.study.responses import Study, responses_csv
from pullback_client.studio.study.table import MEASURES, Mean, Row, make_table

_NAMES = {"top": "top axes", "orthogonal": "orthogonal", "bottom": "bottom axes"}
_HEADS = {
    "magnitude": "Magnitude (%)",
    "consistency": "Consistency (1–9)",
    "difficulty": "Difficulty (1–9)",
    "shared": "Images that share it",
}


class Results:
    """The table of some studies; more can be added.

    Args:
        studies: The first of them.
    """

    def __init__(self, studies: list[Study] | None = None) -> None:
        self._studies = studies or []
        self._place = ui.element("div")
        self._draw()

    async def added(self, _: str, content: bytes) -> None:
        """A file was given."""
        self._studies.append(Study.from_json(content))
        self._draw()

    def _draw(self) -> None:
        self._place.clear()
        if not self._studies:
            return
        with self._place, section(_title(self._studies)):
            ui.html(table_html(make_table(self._studies)), sanitize=False)
            ui.label(
                "Means ± standard error, over the responses in which a change was seen; p of Student's two-sample "
                "t-test against the top axes, two-sided."
            ).classes("quiet")
            with ui.row().classes("flow"):
                ui.button("Responses (CSV)", on_click=self._csv).props("outline no-caps")
                if len(self._studies) == 1:
                    ui.button("Study (JSON)", on_click=self._json).props("outline no-caps")

    def _csv(self) -> None:
        ui.download.content(responses_csv(self._studies), "study-responses.csv", "text/csv")

    def _json(self) -> None:
        study = self._studies[0]
        ui.download.content(
            study.to_json(), f"study-{study.protocol.generator}-{study.observer}.json", "application/json"
        )


def table_html(rows: list[Row]) -> str:
    """The table as HTML."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Axes", "Responses", "Change seen", *_HEADS.values()))
    body = "".join(
        f'<tr><th scope="row">{_NAMES[row.group]}</th><td>{row.responses}</td><td>{_share(row.seen)}</td>'
        + "".join(f"<td>{_mean(row.means[name])}</td>" for name in MEASURES)
        + "</tr>"
        for row in rows
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Table of the study">'
        f'<table class="plain number people-plain"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _title(studies: list[Study]) -> str:
    names = ", ".join(dict.fromkeys(study.observer for study in studies))
    return f"What {names} saw" if len(studies) == 1 else f"{len(studies)} studies: {names}"


def _share(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def _mean(mean: Mean) -> str:
    if not mean.responses:
        return "–"
    error = "" if math.isnan(mean.error) else f" ± {mean.error:.2f}"
    p = "" if math.isnan(mean.p) else f"p = {mean.p:.2g}, "
    return html.escape(f"{mean.value:.2f}{error} ") + f'<span class="quiet">({p}n = {mean.responses})</span>'
