"""Where exploring starts: a seed, an own latent, an inversion."""

from __future__ import annotations

import secrets
from dataclasses import replace

from nicegui import ui

from pullback_client.studio.exploring.view import View
from pullback_client.studio.pages.explore.exploring import Exploring

_SEEDS = 1_000_000  # among which chance chooses


class Starting:
    """The controls of the start, where they are made.

    Args:
        explorer: The page.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        with ui.element("div").classes("flow explore-start"):
            self._space = (
                ui.select(list(explorer.state.generator.spaces), label="Space", on_change=self._spaced)
                .props("dense outlined options-dense")
                .classes("explore-space")
            )
            self._space.set_visibility(len(explorer.state.generator.spaces) > 1)
            self._seed = (
                ui.number("Seed", min=0, precision=0, format="%d")
                .props("dense outlined")
                .classes("explore-seed")
                .on("change", self._seeded)
                .on("keydown.enter", self._seeded)
            )
            ui.button("Another", on_click=self._another).props("outline dense no-caps")
        self._from = ui.label("").classes("quiet")

    def show(self) -> None:
        """Shows the start as it is."""
        view = self._explorer.state.view
        self._seed.value = None if view.latent or view.inversion else view.seed
        self._space.value = self._explorer.state.start.space
        said = "Starts from an own latent." if view.latent else ""
        if view.inversion:
            said = f"Starts from inversion {view.inversion}, photograph {view.target}."
        self._from.set_text(said)
        self._from.set_visibility(bool(said))

    async def _seeded(self) -> None:
        view = self._explorer.state.view
        if self._seed.value is None or (int(self._seed.value) == view.seed and not view.latent and not view.inversion):
            return
        await self.take(replace(_unowned(view), seed=int(self._seed.value)))

    async def _another(self) -> None:
        await self.take(replace(_unowned(self._explorer.state.view), seed=secrets.randbelow(_SEEDS)))

    async def _spaced(self) -> None:
        state = self._explorer.state
        if self._space.value != state.start.space:
            await self.take(replace(_unowned(state.view), space=str(self._space.value)))

    async def take(self, view: View) -> None:
        """Starts from where a view says, and shows it."""
        try:
            await self._explorer.state.start_at(view)
        finally:
            # Where that failed, the controls say again what is shown.
            self._explorer.redraw()


def _unowned(view: View) -> View:
    """The view with a draw as its start."""
    return replace(view, latent="", inversion="", target=0)
