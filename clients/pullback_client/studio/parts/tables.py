"""Tables as plain HTML, which scroll sideways within themselves on a narrow page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from nicegui import ui


def table(label: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> ui.html:
    """A table of texts.

    Args:
        label: What it shows, for those who do not see it.
        head: Names of the columns.
        rows: Of each row the cells.
    """
    top = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return ui.html(
        f'<div class="wide" tabindex="0" role="region" aria-label="{html.escape(label)}"><table class="plain">'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>",
        sanitize=False,
    )
