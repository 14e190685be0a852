"""The score function that a command line names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from PIL import Image

from pullback_client.errors import InvalidArgumentError
from pullback_client.search.results import ScoreInput
from pullback_client.search.running import ScoreFunction


class ScoreFunctionError(Exception):
    """The score function raised something, which is the cause; the text says what, and where in its own file."""


def load(text: str) -> ScoreFunction:
    """The function of `module:function` or `folder/file.py:function`; whatever it raises is a ScoreFunctionError.

    Modules are looked for in the working directory too.

    Raises:
        InvalidArgumentError: There is no such module, or no such function in it.
    """
    # From the right: a Windows path has a colon of its own.
    where, _, name = text.rpartition(":")
    if not where or not name:
        raise InvalidArgumentError(f"--score must be module:function or file.py:function, got {text!r}")
    module = _of_file(Path(where)) if where.lower().endswith(".py") else _of_name(where)
    function = getattr(module, name, None)
    if not callable(function):
        known = ", ".join(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise InvalidArgumentError(f"--score: {where} has no function {name!r}; known: {known or 'none'}")

    def score(image: Image.Image) -> ScoreInput:
        try:
            value: ScoreInput = function(image)
        except Exception as error:
            raise ScoreFunctionError(_described(error, module.__file__)) from error
        return value

    return score


def _described(error: Exception, file: str | None) -> str:
    """Type and message of an error, and the lines of a file through which it came."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is where it is caught
    # A function that the file has from elsewhere has no line in it.
    own = [frame for frame in frames if file is not None and Path(frame.filename) == Path(file)] or frames
    return "".join([*traceback.format_exception_only(type(error), error), *traceback.format_list(own)]).rstrip()


def _of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InvalidArgumentError(f"--score: no such file: {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InvalidArgumentError(f"--score: {path} is not Python code")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # as the code expects that looks itself up, such as dataclasses
    spec.loader.exec_module(module)
    return module


def _of_name(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0] and error.name != name:
            raise  # of something that the module itself imports
        raise InvalidArgumentError(f"--score: no module {name!r}, here or among the installed ones") from error
