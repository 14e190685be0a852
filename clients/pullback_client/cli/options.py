"""Options that several commands have, and what the command line itself says of options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeAlias

import typer

from pullback_client.client import DEFAULT_TARGET, TARGET_VARIABLE

Target: TypeAlias = Annotated[
    str, typer.Option("--target", envvar=TARGET_VARIABLE, help="Address of the server.", show_default=DEFAULT_TARGET)
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def given_options(context: typer.Context) -> set[str]:
    """Names of the parameters that the command line itself says something of."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def option_names(context: typer.Context, parameters: Iterable[str]) -> str:
    """The options of parameters as they are typed, for a message; arguments by their names."""
    known = {each.name: each.opts[0] for each in context.command.params}
    return ", ".join(known.get(name, name) for name in parameters)
