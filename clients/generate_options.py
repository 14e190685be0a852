"""Generator of the options' types: what the contract says of them, as type checkers and MATLAB see it.

    python clients/generate_options.py [--check]

The words of enumerations become literals, the options of messages typed dictionaries, and the comments of fields their
documentation. `--check` writes nothing, and exits with 1 where a file differs.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generated_files import formatted, write_or_compare
from pullback_api.options import Option, options_of, words_of
from pullback_api.v1 import directions_pb2, search_pb2, specs_pb2

PYTHON = Path(__file__).with_name("pullback_client") / "wire" / "option_types.py"
HEADER = '''# Made by `python clients/generate_options.py` from the contract. Do not edit.
"""Types of options: the words and the settings of the contract, as type checkers see them."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict
'''

# Dictionary → what it holds, and the messages whose options those are.
DICTIONARIES: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "EigenbasisFields": (
        "Options of an eigenbasis that the contract carries as they are.",
        (specs_pb2.EigenbasisSpec,),
    ),
    "AnalysisFields": (
        "Options of an analysis that the contract carries as they are.",
        (specs_pb2.AnalysisSpec,),
    ),
    "DirectionsFields": (
        "Options of directions that the contract carries as they are.",
        (specs_pb2.DirectionsSpec,),
    ),
    "WalkFields": (
        "Options of a walk that the contract carries as they are.",
        (directions_pb2.TraverseRequest, directions_pb2.CurveSettings),
    ),
    "MaskFields": (
        "Options of a walk's mask that the contract carries as they are.",
        (directions_pb2.MaskSettings,),
    ),
    "InversionFields": (
        "Options of an inversion that the contract carries as they are.",
        (specs_pb2.InversionSettings,),
    ),
    "TuningFields": (
        "Options of a tuning that the contract carries as they are.",
        (specs_pb2.TuningSettings,),
    ),
    "ThreadFields": (
        "Options of one evolution that the contract carries as they are.",
        (search_pb2.SearchOptions, search_pb2.ThreadSpec, search_pb2.SearchConstraint),
    ),
    "SessionFields": (
        "Options of a session that the contract carries as they are.",
        (search_pb2.ScoreOptions, search_pb2.ImageOptions, search_pb2.SessionSpec),
    ),
}
# What Python takes in other forms than the contract has, and says itself.
OTHERWISE = frozenset(
    {
        ("EigenbasisSpec", "samples"),
        ("InversionSettings", "eigenbasis"),
        ("DirectionsSpec", "eigenbasis"),
        ("ThreadSpec", "eigenbasis"),
        ("SearchConstraint", "stay"),
        ("ImageOptions", "width"),
        ("ImageOptions", "height"),
    }
)

MATLAB = Path(__file__).with_name("matlab") / "+pullback" / "+internal" / "thread_options.m"
MATLAB_HEADER = """function names = thread_options()
%THREAD_OPTIONS  Names of the options of one evolution; see pullback.thread.

  % Made by `python clients/generate_options.py` from the contract. Do not edit.
"""
# Of an evolution, besides those of `ThreadFields`.
MATLABS_OWN = ("eigenbasis", "stay", "initial_latents", "channel_weights")

_TYPES = {"whole": "int", "number": "float", "flag": "bool", "text": "str", "pair": "tuple[float, float]"}
_WIDTH = 120


def python() -> str:
    """The module of typed dictionaries."""
    taken = {
        name: [
            (option, _comment(message, option))
            for message in messages
            for option in options_of(message.DESCRIPTOR).values()
            if (message.DESCRIPTOR.name, option.name) not in OTHERWISE
        ]
        for name, (_, messages) in DICTIONARIES.items()
    }
    enums = {
        option.enum.name: list(option.words)
        for fields in taken.values()
        for option, _ in fields
        if option.enum is not None
    }
    literals = [f"{name}: TypeAlias = Literal[{', '.join(map(repr, words))}]\n" for name, words in enums.items()]
    messages = [message for _, each in DICTIONARIES.values() for message in each]
    known = [field.enum_type for message in messages for field in message.DESCRIPTOR.fields if field.enum_type]
    words = {word.upper(): word for enum in known for word in words_of(enum)}
    classes = []
    for name, fields in taken.items():
        lines = "\n".join(f"    {option.name}: {_type(option)} | None\n{_text(said, words)}" for option, said in fields)
        classes.append(f'\n\nclass {name}(TypedDict, total=False):\n    """{DICTIONARIES[name][0]}"""\n\n{lines}\n')
    return formatted("".join([HEADER, "\n", *literals, *classes]), PYTHON)


def matlab() -> str:
    """The function that names the options of an evolution."""
    messages = DICTIONARIES["ThreadFields"][1]
    names = [
        name
        for message in messages
        for name in options_of(message.DESCRIPTOR)
        if (message.DESCRIPTOR.name, name) not in OTHERWISE
    ]
    listed = ", ".join(f"'{name}'" for name in (*names, *MATLABS_OWN))
    lines = textwrap.wrap(f"names = {{{listed}}};", _WIDTH - 4, initial_indent="  ", subsequent_indent="    ")
    return MATLAB_HEADER + " ...\n".join(lines) + "\nend\n"


def _type(option: Option) -> str:
    return option.enum.name if option.enum is not None else _TYPES[option.kind]


def _comment(message: Any, option: Option) -> str:
    """What the contract says of an option's field."""
    file = message.DESCRIPTOR.file.name
    contract = (Path(specs_pb2.__file__).parents[2] / file).read_text("utf-8")
    (block,) = re.findall(rf"^message {message.DESCRIPTOR.name} {{\n(.*?)^}}", contract, re.MULTILINE | re.DOTALL)
    (lines,) = re.findall(rf"((?:^  // .*\n)+)^  (?:optional )?[\w.]+ {option.field} = ", block, re.MULTILINE)
    return " ".join(line.removeprefix("  // ") for line in lines.splitlines())


def _text(said: str, words: Mapping[str, str]) -> str:
    """A comment of the contract as the documentation of a keyword."""
    said = re.sub(r"\b[A-Z][A-Z_\d]+\b", lambda found: f"`{words[found[0]]}`" if found[0] in words else found[0], said)
    said = re.sub(r"[;.] (?:[Ee]mpty|[Aa]bsent) = ", "; default ", said)
    return textwrap.fill(
        f'"""{said}"""', _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )


if __name__ == "__main__":
    write_or_compare([(PYTHON, python()), (MATLAB, matlab())])
