"""Observer's page: images one after another, answered by keys; nothing else is on it."""

from __future__ import annotations

import html
import logging
import time
from typing import Any
from urllib.parse import quote

from nicegui import background_tasks, events, run, ui

from pullback_client.aio import AsyncEvolutionSession
from pullback_client.errors import (
    ClientError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    UnavailableError,
)
from pullback_client.studio.frame import RESPONSE_SECONDS, reconnect, say, visitor
from pullback_client.studio.pages.people.rooms import room_of
from pullback_client.studio.parts.pictures import source
from pullback_client.studio.people.design import Design, checked_observer
from pullback_client.studio.people.room import Room

_AHEAD = 3  # presentations that a browser has before it needs them
_PAUSE = 0.25  # seconds between two looks at what there is to show
_LOOK = 1.5  # seconds between two questions to the server while an observer waits
_LONG = 5.0  # seconds after which an observer is told that the server does not answer
_AWAY = "The server does not answer; your answers are kept. Trying again …"
_QUESTIONS = {"rate": "How well does it fit?", "choose": "Which one fits best?", "compare": "Which one fits better?"}
_log = logging.getLogger(__name__)

_SAYS = {
    "open": "The others are judging what is left of these images. Please wait.",
    "evolving": "The next images are being made. Please wait.",
    "paused": "The experimenter has paused the session. Please wait.",
}
_ENDS = {
    "finished": "That was the last image. Thank you!",
    "closed": "The session is over. Thank you!",
    "failed": "The session cannot go on. Please tell the experimenter.",
}


class Observer(ui.element, component="observer.js"):
    """What shows presentations and measures answers; see `observer.js`."""

    def __init__(self, design: Design, heading: str, store: str) -> None:
        super().__init__()
        self._props |= {
            "way": design.way,
            "heading": heading,
            "instructions": design.instructions,
            "question": design.question or _QUESTIONS[design.way],
            "fixation": design.fixation_ms,
            "stimulus": design.stimulus_ms,
            "blank": design.blank_ms,
            "store": store,
        }


@ui.page("/people/{session}/observe", response_timeout=RESPONSE_SECONDS)
async def observe(session: str, observer: str = "") -> None:
    """The page of one observer, who says a name first."""
    who = visitor()
    ui.page_title("Observe – Pullback studio")
    ui.add_head_html(
        '<link rel="stylesheet" href="/studio/studio.css"><link rel="stylesheet" href="/studio/people.css">'
    )
    ui.add_body_html('<script>document.body.classList.add("observing")</script>')
    reconnect()
    ui.on_exception(say)
    try:
        found = await who.client.get_session(session)
        room = room_of(found)
        name = checked_observer(observer) if observer else ""
        if name:
            Seat(room, found, name).begin()
            return
    except ClientError as error:
        _refuse(error, session)
        return
    _ask_name(room.design)


def _refuse(error: ClientError, session: str) -> None:
    with ui.element("main").classes("observer"), ui.element("div").classes("observer-card"):
        ui.html("<h1>Not now</h1>", sanitize=False)
        ui.label(str(error)).props('role="alert"')
        ui.link("Try again", f"/people/{quote(session)}/observe")


def _ask_name(design: Design) -> None:
    """A plain form: it works by keyboard, and the name stands in the address, where a reload finds it."""
    if design.observers:
        options = "".join(f"<option>{html.escape(name)}</option>" for name in design.observers)
        field = f'<select id="observer" name="observer" autofocus>{options}</select>'
    else:
        field = '<input id="observer" name="observer" maxlength="40" required autofocus autocomplete="off">'
    ui.html(
        '<main class="observer"><form class="observer-card observer-name"><h1>Who are you?</h1>'
        '<label for="observer">Your name, or the number that you were given</label>'
        f"{field}<button>Go to the images</button></form></main>",
        sanitize=False,
    )


class Seat:
    """One observer's page: gives it what is next, and its answers to the room.

    Args:
        room: The room.
        session: The session, as the visitor reaches it.
        name: The observer's.
    """

    def __init__(self, room: Room, session: AsyncEvolutionSession, name: str) -> None:
        self._room, self._session, self._name = room, session, name
        self._given: set[str] = set()
        self._begun = self._over = self._busy = False
        self._looked = self._since = 0.0
        title = session.last_status.title or "Judging images"
        self._view = Observer(room.design, title, f"pullback {session.name} {name}")
        self._seat = room.sit(name, self._ousted)

    def begin(self) -> None:
        """The observer comes in; goes when the page is gone."""
        client = ui.context.client
        client.on_delete(lambda: self._room.leave(self._name, self._seat))
        self._view.on("begin", self._pressed)
        self._view.on("answer", self._answered)
        ui.timer(_PAUSE, self._feed)

    def _pressed(self) -> None:
        self._begun = True

    def _ousted(self) -> None:
        self._over = True
        with self._view:
            self._view.run_method("end", f"{self._name} observes in another window. This one can be closed.")

    async def _feed(self) -> None:
        """Looks what there is to show, and sends it ahead of its time."""
        if self._over:
            return
        if self._busy:
            if time.monotonic() - self._since > _LONG:
                self._view.run_method("say", _AWAY)
            return
        self._busy, self._since = True, time.monotonic()
        try:
            waiting = await self._send()
            if waiting or self._looked == 0.0:
                await self._look(waiting)
        except (UnavailableError, DeadlineExceededError):
            self._view.run_method("say", _AWAY)
        except ClientError as error:  # such as that the session was deleted: it would be so again
            self._over = True
            self._view.run_method("end", str(error))
        finally:
            self._busy = False

    async def _send(self) -> bool:
        """Sends what is next; returns whether the observer has too little."""
        room = self._room
        taken = room.take(self._name, _AHEAD)
        for shown in taken:
            if shown.key not in self._given:
                images = [await self._image(name) for name in shown.images]
                self._given.add(shown.key)
                self._view.run_method("add", [{"key": shown.key, "images": images}])
        return len(taken) < _AHEAD

    async def _look(self, waiting: bool) -> None:
        if time.monotonic() - self._looked < _LOOK:
            return
        standing = await self._room.look(self._session)
        self._looked = time.monotonic()
        if standing.state in _ENDS:
            self._over = True
            self._view.run_method("end", _ENDS[standing.state])
        elif waiting:
            self._view.run_method("say", _SAYS[standing.state] if self._begun else "")

    async def _image(self, image_id: str) -> str:
        return str(await run.io_bound(source, await self._session.image(image_id)))

    async def _answered(self, event: events.GenericEventArguments) -> None:
        sent: dict[str, Any] = event.args if isinstance(event.args, dict) else {}
        try:
            await self._room.answer(self._session, self._name, sent)
        except (UnavailableError, DeadlineExceededError):
            return  # the browser keeps it, and sends it again
        except (InvalidArgumentError, FailedPreconditionError) as error:
            # Of no use whenever it is sent: the session is closed, or it is no answer.
            _log.warning("an answer of %r to %s was refused: %s", self._name, self._session.name, error)
            say(error)
        # Another error stays with the browser too, and is shown by the frame.
        self._view.run_method("acknowledge", sent.get("key"))
        background_tasks.create(self._feed(), name="feed an observer", context=self._view)
