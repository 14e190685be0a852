"""One generator under sliders: the parts of the page, and what each change redraws."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote

from nicegui import ui

from pullback_client.studio.exploring.axes import AxisSet
from pullback_client.studio.exploring.state import State
from pullback_client.studio.exploring.strips import place_file
from pullback_client.studio.exploring.view import KEPT, LONGEST_LATENT, View, encoded
from pullback_client.studio.frame import section
from pullback_client.studio.pages.explore.layering import Layering
from pullback_client.studio.pages.explore.naming import Naming
from pullback_client.studio.pages.explore.pinning import Pinning
from pullback_client.studio.pages.explore.spectrum import Spectrum
from pullback_client.studio.pages.explore.starting import Starting
from pullback_client.studio.pages.explore.steering import Steering
from pullback_client.studio.pages.explore.strips import Strips
from pullback_client.studio.pages.explore.viewer import Viewer
from pullback_client.studio.parts.bank import Bank, Row
from pullback_client.studio.parts.kept_fields import KeptFields
from pullback_client.studio.parts.tab_memory import TabMemory
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.codec import Array

_ADDRESS_SECONDS = 0.4  # after which a change stands in the address


class Explorer:
    """The page.

    Args:
        visitor: Who explores.
        state: What is explored.
        fields: What the tab keeps of fields that are in no address.
    """

    def __init__(self, visitor: Visitor, state: State, fields: KeptFields) -> None:
        self.visitor, self.state, self.fields = visitor, state, fields
        self._long = _long_latent(visitor)

    @classmethod
    async def load(cls, visitor: Visitor, generator: str, query: Iterable[tuple[str, str]]) -> Explorer:
        """The page of an address; see `State.load`. A latent that is too long for one comes from the browser's tab."""
        said, lost = list(query), False
        for place, (name, text) in enumerate(said):
            if name == "latent" and text.startswith(KEPT):
                kept = await _long_latent(visitor).read()
                found = View(latent=kept) if isinstance(kept, str) else View()
                lost = f"{KEPT}{found.digest}" != text
                said[place] = (name, found.latent)
        if lost:
            said = [(name, text) for name, text in said if name not in ("latent", "steps")]
        state = await State.load(visitor.client, generator, said)
        if lost:
            state.faults.append(
                f"The latent of this address has more than {LONGEST_LATENT:,} coordinates. Only the tab where it was "
                "shown last keeps it: download it there, and give the file here, as “Own latent”."
            )
        return cls(visitor, state, await KeptFields.load(visitor, f"explore fields {state.generator.name}"))

    def build(self) -> None:
        """Makes the parts, where it is called."""
        with ui.element("div").classes("explore"):
            with ui.element("section").classes("explore-view").props('aria-label="Image"'):
                self.viewer = Viewer(self.state.client, self.state.generator.name)
                self._said = ui.label("").classes("quiet number")
                self.starting = Starting(self)
                with ui.element("div").classes("flow"):
                    ui.button("Pin", on_click=self._pin).props("dense no-caps").props('aria-label="Pin this image"')
                    ui.label("Download").classes("quiet")
                    for suffix in (".png", ".npy", ".npz"):
                        self._download(suffix)
            with section("Axes").classes("explore-hand"):
                self.steering = Steering(self)
                self.layering = Layering(self)
                self.bank = Bank(self._moved, self._strip)
            with section("Spectrum").classes("explore-spectrum") as self._beside:
                self.spectrum = Spectrum(self._picked)
                self.naming = Naming(self)
        self.strips = Strips(self)
        self.pinning = Pinning(self)
        self._address = ui.timer(_ADDRESS_SECONDS, self._tell_address, active=False)
        for fault in self.state.faults:
            ui.notify(fault, type="warning", multi_line=True, close_button="Close", timeout=0, classes="told")
        self.state.faults.clear()
        self.redraw()

    def redraw(self) -> None:
        """Shows everything anew, as after another start or another set."""
        state = self.state
        self.starting.show()
        self.steering.show()
        self.layering.show()
        self._beside.set_visibility(state.axes is not None)
        self.strips.whole.set_visibility(state.axes is not None)
        if (axes := state.axes) is None:
            self.bank.show([], state.view.reach)
        else:
            shown = self.shown()
            self.bank.show([self._row(axes, index) for index in shown], state.view.reach)
            self.spectrum.show(axes, shown.start, len(shown))
        self.show()

    def show(self, moves: int = 0) -> None:
        """Shows the image of where the sliders are.

        Args:
            moves: How many moves of the hand had led there.
        """
        count = self.state.view.moved
        said = f"moved along {count} {'axis' if count == 1 else 'axes'}" if count else "as it starts"
        self.viewer.show(self.state.place, f"Image of {self.state.generator.title}, {said}", moves)
        self._said.set_text(said)
        self._address.activate()

    def change(self, view: View) -> None:
        """Takes another view of the same start and set, and shows it."""
        self.state.view = view
        self.redraw()

    def shown(self) -> range:
        """The axes under sliders."""
        view, count = self.state.view, 0 if self.state.axes is None else len(self.state.axes)
        return range(min(view.first, count), min(view.first + view.count, count))

    async def take(self, view: View) -> None:
        """Starts from where a view says, and shows it."""
        try:
            await self.state.start_at(view)
        finally:
            # Where that failed, the controls say again what is shown.
            self.redraw()

    async def take_up(self, space: str, latent: Array) -> None:
        """Starts from a latent, and shows it."""
        await self.take(replace(self.state.view, space=space, latent=encoded(latent), inversion="", target=0, steps={}))

    def move(self, chosen: str, index: int, step: float) -> None:
        """Moves to a step along an axis of a set."""
        self.change(self.state.view.at(chosen, index, step))

    def _row(self, axes: AxisSet, index: int) -> Row:
        return Row.of(axes[index], self.state.view.steps.get(axes.id, {}).get(index, 0.0))

    def _moved(self, index: int, step: float, moves: int) -> None:
        self.state.view = self.state.view.at(self.state.view.along, index, step)
        self.naming.hold(index)
        self.show(moves)

    async def _pin(self) -> None:
        await self.pinning.pin()

    def _download(self, suffix: str) -> None:
        async def send() -> None:
            state = self.state
            content = await state.client.call(place_file, state.generator.name, state.place, suffix)
            ui.download.content(content, f"{state.generator.name}{suffix}")

        button = ui.button(suffix, on_click=send).props("flat dense no-caps")
        button.props(f'aria-label="Download {"image" if suffix == ".png" else "latent"} {suffix}"')

    async def _strip(self, index: int) -> None:
        await self.strips.one(index)

    def _picked(self, index: int) -> None:
        if (axes := self.state.axes) is not None:
            first = min(max(index - self.state.view.count // 2, 0), max(len(axes) - self.state.view.count, 0))
            self.change(replace(self.state.view, first=first))

    async def _tell_address(self) -> None:
        self._address.deactivate()
        if (view := self.state.view).is_long:
            await self._long.write(view.latent)
        query = self.state.view.query()
        ui.navigate.history.replace(f"/explore/{quote(self.state.generator.name)}{f'?{query}' if query else ''}")


def _long_latent(visitor: Visitor) -> TabMemory:
    """Where the tab keeps the latent that it explores, where no address holds it."""
    return TabMemory(visitor, "explore latent")
