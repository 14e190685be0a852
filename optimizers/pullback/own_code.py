"""Code of one's own: generators and distances that a catalogue names by their factory, or installed packages bring.

A factory is any callable without arguments: a class, or a function that also loads its weights. It is named as
`module:factory`, as `/path/of/file.py:factory`, or, for one that an installed package announces, by the name of its
entry point in the group `pullback.generators` or `pullback.distances`. Nothing is imported before it is loaded, and so
never in a server's own process.

Who computes with it has to know when it is another one: its identity is the SHA-256 of its tensors and of the file of
its factory's module, which a catalogue states and loading checks. What that module imports is not looked at.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from pullback.errors import OwnCodeError, PullbackError
from pullback.memory import is_context_lost, is_refusal
from pullback.weights.entry_points import entry_points_of
from pullback.weights.identity import digest_of


@dataclass(frozen=True)
class Made:
    """What a factory gave.

    Attributes:
        value: It.
        code_sha256: SHA-256 of the file of the factory's module, as it was when it was imported; hexadecimal.
        where: The factory, for messages.
    """

    value: Any
    code_sha256: str
    where: str

    def identity(self, module: nn.Module) -> str:
        """SHA-256 of the code and of the tensors of what it gave, hexadecimal."""
        tensors = {
            name: tensor.detach().cpu() for name, tensor in (*module.named_parameters(), *module.named_buffers())
        }
        return hashlib.sha256(f"{self.code_sha256} {digest_of(tensors)}".encode()).hexdigest()


def made_by(location: str, group: str, what: str) -> Made:
    """What a factory gives.

    Args:
        location: The factory.
        group: Group of entry points in which it is where it has no colon.
        what: Whose it is, for errors: `generator 'mine'`.

    Raises:
        OwnCodeError: There is no such factory, or its module or it itself failed.
    """
    place, _, name = (location if ":" in location else _announced(location, group, what)).rpartition(":")
    where = f"{place}:{name}"
    module, digest = told(what, where, lambda: _module(place, what))
    value: Any = module
    for part in name.split("."):
        if not hasattr(value, part):
            raise OwnCodeError(f"{what}: {place} has no {name!r}")
        value = getattr(value, part)
    # An object itself is no less than what makes one.
    is_factory = isinstance(value, type) or not hasattr(value, "named_parameters")
    return Made(told(what, where, value) if is_factory else value, digest, where)


def told(what: str, where: str, call: Callable[[], Any]) -> Any:
    """What a call into somebody's code gives; what it raises is told with entry, code and exception.

    Raises:
        OwnCodeError: It raised something; memory that was refused, a lost device and our own errors go on as they are.
    """
    try:
        return call()
    except PullbackError:
        raise
    except (Exception, SystemExit) as error:
        if is_refusal(error) or is_context_lost(error):
            raise
        raise OwnCodeError(f"{what}: {where} raised {type(error).__name__}: {error}") from error


def check_identity(made: Made, module: nn.Module, stated: str, what: str) -> None:
    """Checks that code and tensors are those of which a catalogue speaks.

    Raises:
        OwnCodeError: They are others; the message says what they are.
    """
    if (found := made.identity(module)) != stated:
        raise OwnCodeError(
            f"{what}: its code or its tensors are not those of the catalogue: {made.where} gives {found}, and sha256 = "
            f"{stated} is stated. Where that is meant, add it anew with --replace, or state what came; where each call "
            "gives other tensors, let the factory load them, or seed them"
        )


def _announced(name: str, group: str, what: str) -> str:
    found = {point.value for point in importlib.metadata.entry_points(group=group, name=name)}
    if len(found) != 1:
        known = ", ".join(entry_points_of(group)) or "none"
        problem = f"several packages bring {name!r}: {', '.join(sorted(found))}" if found else f"none brings {name!r}"
        raise OwnCodeError(
            f"{what}: of the installed packages' entry points {group!r} {problem}; known: {known}. Code is named as "
            "module:factory, or file.py:factory"
        )
    return found.pop().partition(" ")[0]


# Of modules that were imported here: SHA-256 of their files at that time.
_imported: dict[str, str] = {}


def _module(place: str, what: str) -> tuple[ModuleType, str]:
    if place.endswith(".py"):
        return _module_of_file(Path(place))
    module = importlib.import_module(place)
    file = getattr(module, "__file__", None)
    now = hashlib.sha256(Path(file).read_bytes() if file else place.encode()).hexdigest()
    if _imported.setdefault(place, now) != now:
        raise OwnCodeError(f"{what}: {file} has changed since this process imported it: restart the server")
    return module, now


def _module_of_file(path: Path) -> tuple[ModuleType, str]:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    # A changed file is another module: what is hashed is what runs.
    name = f"pullback_own_{digest[:16]}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module
        try:
            exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102  (the operator's, by their word)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name], digest
