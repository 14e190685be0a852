"""Asking a visitor before something is done that cannot be undone."""

from __future__ import annotations

from nicegui import ui


async def confirmed(question: str, *, yes: str, no: str, harmful: bool = False) -> bool:
    """Whether the visitor wants it; one who closes the question does not.

    Args:
        question: What is asked, and what becomes of it.
        yes: The button that does it.
        no: The button that does not.
        harmful: Whether something is lost by it, which the colour of its button says.
    """
    with ui.dialog() as dialog, ui.card():
        ui.label(question)
        with ui.row().classes("flow"):
            do = ui.button(yes, on_click=lambda: dialog.submit(True)).props("no-caps unelevated")
            ui.button(no, on_click=lambda: dialog.submit(False)).props("no-caps flat")
    if harmful:
        do.props("color=negative")
    wanted = bool(await dialog)
    dialog.delete()
    return wanted
