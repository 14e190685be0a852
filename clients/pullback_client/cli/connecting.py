"""Options of TLS, which every command has that speaks to a server: they are put into its signature here."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pullback_client.wire.tls import CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE, SYSTEM

_PANEL = "TLS"
_ANNOTATED: Any = Annotated
_OPTIONS = {
    "ca": (CA_VARIABLE, f"Certificate of the authority of a server with TLS, or `{SYSTEM}`."),
    "cert": (CERT_VARIABLE, "Certificate of your own, where the server asks for one."),
    "key": (KEY_VARIABLE, "Private key of that."),
}


def with_tls(app: typer.Typer) -> None:
    """Gives the options to every command, in groups too, that has the server's address."""
    for group in app.registered_groups:
        if group.typer_instance is not None:
            with_tls(group.typer_instance)
    commands: list[Any] = [*app.registered_commands]
    commands += [] if app.registered_callback is None else [app.registered_callback]
    for each in commands:
        if each.callback is not None and "target" in inspect.signature(each.callback).parameters:
            each.callback = _connecting(each.callback)


def _connecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the options, of which the client hears by its variables."""

    @functools.wraps(command)
    def connecting(*args: Any, **kwargs: Any) -> Any:
        given = {variable: kwargs.pop(f"tls_{name}") for name, (variable, _) in _OPTIONS.items()}
        with _environment(given):
            return command(*args, **kwargs)

    signature = inspect.signature(command, eval_str=True)
    more = [
        inspect.Parameter(
            f"tls_{name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_ANNOTATED[
                str | None,
                typer.Option(f"--{name}", envvar=variable, metavar="FILE", help=text, rich_help_panel=_PANEL),
            ],
        )
        for name, (variable, text) in _OPTIONS.items()
    ]
    connecting.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *more]
    )
    return connecting


@contextmanager
def _environment(given: dict[str, str | None]) -> Iterator[None]:
    before = {variable: os.environ.get(variable) for variable in given}
    os.environ.update({variable: value for variable, value in given.items() if value is not None})
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
