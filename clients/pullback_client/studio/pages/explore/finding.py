"""Finding axes: an eigenbasis, or directions of a method; a job with a bar, whose axes then are under the sliders."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from pullback_client.aio import AsyncJob
from pullback_client.directions.options import LOCAL_METHODS
from pullback_client.eigenbasis.basis import EigenbasisInfo
from pullback_client.studio.exploring.axes import METHODS, set_id
from pullback_client.studio.pages.explore.exploring import Exploring
from pullback_client.studio.parts.jobs import Following

_EIGENBASIS = "eigenbasis"
_CHOICES = {_EIGENBASIS: "Eigen-axes", **{word: title for word, title in METHODS.items() if word != "imported"}}
# Which of the fields a method takes; of a field that is left empty the server has a default.
_FIELDS = {
    "count": {*METHODS},
    "samples": {_EIGENBASIS, "ganspace_pca", "ganspace_ica", "dp_lase"},
    "distance": {_EIGENBASIS, "local_hessian"},
    "layer": {"ganspace_pca", "ganspace_ica"},
    "seed": {_EIGENBASIS, "jacobian", "ganspace_pca", "ganspace_ica", "dp_lase"},
}


class Finding:
    """The controls, where they are made.

    Args:
        explorer: The page.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        with (
            ui.expansion("Find other axes").props("dense switch-toggle-side").classes("explore-finding") as self._whole
        ):
            self._none = ui.label(
                "No axes are known for this space yet. Eigen-axes are the directions along which images change most: "
                "computing them takes minutes, once."
            )
            with ui.element("div").classes("flow"):
                self._method = ui.select(_CHOICES, value=_EIGENBASIS, label="Method", on_change=self._fit)
                self._method.props("dense outlined options-dense").classes("explore-method")
                self._count = _number("How many", 1)
                self._samples = _number("Samples", 1)
                self._seed = _number("Seed", 0)
                self._layer = ui.input("Layer").props("dense outlined").classes("explore-number")
                self._distance = ui.select({"": "the usual"}, value="", label="Image distance")
                self._distance.props("dense outlined options-dense").classes("explore-method")
                self._find = ui.button("Find", on_click=self._found).props("dense no-caps")
            self._where = ui.label("").classes("quiet")
        explorer.fields.keep("find method", self._method)
        explorer.fields.keep("find count", self._count)
        explorer.fields.keep("find samples", self._samples)
        explorer.fields.keep("find seed", self._seed)
        explorer.fields.keep("find layer", self._layer)
        self._whole.on_value_change(self._opened)
        self._fit()

    def show(self) -> None:
        """Shows whether there is anything else to choose from."""
        missing = self._explorer.state.axes is None
        self._none.set_visibility(missing)
        self._whole.set_text("Find axes" if missing else "Find other axes")
        if missing:
            self._whole.open()
        self._fit()

    async def _opened(self) -> None:
        if self._whole.value and len(self._distance.options) == 1:
            known = await self._explorer.state.client.list_distances()
            self._distance.set_options({"": "the usual", **{each.name: each.name for each in known}}, value="")
            self._explorer.fields.keep("find distance", self._distance)

    def _fit(self) -> None:
        """Shows the fields that the method takes."""
        method, state = str(self._method.value), self._explorer.state
        for name, field in {
            "count": self._count,
            "samples": self._samples,
            "seed": self._seed,
            "layer": self._layer,
            "distance": self._distance,
        }.items():
            field.set_visibility(method in _FIELDS[name])
        local = "at the image that is shown" if method in LOCAL_METHODS else "for the whole space"
        self._where.set_text(f"In {self._space(method)}, {local}. A field that is left empty has its usual value.")
        self._where.set_visibility(bool(state.generator.spaces))

    def _space(self, method: str) -> str:
        # Of z, the directions of w into which they are mapped.
        return "z" if method == "local_basis" else self._explorer.state.start.space

    async def _found(self) -> None:
        state = self._explorer.state
        self._find.disable()
        try:
            method = str(self._method.value)
            job = await self._submitted(method)
            with self._whole:
                following = Following(_CHOICES[method])
            result = await following.result(job)
            await state.refresh()
            found = set_id(result)
            if found in state.offered():
                await state.choose(found)
            else:
                ui.notify(f"These axes lie in {result.space}: choose that space to move along them.", type="info")
        finally:
            self._find.enable()
            self._explorer.redraw()

    async def _submitted(self, method: str) -> AsyncJob[Any]:
        state = self._explorer.state
        asked: dict[str, Any] = {
            "samples": _whole(self._samples),
            "seed": _whole(self._seed),
            "distance": self._distance.value or None,
            "k": _whole(self._count),
            "layer": self._layer.value or None,
        }
        names = {"count": "k"}
        taken = {names.get(name, name) for name, methods in _FIELDS.items() if method in methods}
        options = {name: value for name, value in asked.items() if name in taken and value is not None}
        space = self._space(method)
        if method == _EIGENBASIS:
            return await state.client.submit_eigenbasis(state.generator.name, space=space, **options)
        if method in LOCAL_METHODS and (place := state.place).space == space:
            options["latent"] = place.latent
        measured = "w" if method == "local_basis" else space
        by = next((e for e in state.infos.values() if isinstance(e, EigenbasisInfo) and e.space == measured), None)
        options |= {"eigenbasis": None if by is None else by.name, "method": method}
        return await state.client.submit_directions(state.generator.name, space=space, **options)


def _number(label: str, least: int) -> ui.number:
    return ui.number(label, min=least, precision=0, format="%d").props("dense outlined").classes("explore-number")


def _whole(field: ui.number) -> int | None:
    return None if field.value is None else int(field.value)
