"""Entrance: a plain page, without scripts, that asks for a key; and the link with a code that a studio prints."""

from __future__ import annotations

import html
import re

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pullback_client.errors import ClientError, InvalidArgumentError, UnauthenticatedError
from pullback_client.studio.doors import ENTRANCE
from pullback_client.studio.visitors import Visitors, cookie_name

_LONGEST_FIELD = 2_000  # characters
# Pages alone, and none of another host: neither `//host` nor `/\\host`.
_PAGE_PATH = re.compile(r"/(?:explore|photograph|evolution|people|report)(?:[/?][\w/?=&.,;:%~+-]*)?")
_LEFT = "The studio does not know you any more: it was restarted, or you have left it in another tab. Come in again."
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Pullback studio</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="/studio/icon.svg"><link rel="stylesheet" href="/studio/entrance.css"></head>
<body><main><h1>Pullback studio</h1>
<p>{advice}</p>
<form method="post" action="/enter">
<label for="key">Key</label>
<input name="back" type="hidden" value="{back}">
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<button>Come in</button>
<p role="alert">{refusal}</p>
</form></main></body></html>"""
_WITH_CODE = (
    "Open the link that <code>pullback studio</code> printed where it was started, or give a key of the server, such "
    "as <code>pullback keys create</code> makes."
)
_WITHOUT_CODE = "Give your key of the server, such as its operator makes with <code>pullback keys create</code>."


class Entrance:
    """The page, and the way out.

    Args:
        visitors: Who comes in.
        secure: Whether the studio has TLS: then the cookie is never sent without.
    """

    def __init__(self, visitors: Visitors, *, secure: bool) -> None:
        self._visitors = visitors
        self._secure = secure

    def routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route(ENTRANCE, self._enter, methods=["GET", "POST"]),
            Route("/leave", self._leave, methods=["POST"]),
            # Asked by pages that have lost the studio, whether it still knows them: others are led to the entrance.
            Route("/here", _here, methods=["GET"]),
        ]

    async def _enter(self, request: Request) -> Response:
        if request.method == "GET":
            code = request.query_params.get("code")
            if code is None:
                back = _way_back(request.query_params.get("back", ""))
                return self._page(_LEFT if "back" in request.query_params else "", back=back)
            if (cookie := self._visitors.with_code(code)) is None:
                return self._page("That link is not of this studio as it runs now: take the one it printed last.", 403)
            return self._let_in(request, cookie)
        async with request.form(max_files=0, max_fields=2, max_part_size=_LONGEST_FIELD) as form:
            key = str(form.get("key", "")).strip()
            back = _way_back(str(form.get("back", "")))
        try:
            return self._let_in(request, await self._visitors.with_key(key), back)
        except (UnauthenticatedError, InvalidArgumentError):
            # Not what was sent: it may be a key with a slip.
            return self._page("The server does not take that key: it may be mistyped, expired or revoked.", 403, back)
        except ClientError as error:
            return self._page(str(error), 502, back)

    async def _leave(self, request: Request) -> Response:
        await self._visitors.leave(request.cookies.get(cookie_name(request), ""))
        response = RedirectResponse(ENTRANCE, 303)
        response.delete_cookie(cookie_name(request), secure=self._secure, httponly=True, samesite="strict")
        return response

    def _let_in(self, request: Request, cookie: str, back: str = "/") -> Response:
        response = RedirectResponse(back, 303)
        response.set_cookie(cookie_name(request), cookie, secure=self._secure, httponly=True, samesite="strict")
        return response

    def _page(self, refusal: str, status: int = 200, back: str = "/") -> Response:
        advice = _WITHOUT_CODE if self._visitors.code is None else _WITH_CODE
        page = _PAGE.format(advice=advice, refusal=html.escape(refusal), back=html.escape(back))
        return HTMLResponse(page, status)


async def _here(request: Request) -> Response:
    del request
    return Response(status_code=204)


def _way_back(path: str) -> str:
    """A page of the studio; its first one where that is none."""
    return path if _PAGE_PATH.fullmatch(path) and len(path) <= _LONGEST_FIELD else "/"
