"""Score function that a command line names."""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from pullback_client.errors import InvalidArgumentError
from pullback_client.search.loop import ScoreFunction
from pullback_client.search.results import ScoreInput

_FORMS = "--score must be module:function or file.py:function"


class ScoreFunctionError(Exception):
    """The score function raised something, which is the cause; the text says what, and where in its own file."""


def load(text: str) -> ScoreFunction:
    """The function of `module:function` or `folder/file.py:function`; whatever it raises is a ScoreFunctionError.

    Modules are looked for in the working directory too, and what a file imports, beside it, as when Python runs them.

    Raises:
        InvalidArgumentError: There is no such module, it cannot be imported, it has no such function, or the function
            cannot be called with an image alone.
    """
    if text.lower().endswith((".py", ".ipynb")):
        raise InvalidArgumentError(f"{_FORMS}, got {text!r}: name the function in it, such as {text}:score")
    # From the right: a Windows path has a colon of its own.
    where, _, name = text.rpartition(":")
    if not where or not name:
        raise InvalidArgumentError(f"{_FORMS}, got {text!r}")
    if where.lower().endswith(".ipynb"):
        raise InvalidArgumentError(
            f"--score: {where} is a notebook, and {_FORMS}. Write it as a file with `jupyter nbconvert --to script "
            f"{where}`, or call session.run({name}) within the notebook"
        )
    module = _of_file(Path(where)) if where.lower().endswith(".py") else _of_name(where)
    function = getattr(module, name, None)
    if not callable(function):
        raise InvalidArgumentError(f"--score: {where} has no function {name!r}{_instead_of(name, module)}")
    _check_arguments(function, text)
    file = getattr(module, "__file__", None)

    @functools.wraps(function)
    def score(image: Any) -> ScoreInput:
        try:
            value: ScoreInput = function(image)
        except (Exception, SystemExit) as error:
            # An exit would end the command without a word on where the session stands.
            raise ScoreFunctionError(_described(error, file)) from error
        return value

    return score


def _instead_of(name: str, module: ModuleType) -> str:
    """What there is instead of a function that there is not, for an error."""
    functions = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    own = [key for key in functions if getattr(getattr(module, key), "__module__", None) == module.__name__]
    close = difflib.get_close_matches(name, functions, n=1)
    return f"{f'; did you mean {close[0]!r}?' if close else ''}; known: {', '.join(own or functions) or 'none'}"


def _check_arguments(function: Callable[..., Any], text: str) -> None:
    if inspect.iscoroutinefunction(function):
        raise InvalidArgumentError(f"--score: {text} is an async function: name one that returns the score itself")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of what is not written in Python
        return
    try:
        signature.bind(None)
    except TypeError as error:
        raise InvalidArgumentError(
            f"--score: {text} takes {signature}, but is called with the image alone ({error}): give its other "
            "arguments defaults, or name a function of the image that calls it"
        ) from error


def _described(error: BaseException, file: str | None) -> str:
    """Type and message of an error, and the lines of a file through which it came."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is where it is caught
    # What looks for modules and loads them is nothing of the user's.
    frames = [frame for frame in frames if "importlib" not in frame.filename]
    # A function that the file has from elsewhere has no line in it.
    own = [frame for frame in frames if file is not None and Path(frame.filename) == Path(file)] or frames
    return "".join([*traceback.format_exception_only(type(error), error), *traceback.format_list(own)]).rstrip()


def _of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InvalidArgumentError(f"--score: no such file: {path}")
    # As when Python runs the file: what lies beside it can be imported, now and while it runs.
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # Under its own name, as the code expects that looks itself up, such as dataclasses; but in no other module's place.
    name = path.stem if path.stem not in sys.modules else f"{path.stem} of --score"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidArgumentError(f"--score: {path} is not Python code")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _cannot_be_imported(str(path), error, str(path)) from error
    return module


def _of_name(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name in _packages(name):
            raise InvalidArgumentError(f"--score: no module {name!r}, here or among the installed ones") from error
        # Or of something that the module itself imports.
        raise _cannot_be_imported(name, error, None) from error


def _packages(name: str) -> set[str]:
    """The module itself and the packages that it lies in."""
    parts = name.split(".")
    return {".".join(parts[: count + 1]) for count in range(len(parts))}


def _cannot_be_imported(what: str, error: BaseException, file: str | None) -> InvalidArgumentError:
    return InvalidArgumentError(f"--score: {what} cannot be imported: {_described(error, file)}")
