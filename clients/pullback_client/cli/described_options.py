"""Options of commands that the contract describes: their types, their help, their place in a signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

import typer

from pullback_api.options import Option, options_of
from pullback_client.cli import completion

CommandT = TypeVar("CommandT", bound=Callable[..., None])

# What the Tab key completes, besides words.
_COMPLETIONS: dict[str, Any] = {
    "space": completion.spaces,
    "distance": completion.distances,
    "eigenbasis": completion.eigenbases,
    "class_label": completion.classes,
}
# Made of values, they are no types to a checker.
_LITERAL: Any = Literal
_ANNOTATED: Any = Annotated
_IMPLIED = {"wav"}  # sounds have no other format, so nobody needs to say it
_TYPES: dict[str, Any] = {"whole": int, "number": float, "flag": bool, "text": str, "pair": tuple[float, float]}


def takes_options(
    *messages: Any,
    leave_out: Collection[str] = (),
    only: Collection[str] | None = None,
    said: Collection[str] = (),
    prefix: str = "",
) -> Callable[[CommandT], CommandT]:
    """Puts the options of messages into the place of a command's `**options`, before its other options.

    Args:
        *messages: Classes of the contract's messages.
        leave_out: Names of options that the command does not have, or takes in another form.
        only: Names of those that it has; None = all the others.
        said: Names of words whose default is said, not left out.
        prefix: What the command's names of them begin with, such as `mask_`.
    """

    def decorate(command: CommandT) -> CommandT:
        signature = inspect.signature(command, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
        positional = [each for each in own if each.kind is not each.KEYWORD_ONLY]
        named = [each for each in own if each.kind is each.KEYWORD_ONLY]
        described = [
            _parameter(replace(option, name=f"{prefix}{option.name}"), said=option.name in said)
            for option in _options(messages)
            if option.name not in leave_out and (only is None or option.name in only)
        ]
        signature = signature.replace(parameters=[*positional, *described, *named])
        command.__signature__ = signature  # type: ignore[attr-defined]
        return command

    return decorate


def _options(messages: tuple[Any, ...]) -> Iterator[Option]:
    for message in messages:
        yield from options_of(message.DESCRIPTOR).values()


def _parameter(option: Option, *, said: bool) -> inspect.Parameter:
    words = tuple(word for word in option.words if word not in _IMPLIED)
    kind = _LITERAL[words] if option.kind == "word" else _TYPES[option.kind]
    name = f"--{option.name.replace('_', '-')}"
    flags = []
    if option.kind == "flag":
        # Where a message does not tell that it was left out, there is nothing to take back.
        flags = [f"{name}/--no-{name.removeprefix('--')}" if option.has_presence else name]
    shown: Any = option.default or True
    default: Any = None
    if said:
        default, shown = option.default, True
    elif not option.has_presence and option.kind in ("whole", "flag"):
        default, shown = _TYPES[option.kind](), True
    described = typer.Option(
        *flags,
        help=option.help,
        min=_whole(option.bounds.minimum) if option.kind == "whole" else None,
        max=_whole(option.bounds.maximum) if option.kind == "whole" else None,
        metavar=_metavar(option),
        show_default=shown,
        autocompletion=_COMPLETIONS.get(option.name),
        rich_help_panel=option.group or None,
    )
    annotation = _ANNOTATED[kind if default is not None else kind | None, described]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _metavar(option: Option) -> str | None:
    """What help shows in the place of a value; None = the name of its type."""
    if option.kind == "whole":
        # Shorter than `<int range>`, beside which 80 columns are too few for the names of long options.
        return "<int>"
    return " ".join(part.name.upper() for part in option.parts) or None


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)
