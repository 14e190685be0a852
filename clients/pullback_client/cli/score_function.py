"""The score function that a command line names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from pullback_client.errors import InvalidArgumentError
from pullback_client.search.running import ScoreFunction


def load(text: str) -> ScoreFunction:
    """The function of `module:function` or `folder/file.py:function`.

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
    score: ScoreFunction = function
    return score


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
