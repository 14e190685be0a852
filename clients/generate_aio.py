"""Generator of `pullback_client/aio/classes.pyi`: the asynchronous classes, as type checkers see them.

    python clients/generate_aio.py [--check]

They are derived from the synchronous classes when they are imported, which type checkers cannot follow; this writes
down what comes of it. `--check` writes nothing, and exits with 1 where the file differs.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from generated_files import formatted, write_or_compare
from pullback_client.aio import classes
from pullback_client.aio.derivation import AsyncObject, is_iterating, members
from pullback_client.resources.former_names import present_name

STUB = Path(classes.__file__).with_suffix(".pyi")
HEADER = "# Made by `python clients/generate_aio.py` from the synchronous classes. Do not edit.\n"
_ITERATORS = {("collections.abc", "Iterator"), ("collections.abc", "Generator")}


class Module:
    """A module's source: its classes, aliases and imports.

    Args:
        name: Of the module.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.tree = ast.parse(inspect.getsource(importlib.import_module(name)))
        self.lines = inspect.getsource(importlib.import_module(name)).splitlines()
        self.imports: dict[str, tuple[str, str]] = {}
        self.aliases: dict[str, ast.expr] = {}
        self.defined: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.imports |= {each.asname or each.name: (node.module, each.name) for each in node.names}
            elif isinstance(node, ast.Import):
                self.imports |= {each.asname or each.name: (each.name, "") for each in node.names}
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef):
                self.defined.add(node.name)
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                if isinstance(target, ast.Name) and node.value is not None:
                    self.defined.add(target.id)
                    self.aliases[target.id] = node.value

    def class_called(self, name: str) -> ast.ClassDef:
        """The definition of a class."""
        return next(node for node in self.tree.body if isinstance(node, ast.ClassDef) and node.name == name)

    def find(self, name: str) -> tuple[Module, ast.expr] | None:
        """The alias of a name of the client, and the module that defines it; None where it is none."""
        if name in self.aliases:
            return self, self.aliases[name]
        if name in self.imports and self.imports[name][0].startswith("pullback_client"):
            module, original = self.imports[name]
            found = importlib.import_module(module)
            return None if isinstance(getattr(found, original, None), ModuleType) else module_of(module).find(original)
        return None

    def submodule(self, name: str) -> Module | None:
        """The module of the client that a name stands for; None where it is none."""
        module, original = self.imports.get(name, ("", ""))
        if module.startswith("pullback_client"):
            found = getattr(importlib.import_module(module), original, None)
            if isinstance(found, ModuleType):
                return module_of(found.__name__)
        return None


@functools.cache
def module_of(name: str) -> Module:
    """The module of that name."""
    return Module(name)


class Types(ast.NodeTransformer):
    """Turns the types of a synchronous signature into those of the asynchronous one, and notes what they need.

    Args:
        module: In which the annotation stands.
        imports: Where names come from; added to.
        taken: Whether the type is that of a parameter, whose callbacks may be coroutine functions.
    """

    def __init__(self, module: Module, imports: dict[str, str], *, taken: bool) -> None:
        self.module = module
        self.imports = imports
        self.taken = taken

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """A type in quotation marks."""
        if isinstance(node.value, str):
            return self.visit(ast.parse(node.value, mode="eval").body)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name: of a class that has an asynchronous form, of an alias that holds one, or any other."""
        if node.id in ASYNC_NAMES:
            return ast.Name(ASYNC_NAMES[node.id])
        found = self.module.find(node.id)
        if found is not None and _changes(*found):
            module, value = found
            return Types(module, self.imports, taken=self.taken).visit(_copy(value))
        if node.id in self.module.imports:
            module, original = self.module.imports[node.id]
            # An iterator becomes an asynchronous one.
            if (module, original) not in _ITERATORS:
                self._import(node.id, f"from {module} import {original}" if original else f"import {module}", original)
        elif node.id in self.module.defined:
            self._import(node.id, f"from {self.module.name} import {node.id}", node.id)
        return node

    def _import(self, name: str, line: str, original: str) -> None:
        line = line if name in (original, line.removeprefix("import ")) else f"{line} as {name}"
        if self.imports.setdefault(name, line) != line:
            raise SystemExit(f"two things are called {name}: {self.imports[name]!r} and {line!r}")

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A name in a module of the client, or any other."""
        if isinstance(node.value, ast.Name) and (module := self.module.submodule(node.value.id)) is not None:
            return Types(module, self.imports, taken=self.taken).visit(ast.Name(node.attr))
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A generic type; what a callback returns may be awaited."""
        # What is quoted as a literal is no type.
        if isinstance(node.value, ast.Name) and node.value.id == "Literal":
            self.visit(node.value)
            return node
        changed = self.generic_visit(node)
        # Those of the client's own functions are called as they are.
        if self.taken and ast.unparse(node.value) == "Callable" and isinstance(changed.slice, ast.Tuple):
            given, result = changed.slice.elts
            self.imports["Awaitable"] = "from collections.abc import Awaitable"
            either = ast.BinOp(ast.Subscript(ast.Name("Awaitable"), result), ast.BitOr(), result)
            changed.slice = ast.Tuple([given, either])
        return changed


ASYNC_NAMES = {of.__name__: derived.__name__ for of, derived in AsyncObject._derived.items()}


def _copy(node: Any) -> Any:
    return ast.parse(ast.unparse(node), mode="eval").body


def _changes(module: Module, value: ast.expr) -> bool:
    """Whether an alias holds what has another asynchronous form."""
    value = _copy(value)
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        value = ast.parse(value.value, mode="eval").body
    for node in ast.walk(value):
        if isinstance(node, ast.Name):
            if node.id in ASYNC_NAMES or node.id == "Callable" or module.imports.get(node.id) in _ITERATORS:
                return True
            found = module.find(node.id)
            if found is not None and found[1] is not value and _changes(*found):
                return True
    return False


def stub() -> str:
    """The text of the file."""
    imports: dict[str, str] = {}
    bodies = [
        _class(of, derived, imports)
        for of, derived in AsyncObject._derived.items()
        if derived.__module__ == classes.__name__
    ]
    for name in ASYNC_NAMES.values():
        imports.pop(name, None)
    text = "\n".join([HEADER, *sorted(set(imports.values())), "", *bodies])
    return formatted(text, STUB, "--select", "I,UP,F401")


def _class(of: type, derived: type[AsyncObject], imports: dict[str, str]) -> str:
    own = module_of(classes.__name__)
    written = [node for node in own.class_called(derived.__name__).body if not isinstance(node, ast.Expr | ast.Assign)]
    lines = [_signature(node, own, imports, awaited=None) for node in written]
    renamings: list[str] = []
    names = {name for name, _ in members(of)} - {node.name for node in written}
    sequence = _sequence(of)
    names |= {"__len__", "__getitem__"} if sequence else {"__iter__"}
    for base in of.__mro__:
        if base.__module__.startswith("pullback_client"):
            module = module_of(base.__module__)
            tree = module.class_called(base.__name__)
            # Of what is overloaded, the definition itself is not for callers.
            overloaded = {node.name for node in tree.body if _decorated(node, "overload")}
            for node in tree.body:
                if isinstance(node, ast.AnnAssign):
                    lines += _field(node, module, imports)
                elif isinstance(node, ast.Assign) and (former := ast.unparse(node.targets[0])) in names:
                    # A former name of a method, which `renamed` made.
                    renamings.append(f"    {former} = {present_name(getattr(of, former))}")
                elif not isinstance(node, ast.FunctionDef):
                    continue
                elif node.name == "__init__" and not written:
                    lines += _attributes(node, module, names, imports)
                elif node.name in names and (node.name not in overloaded or _decorated(node, "overload")):
                    lines.append(_derived(node, module, of, derived, imports))
            names -= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    parent = ""
    if sequence:
        imports["Sequence"] = "from collections.abc import Sequence"
        parent = f"(Sequence[{ast.unparse(Types(module_of(of.__module__), imports, taken=False).visit(sequence))}])"
    elif generic := getattr(of, "__parameters__", ()):
        imports["Generic"] = "from typing import Generic"
        parent = f"(Generic[{generic[0].__name__}])"
    return f"class {derived.__name__}{parent}:\n" + "\n".join(lines + renamings) + "\n"


def _field(node: ast.AnnAssign, module: Module, imports: dict[str, str]) -> list[str]:
    """What a dataclass holds."""
    if not isinstance(node.target, ast.Name) or node.target.id.startswith("_"):
        return []
    kind = ast.unparse(Types(module, imports, taken=False).visit(_copy(node.annotation)))
    return [f"    @property\n    def {node.target.id}(self) -> {kind}: ..."]


def _sequence(of: type) -> ast.expr | None:
    """The kind of items of a class that is a sequence; None of any other."""
    for base in module_of(of.__module__).class_called(of.__name__).bases:
        if isinstance(base, ast.Subscript) and ast.unparse(base.value) == "Sequence":
            return base.slice
    return None


def _decorated(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.FunctionDef) and any(ast.unparse(each) == name for each in node.decorator_list)


def _derived(
    node: ast.FunctionDef, module: Module, of: type, derived: type[AsyncObject], imports: dict[str, str]
) -> str:
    if _decorated(node, "property") or _decorated(node, "cached_property"):
        return _signature(node, module, imports, awaited="property" if node.name in derived.fetched else None)
    if node.name == "__iter__":
        imports["AsyncIterator"] = "from collections.abc import AsyncIterator"
        line = _signature(node, module, imports, awaited=None)
        return line.replace("__iter__", "__aiter__").replace("Iterator[", "AsyncIterator[")
    if node.name.startswith("__"):
        return _signature(node, module, imports, awaited=None)
    function = getattr(of, node.name)
    return _signature(node, module, imports, awaited="items" if is_iterating(function) else "call")


def _signature(
    node: ast.FunctionDef | ast.AsyncFunctionDef, module: Module, imports: dict[str, str], *, awaited: str | None
) -> str:
    """One definition of the stub: as it is written, or awaited."""
    arguments = ast.parse(f"def f({ast.unparse(node.args)}): ...").body[0].args  # type: ignore[attr-defined]
    for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg):
        if each is not None and each.annotation is not None:
            each.annotation = Types(module, imports, taken=True).visit(each.annotation)
    arguments.defaults = [ast.Constant(...) for _ in arguments.defaults]
    arguments.kw_defaults = [None if each is None else ast.Constant(...) for each in arguments.kw_defaults]
    result: Any = None if node.returns is None else Types(module, imports, taken=False).visit(_copy(node.returns))
    kind = "async def" if awaited == "call" or isinstance(node, ast.AsyncFunctionDef) else "def"
    text = "None" if result is None else ast.unparse(result)
    if awaited == "items":
        item = result.slice.elts[0] if isinstance(result.slice, ast.Tuple) else result.slice
        text = f"AsyncGenerator[{ast.unparse(item)}, None]"
        imports["AsyncGenerator"] = "from collections.abc import AsyncGenerator"
    elif awaited == "property":
        text = f"Awaitable[{text}]"
        imports["Awaitable"] = "from collections.abc import Awaitable"
    decorators = ""
    for each in node.decorator_list:
        name = ast.unparse(each)
        decorators += f"    @{'property' if name == 'cached_property' else name}\n"
        if name == "overload":
            imports["overload"] = "from typing import overload"
    line = module.lines[node.lineno - 1]
    # A checker looks for it where the definition begins.
    comment = f"  # type: ignore{line.partition('# type: ignore')[2]}\n" if "# type: ignore" in line else ""
    return f"{decorators}    {kind} {node.name}({comment}{ast.unparse(arguments)}) -> {text}: ..."


def _attributes(node: ast.FunctionDef, module: Module, names: set[str], imports: dict[str, str]) -> list[str]:
    kinds = {each.arg: each.annotation for each in (*node.args.args, *node.args.kwonlyargs)}
    found = []
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and not each.attr.startswith("_"):
            kind = kinds.get(each.attr)
            if kind is not None and each.attr not in names:
                text = ast.unparse(Types(module, imports, taken=False).visit(_copy(kind)))
                found.append(f"    @property\n    def {each.attr}(self) -> {_kept(text)}: ...")
    return found


def _kept(text: str) -> str:
    """What an attribute holds of a sequence that was given."""
    return f"tuple[{text[len('Sequence[') : -1]}, ...]" if text.startswith("Sequence[") else text


if __name__ == "__main__":
    write_or_compare([(STUB, stub())])
