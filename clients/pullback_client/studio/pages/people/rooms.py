"""Rooms of this studio: one for each session that is judged here, for as long as the process lives."""

from __future__ import annotations

from nicegui import app

from pullback_client.aio import AsyncEvolutionSession
from pullback_client.studio.people.room import Room

_MOST = 100  # one more, and the one that nobody sits in and that was used longest ago is forgotten


def room_of(session: AsyncEvolutionSession) -> Room:
    """The room of a session.

    Args:
        session: As the visitor reaches it, whose right to it the server has looked at.

    Raises:
        FailedPreconditionError: The session is not one for people.
    """
    rooms: dict[str, Room] = getattr(app.state, "rooms", None) or {}
    app.state.rooms = rooms
    room = rooms.pop(session.name, None) or Room(session.last_status)
    rooms[session.name] = room
    for name in [name for name, each in rooms.items() if not each.standing().present][: max(0, len(rooms) - _MOST)]:
        del rooms[name]
    return room
