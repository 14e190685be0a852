"""Start of exploring: a seed, an own latent, an inversion."""

from __future__ import annotations

import secrets
from dataclasses import replace

from nicegui import run, ui

from pullback_client.studio.exploring.own_latents import read_file, read_text
from pullback_client.studio.exploring.view import View
from pullback_client.studio.pages.explore.exploring import Exploring
from pullback_client.studio.parts.files import FileChoice
from pullback_client.wire.codec import Array

_MOST_BYTES = 16 * 2**20  # of a file with a latent
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
        with ui.expansion("Own latent").props("dense switch-toggle-side").classes("explore-own"):
            FileChoice(
                "Choose the file of a latent",
                self._uploaded,
                accept=".npy,.npz",
                hint=".npy, or .npz with “latent”",
                most=_MOST_BYTES,
            )
            self._text = ui.textarea("Or its numbers").props("dense outlined rows=3")
            ui.button("Start from these", on_click=self._pasted).props("outline dense no-caps")

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
        await self._explorer.take(replace(_unowned(view), seed=int(self._seed.value)))

    async def _another(self) -> None:
        await self._explorer.take(replace(_unowned(self._explorer.state.view), seed=secrets.randbelow(_SEEDS)))

    async def _spaced(self) -> None:
        state = self._explorer.state
        if self._space.value != state.start.space:
            await self._explorer.take(replace(_unowned(state.view), space=str(self._space.value)))

    async def _uploaded(self, name: str, content: bytes) -> None:
        await self._owned(await run.io_bound(read_file, name, content))

    async def _pasted(self) -> None:
        await self._owned(read_text(str(self._text.value or "")))

    async def _owned(self, latent: Array | None) -> None:
        if latent is None:  # the studio is stopping
            return
        await self._explorer.take_up(self._explorer.state.view.space, latent)
        self._text.value = ""


def _unowned(view: View) -> View:
    """The view with a draw as its start."""
    return replace(view, latent="", inversion="", target=0)
