"""Report: the papers' tables and figures for a generator, computed on demand and shown in the page."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nicegui import ui

from pullback_client.analysis.result import Analysis, AnalysisInfo
from pullback_client.catalogue import Generator
from pullback_client.report.metric import write_report
from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.parts.jobs import Following
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.zipped import zipped
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_LOSES = "What was being computed goes on, and is in the list when it has ended."


@ui.page("/report", response_timeout=RESPONSE_SECONDS)
def report() -> None:
    """The page that asks of which generator."""
    with page("Report", here="/report") as visitor, section("Of which generator?"):
        loaded(visitor.client.list_generators, _draw_choice, what="the generators")


@ui.page("/report/{generator}", response_timeout=RESPONSE_SECONDS)
def report_of(generator: str) -> None:
    """The page of one.

    Args:
        generator: Its name.
    """
    with page(f"Report of {generator}", here="/report", loses=_LOSES) as visitor:
        shown = Report(visitor)
        loaded(lambda: visitor.client.get_generator(generator), shown.draw, what="the generator")


def _draw_choice(generators: Sequence[Generator]) -> None:
    with ui.element("div").classes("stack"):
        for generator in generators:
            with ui.element("div").classes("flow line"):
                ui.link(generator.name, f"/report/{generator.name}")
                ui.label(generator.title).classes("quiet")


class Report:
    """Analyses of a generator, and the report of one of them.

    Args:
        visitor: Whose page it is.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._generator: Generator

    def draw(self, generator: Generator) -> None:
        """Draws the page."""
        self._generator = generator
        with section("Analyses"):
            self._listed = loaded(
                lambda: self._visitor.client.list_analyses(generator.name), self._draw_list, what="the analyses"
            )
            if self._visitor.may_change:
                with ui.element("div").classes("flow"):
                    spaces = list(generator.spaces)
                    self._space = ui.select(spaces, value=spaces[0], label="Space").props("dense outlined")
                    self._space.classes("choice")
                    self._begin = ui.button("Compute", on_click=self._compute).props("no-caps")
                ui.label("Minutes on a small generator; it goes on when this page is closed.").classes("quiet")
                self._progress = ui.element("div")
        self._place = ui.element("div").classes("stack")

    def _draw_list(self, found: Sequence[AnalysisInfo]) -> None:
        if not found:
            ui.label("None yet.").classes("quiet")
        for info in found:
            with ui.element("div").classes("flow line"):
                name = f"{info.space}, {info.distance}"
                ui.label(name)
                ui.label(f"{info.created.astimezone():%Y-%m-%d %H:%M}").classes("quiet")
                show = ui.button("Show", on_click=lambda info=info: self._fetch(info.name)).props("flat dense no-caps")
                show.props(f'aria-label="Show the report of {name}, {id_of(info.name)[:8]}"')

    async def _compute(self) -> None:
        self._begin.disable()
        try:
            with self._progress:
                following = Following("Analysis")
            job = await self._visitor.client.submit_analysis(self._generator.name, space=self._space.value)
            analysis: Analysis = await following.result(job)
        finally:
            self._progress.clear()
            self._begin.enable()
        self._listed()
        await self._show(analysis)

    async def _fetch(self, name: str) -> None:
        await self._show(await self._visitor.client.get_analysis(name))

    async def _show(self, analysis: Analysis) -> None:
        """Draws the report with Matplotlib on a thread, and shows its page in a frame that runs nothing."""
        self._place.clear()
        with self._place:
            ui.label("Drawing the report …").classes("quiet").props('role="status"')
        html, files = await asyncio.to_thread(_written, analysis)
        self._place.clear()
        with self._place, section(f"Space {analysis.space}, {analysis.distance}"):
            name = f"report-{analysis.generator}-{analysis.space}.zip"
            ui.button("Download", on_click=lambda: ui.download(files, name)).props("outline dense no-caps")
            frame = ui.element("iframe").classes("report").props('sandbox="" title="Report"')
            frame.props["srcdoc"] = html


def _written(analysis: Analysis) -> tuple[str, bytes]:
    """The report's page, and all of its files as one."""
    with tempfile.TemporaryDirectory() as folder:
        write_report(analysis, Path(folder))
        return (Path(folder) / "report.html").read_text("utf-8"), zipped(Path(folder))
