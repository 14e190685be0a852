"""Studies that a browser keeps: each answer is there from the moment it was given, whatever becomes of the studio."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict

from nicegui import ui

from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.parts.asking import confirmed
from pullback_client.studio.parts.tasks import start
from pullback_client.studio.study.responses import Study

_PREFIX = "pullback study "
_READ = f"""
return Object.entries(localStorage).filter(([name]) => name.startsWith({json.dumps(_PREFIX)})).map(([, kept]) => kept)
"""
# A browser that keeps nothing asks before the page is left.
_KEEP = """
try {{ localStorage.setItem({name}, {content}) }}
catch {{ window.onbeforeunload = (event) => event.preventDefault() }}
"""


def keep(study: Study) -> None:
    """Has the browser of this page keep a study, in the place of what it kept of the same one."""
    content = json.dumps(study.to_json().decode())
    ui.run_javascript(_KEEP.format(name=json.dumps(_name(study)), content=content))


async def kept() -> list[Study]:
    """The studies that the browser of this page keeps, by observer; those of another version are left alone."""
    await ui.context.client.connected()
    found = []
    for content in await ui.run_javascript(_READ):
        with suppress(InvalidArgumentError):
            found.append(Study.from_json(str(content).encode()))
    return sorted(found, key=lambda study: (study.observer, study.protocol.generator))


async def kept_of(study: Study) -> Study:
    """What the browser of this page keeps of a study; the study itself where it keeps nothing."""
    return next((each for each in await kept() if _name(each) == _name(study)), study)


class KeptStudies:
    """The list of them, with the ways to go on and to forget.

    Args:
        go: Goes on with one.
    """

    def __init__(self, go: Callable[[Study], Awaitable[None]]) -> None:
        self._go = go
        self._place = ui.element("div").classes("stack")
        start(self._draw(), name="studies of this browser", within=self._place)

    async def _draw(self) -> None:
        found = await kept()
        self._place.clear()
        with self._place:
            for study in found:
                self._draw_one(study)

    def _draw_one(self, study: Study) -> None:
        who = f"{study.observer}, {study.protocol.generator}"
        with ui.element("div").classes("flow line"):
            ui.label(f"{who}: {len(study.responses)} of {len(study.trials)} trials answered")
            ui.button("Go on", on_click=lambda: self._go(study)).props(f'flat dense no-caps aria-label="Go on: {who}"')
            forget = ui.button("Forget …", on_click=lambda: self._forget(study))
            forget.props(f'flat dense no-caps color=negative aria-label="Forget: {who}"')

    async def _forget(self, study: Study) -> None:
        question = "Have this browser forget these answers for good? Download them first where they are needed."
        if await confirmed(question, yes="Forget them", no="Keep them", harmful=True):
            ui.run_javascript(f"localStorage.removeItem({json.dumps(_name(study))})")
            await self._draw()


def _name(study: Study) -> str:
    """Of the study in the browser: the same protocol with the same observer is the same study."""
    whole = json.dumps([study.observer, asdict(study.protocol)], sort_keys=True)
    return _PREFIX + hashlib.sha256(whole.encode()).hexdigest()[:16]
