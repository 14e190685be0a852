"""Exploring as its parts see the whole page: what they change, and have shown anew."""

from __future__ import annotations

from typing import Protocol

from pullback_client.studio.exploring.state import State
from pullback_client.studio.exploring.view import View
from pullback_client.studio.parts.kept_fields import KeptFields
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.codec import Array


class Exploring(Protocol):
    """The page.

    Attributes:
        visitor: Who explores.
        state: What is explored.
        fields: What the tab keeps of fields that are in no address.
    """

    visitor: Visitor
    state: State
    fields: KeptFields

    def redraw(self) -> None:
        """Shows everything anew, as after another start or another set."""

    def change(self, view: View) -> None:
        """Takes another view of the same start and set, and shows it."""

    def shown(self) -> range:
        """The axes under sliders."""

    def move(self, chosen: str, index: int, step: float) -> None:
        """Moves to a step along an axis of a set."""

    async def take(self, view: View) -> None:
        """Starts from where a view says, and shows it."""

    async def take_up(self, space: str, latent: Array) -> None:
        """Starts from a latent, and shows it."""
