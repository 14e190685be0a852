"""What messages tell people to type exists: options of commands, commands, Python's names, calls of the contract."""

from __future__ import annotations

import ast
import functools
import importlib
import pkgutil
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import typer

import pullback
import pullback_client
import pullback_server
from pullback_api.v1 import (
    directions_pb2,
    generators_pb2,
    inversion_pb2,
    jobs_pb2,
    search_pb2,
    specs_pb2,
    values_pb2,
)
from pullback_client import Client
from pullback_client.cli.main import app
from pullback_client.resources.former_names import present_name
from pullback_server.__main__ import _parser
from pullback_server.contract import DESCRIPTORS

ROOT: Any = typer.main.get_command(app)
# Not one whose name an f-string completes.
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![a-z-]*X)")
COMMAND = re.compile(r"`pullback ([^`]+)`")
CLIENT = re.compile(r"(?<![\w.])Client\.(\w+)")
LIBRARY = re.compile(r"(?<![\w.])pullback\.([a-z]+(?:\.\w+)+)")
CALL = re.compile(r"(?<![\w.])(?:([A-Z][a-z]+)\.)?((?:List|Compute|Import|Create|Get)[A-Z]\w+)")
SERVICES = {service.name: [method.name for method in service.methods] for service in DESCRIPTORS}
# Of pip, which fetches weights, of Jupyter, which writes notebooks as files, and of PostgreSQL's createdb.
OTHERS = {
    *("--to", "--no-deps", "--only-binary", "--no-binary", "--no-input", "--disable-pip-version-check", "--quiet"),
    *("--dest", "--hash", "--require-hashes", "--requirement", "--encoding"),
}


def commands(command: Any = ROOT, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], set[str]]:
    """The options of every command, by the words that name it."""
    found = {path: {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}}
    for name, inner in getattr(command, "commands", {}).items():
        found |= commands(inner, (*path, name))
    return found


COMMANDS = commands()
SERVER = {option for action in _parser()._actions for option in action.option_strings}


def modules() -> list[Path]:
    """Every module of library, server and client."""
    return sorted(
        Path(folder, *name.split(".")[1:]).with_suffix(".py")
        for package in (pullback, pullback_server, pullback_client)
        for folder in package.__path__
        for _, name, is_package in pkgutil.walk_packages([folder], f"{package.__name__}.")
        if not is_package
    )


def texts(module: Path) -> Iterator[str]:
    """The texts of a module but its docstrings; what an f-string puts in stands as `X`."""
    nodes = list(ast.walk(ast.parse(module.read_text("utf-8"))))
    bodies = [node.body for node in nodes if isinstance(getattr(node, "body", None), list)]
    docstrings = {id(each.value) for body in bodies for each in body if isinstance(each, ast.Expr)}
    inner = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (docstrings | inner):
            yield node.value


@functools.cache
def messages() -> list[tuple[Path, str]]:
    """All texts, with their modules: read by the process that runs these tests, not by each that collects them."""
    return [(module, text) for module in modules() for text in texts(module)]


def test_texts_are_found_whole() -> None:
    assert len(modules()) > 300
    assert any("FIT_CENTER_CROP, center_crop=True, --center-crop" in text for _, text in messages())
    assert any("`pullback jobs watch X`" in text for _, text in messages())
    assert not any("Arguments as for `iter_render`" in text for _, text in messages())


def test_every_option_that_is_named_is_one() -> None:
    known = set().union(*COMMANDS.values(), SERVER, OTHERS)
    named = [
        (module.name, option)
        for module, text in messages()
        if "training" not in module.parts
        for option in OPTION.findall(text)
    ]
    wrong = [(module, option) for module, option in named if option not in known]
    assert wrong == []


def test_what_a_command_says_of_its_options_it_has() -> None:
    wrong = []
    for module, text in messages():
        path = (module.stem,)
        if module.parent.name != "cli" or path not in COMMANDS:
            continue
        # Of a group and its commands together.
        beside = {"sessions": "export"}.get(module.stem)
        own = set().union(*(options for name, options in COMMANDS.items() if name[:1] in (path, (beside,))), SERVER)
        # What is said of another command is checked below.
        wrong += [(module.name, option) for option in OPTION.findall(COMMAND.sub("", text)) if option not in own]
    assert wrong == []


def test_every_command_that_is_named_is_one_and_has_the_options_that_are_named_with_it() -> None:
    found = 0
    for module, text in messages():
        for line in COMMAND.findall(text):
            words = line.split()
            path = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
            assert path in COMMANDS, (module.name, line)
            assert set(OPTION.findall(line)) <= COMMANDS[path], (module.name, line)
            found += 1
    assert found > 5


def test_every_method_of_the_client_that_is_named_is_one() -> None:
    named = {(module.name, name) for module, text in messages() for name in CLIENT.findall(text)}
    assert {name for _, name in named} >= {"invert", "compute_eigenbasis", "list_eigenbases"}
    assert [(module, name) for module, name in named if not hasattr(Client, name)] == []
    assert [(module, name) for module, name in named if present_name(getattr(Client, name))] == []


def test_every_name_of_the_library_that_is_named_is_there() -> None:
    for module, text in messages():
        if module.is_relative_to(Path(pullback.__path__[0])) or "pullback_server" in module.parts:
            for name in LIBRARY.findall(text):
                *path, last = ["pullback", *name.split(".")]
                if last == "X":
                    continue
                if path != ["pullback"] or last in {"geometry", "inversion", "directions", "search"}:
                    found = importlib.import_module(".".join(path))
                    if not hasattr(found, last):
                        importlib.import_module(".".join([*path, last]))


def test_every_call_of_the_contract_that_the_server_names_is_one() -> None:
    named = {
        (service, call)
        for module, text in messages()
        if "pullback_server" in module.parts and " " in text
        for service, call in CALL.findall(text)
    }
    assert ("Geometry", "ComputeEigenbasis") in named
    for service, call in named:
        assert call in (SERVICES[service] if service else chain(*SERVICES.values())), (service, call)


@pytest.mark.parametrize("command", ["invert", "edit", "traverse"])
def test_wherever_a_photograph_is_taken_its_options_are(command: str) -> None:
    options = COMMANDS[(command,)]
    assert options >= {"--center-crop", "--ignore", "--class", "--align", "--align-scale", "--align-shift"}
    assert options & {"--mask", "--photo-mask"}
    assert options >= {"--method", "--steps", "--restarts"}


def test_no_message_names_a_value_of_an_enumeration_as_the_contract_alone_does() -> None:
    """People type `full_backprop`; where the contract's name helps someone, the word stands beside it."""
    values = {
        name
        for module in (directions_pb2, generators_pb2, inversion_pb2, jobs_pb2, search_pb2, specs_pb2, values_pb2)
        for enum in module.DESCRIPTOR.enum_types_by_name.values()
        for name in enum.values_by_name
    }
    assert "FIT_CENTER_CROP" in values
    wrong = [
        (module.name, text)
        for module, text in messages()
        if " " in text
        for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text)
        if name in values and name not in {"FIT_CENTER_CROP", "FIT_CONVERT"}
    ]
    assert wrong == []
