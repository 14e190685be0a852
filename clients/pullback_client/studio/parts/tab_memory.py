"""Memory of a browser's tab: it survives a reload of the page and a restart of the studio, and goes with the tab."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from nicegui import ui

from pullback_client.errors import DeadlineExceededError
from pullback_client.studio.exploring.newest import Newest
from pullback_client.studio.visitors import Visitor

_PATIENCE = 30.0  # seconds for an answer of the browser


class TabMemory:
    """A value that the tab of the page keeps for a visitor under a name. Other visitors in it see nothing of that.

    Args:
        visitor: Whose it is.
        name: Its name; one for each use.
    """

    def __init__(self, visitor: Visitor, name: str) -> None:
        self._page = ui.context.client
        self._key = json.dumps(f"pullback {visitor.id} {name}")
        self._newest: Newest[Any] = Newest(self._keep, None)

    async def read(self) -> Any:
        """The value, of JSON; None where there is none. What a browser holds is to be checked like any other input.

        Raises:
            DeadlineExceededError: The browser did not answer.
        """
        text = await self._ask(f"sessionStorage.getItem({self._key})")
        try:
            return None if text is None else json.loads(text)
        except ValueError:
            return None

    async def write(self, value: Any) -> bool:
        """Keeps a value, of JSON, in the place of what was kept; whether the browser had room for it.

        Raises:
            DeadlineExceededError: The browser did not answer.
        """
        write = f"sessionStorage.setItem({self._key}, {json.dumps(json.dumps(value))})"
        return bool(await self._ask(f"(() => {{ try {{ {write}; return true; }} catch {{ return false; }} }})()"))

    def keep(self, value: Any) -> None:
        """Keeps a value, of JSON, soon, and of several the last; where the browser has no room, the page goes on."""
        self._newest.ask(value)

    async def _keep(self, value: Any) -> None:
        with suppress(DeadlineExceededError):
            await self.write(value)

    async def _ask(self, code: str) -> Any:
        try:
            return await self._page.run_javascript(code, timeout=_PATIENCE)
        except TimeoutError as error:
            raise DeadlineExceededError("the browser did not say what it keeps: load the page again") from error
