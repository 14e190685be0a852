"""Derivation of asynchronous classes from the synchronous ones: nothing is written twice, new methods appear alone.

What speaks with the server or the disk is awaited: every public method, and the properties that a class names as
fetched. What is known already (names, states, numbers) is read as ever.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from typing import Any, ClassVar, get_origin

from pullback_client.aio.callbacks import is_asynchronous, on_loop
from pullback_client.aio.calls import Calls
from pullback_client.resources.former_names import present_name, renamed

_PACKAGE = "pullback_client"
_SEQUENCE = ("__len__", "__getitem__", "__iter__", "__contains__")
_SEQUENCE_MIXINS = ("__reversed__", "index", "count")


class AsyncObject:
    """An object of the synchronous client as asyncio uses it.

    Subclasses name the class they stand for: `class AsyncJob(AsyncObject, of=Job)`.

    Args:
        inner: The object that it stands for.
        calls: The threads on which it is called.
    """

    fetched: ClassVar[tuple[str, ...]] = ()
    """Properties that ask the server: awaited."""
    ordered: ClassVar[tuple[str, ...]] = ()
    """Methods that reach the server in the order in which they are called, whatever tasks they are called from."""

    _derived: ClassVar[dict[type, type[AsyncObject]]] = {}

    def __init_subclass__(cls, of: type) -> None:
        AsyncObject._derived[of] = cls
        cls.__doc__ = cls.__doc__ or of.__doc__
        for name, member in members(of):
            if name not in vars(cls):
                setattr(cls, name, _derive(cls, name, member))
        if issubclass(of, Sequence):
            for name in _SEQUENCE:
                setattr(cls, name, _looked_at(name))
            for name in _SEQUENCE_MIXINS:
                setattr(cls, name, getattr(Sequence, name))
            Sequence.register(cls)
        elif hasattr(of, "__iter__"):
            cls.__aiter__ = _generator(of.__iter__)  # type: ignore[attr-defined]

    def __init__(self, inner: Any, calls: Calls) -> None:
        self._inner = inner
        self._calls = calls

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._inner!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncObject) and other._inner is self._inner

    def __hash__(self) -> int:
        return hash(id(self._inner))

    def __getattr__(self, name: str) -> Any:
        # What an instance holds and its class does not name.
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        return wrapped(getattr(self._inner, name), self._calls)


def members(of: type) -> list[tuple[str, Any]]:
    """The public methods and properties of a class of the client, its bases' too; not what makes it from messages."""
    found: dict[str, Any] = {}
    for base in reversed(of.__mro__):
        if base.__module__.startswith(_PACKAGE):
            found |= {name: member for name, member in vars(base).items() if not name.startswith("_")}
    kinds = (property, functools.cached_property)
    return [(name, member) for name, member in found.items() if inspect.isfunction(member) or isinstance(member, kinds)]


def is_iterating(function: Callable[..., Any]) -> bool:
    """Whether a function gives its results one by one."""
    annotation = function.__annotations__.get("return", "")
    # Annotations are texts, and names in them may be those of a type checker alone; none of these is an iterator.
    known = {**vars(inspect.getmodule(function)), "AnyStr": str}
    try:
        kind = eval(annotation, known) if isinstance(annotation, str) else annotation  # noqa: S307  (our own source)
    except NameError:
        return False
    return get_origin(kind) in (Iterator, Generator)


def wrapped(value: Any, calls: Calls) -> Any:
    """The value with objects of the synchronous client in it as asyncio uses them."""
    for of, derived in AsyncObject._derived.items():
        if isinstance(value, of):
            made = object.__new__(derived)
            AsyncObject.__init__(made, value, calls)
            return made
    if type(value) in (list, tuple):
        return type(value)(wrapped(each, calls) for each in value)
    return value


def unwrapped(value: Any) -> Any:
    """The value with the objects in it for which they stand, and coroutine functions as plain ones."""
    if isinstance(value, AsyncObject):
        return value._inner
    if is_asynchronous(value):
        return on_loop(value, asyncio.get_running_loop())
    if type(value) in (list, tuple):
        return type(value)(unwrapped(each) for each in value)
    if type(value) is dict:
        return {key: unwrapped(each) for key, each in value.items()}
    return value


def _derive(cls: type[AsyncObject], name: str, member: Any) -> Any:
    if not inspect.isfunction(member):
        return _awaited(name, member) if name in cls.fetched else _property(name, member)
    if (present := present_name(member)) is not None:
        # Of a class, members come after those of its bases, among which the method itself is.
        return renamed(name, getattr(cls, present))
    if is_iterating(member):
        return _generator(member)
    return _coroutine(member, ordered=name in cls.ordered)


def _coroutine(function: Callable[..., Any], *, ordered: bool) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(self: AsyncObject, *arguments: Any, **options: Any) -> Any:
        bound = _bound(function, self, arguments, options)
        if not ordered:
            return wrapped(await self._calls.run(bound), self._calls)
        async with self._calls.order(self._inner.name):
            return wrapped(await self._calls.run(bound), self._calls)

    return call


def _generator(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def iterate(self: AsyncObject, *arguments: Any, **options: Any) -> AsyncGenerator[Any, None]:
        bound = _bound(function, self, arguments, options)
        items = self._calls.iterate(lambda: iter(bound()))
        try:
            async for item in items:
                yield wrapped(item, self._calls)
        finally:
            await items.aclose()

    return iterate


def _bound(
    function: Callable[..., Any], self: AsyncObject, arguments: tuple[Any, ...], options: dict[str, Any]
) -> Callable[[], Any]:
    plain = {name: unwrapped(value) for name, value in options.items()}
    return functools.partial(function, self._inner, *map(unwrapped, arguments), **plain)


def _property(name: str, member: Any) -> property:
    return property(lambda self: wrapped(getattr(self._inner, name), self._calls), doc=member.__doc__)


def _awaited(name: str, member: Any) -> property:
    def fetch(self: AsyncObject) -> Any:
        async def get() -> Any:
            return wrapped(await self._calls.run(getattr, self._inner, name), self._calls)

        return get()

    return property(fetch, doc=member.__doc__)


def _looked_at(name: str) -> Callable[..., Any]:
    def look(self: AsyncObject, *arguments: Any) -> Any:
        found = getattr(self._inner, name)(*map(unwrapped, arguments))
        if name == "__iter__":
            return (wrapped(each, self._calls) for each in found)
        return wrapped(found, self._calls)

    return look
