"""Former names of methods: they work for one version more, and say what a method is called now."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

Method = TypeVar("Method", bound=Callable[..., Any])


def renamed(former: str, method: Method) -> Method:
    """A method under the name that it had before, with a warning at every call.

    The warning is a FutureWarning, not a DeprecationWarning, which Python shows of scripts alone: laboratories keep
    their calls in modules of their own, and the next version takes them away.

    Args:
        former: The name that it had.
        method: The method under its present name, by which it is called.
    """
    present = method.__name__

    @functools.wraps(method)
    def call(self: Any, *arguments: Any, **options: Any) -> Any:
        kind = type(self).__name__
        line = f"{kind}.{former} is now called {kind}.{present}; the former name goes with the next version"
        warnings.warn(line, FutureWarning, stacklevel=2)
        return getattr(self, present)(*arguments, **options)

    call.__name__, call.__qualname__ = former, f"{method.__qualname__.rpartition('.')[0]}.{former}"
    call.__doc__ = f"Former name of `{present}`."
    call.present_name = present  # type: ignore[attr-defined]
    return cast(Method, call)


def present_name(method: Callable[..., Any]) -> str | None:
    """The present name of a method that has been renamed; None where `method` is no former name."""
    name: str | None = getattr(method, "present_name", None)
    return name
