"""Family of generators as the catalogue knows it: options, files, and how it is recognised. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pullback.errors import CatalogueError, nearest
from pullback.weights.source import NO_LAYOUT, Layout
from pullback.weights.table import Table

# Of a pattern, with one group within.
_OPTIONAL = re.compile(r"\((?:[^()]|\([^()]*\))*\)\?")

OptionValue = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Option:
    """What a catalogue entry may, or must, say of a generator, because its file does not.

    Attributes:
        name: The key in the table `[NAME.options]`.
        kind: `bool`, `int`, `float` or `str`.
        help: What it is, in its unit: the end of a sentence.
        usual: Which values published files need.
        minimum: The least number; None = any.
        maximum: The greatest number; None = any.
        choices: The values that there are; empty = any.
        default: What holds where an entry does not state it; None = the loader sees that, and asks where it needs it.
        required: Whether every entry of the family must state it.
    """

    name: str
    kind: type[bool | int | float | str]
    help: str
    usual: str
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[OptionValue, ...] = ()
    default: OptionValue | None = None
    required: bool = False

    def read(self, table: Table) -> OptionValue | None:
        """The value that a table states; None where it states none.

        Raises:
            CatalogueError: It is of another kind, or not among those that there are.
        """
        value = table.value(self.name)
        if value is None:
            return None
        if self.kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, bool | int | float | str) or type(value) is not self.kind or not self._admits(value):
            raise table.error(self.name, f"expected {self.expected}, got {value!r}")
        return value

    @property
    def expected(self) -> str:
        """Which values there are, and which are usual."""
        if self.choices:
            return f"one of {', '.join(map(repr, self.choices))} ({self.help}; usual: {self.usual})"
        word = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}[self.kind]
        least = f" of at least {self.minimum:g}" if self.minimum is not None else ""
        most = f"{' and' if least else ''} of at most {self.maximum:g}" if self.maximum is not None else ""
        return f"{word}{least}{most} ({self.help}; usual: {self.usual})"

    def _admits(self, value: OptionValue) -> bool:
        if self.choices:
            return value in self.choices
        if isinstance(value, str):
            return True
        least, most = self.minimum, self.maximum
        # Neither holds of NaN.
        return (least is None or value >= least) and (most is None or value <= most) and value == value  # noqa: PLR0124


SAMPLE_RATE = Option(
    name="sample_rate",
    kind=int,
    help="of its sounds, in samples a second",
    usual="16000",
    minimum=1,
    maximum=768_000,
)
"""Of every family that can draw sounds."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of generators.

    Attributes:
        name: What `family` of a catalogue entry calls it.
        title: One line for people: architecture, and whose code wrote the files.
        loader: `module:class` of the `Generator` that is built of a catalogue entry, the tensors of its file by name,
            and what the file says of itself. It is imported when a generator of the family is loaded.
        options: What entries may or must state.
        layout: Where published files keep tensors and settings.
        tensors: Patterns of which each matches the whole name of some tensor of every file of this family.
        none_of: Patterns that match the name of no tensor of such a file.
        kinds: Kinds of sources of a family that is no file of tensors: its loader is given the entry alone, and reads
            its file, or runs its code, by itself. Empty of all others.
        named_by_side: Whether layers are known by the side of their maps, as `8 px`.
        named_layers: Whether the catalogue tells how layers are called at all.
        noise_maps: How many noise maps images can be given beside a latent at 8 px, 16 px and so on up to their side,
            besides one at 4 px; 0 = they take none.
    """

    name: str
    title: str
    loader: str
    tensors: tuple[str, ...]
    none_of: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    layout: Layout = NO_LAYOUT
    named_by_side: bool = False
    named_layers: bool = True
    noise_maps: int = 0

    def recognises(self, names: Iterable[str]) -> bool:
        """Whether tensors of such names, without prefixes, may be those of a generator of this family."""
        return not self.kinds and not self.strangeness(names)

    def strangeness(self, names: Iterable[str]) -> str:
        """Why tensors of such names are not those of this family: the end of a sentence; empty where they may be."""
        known = list(names)
        for pattern in self.tensors:
            if not any(re.fullmatch(pattern, name) for name in known):
                # A pattern as a name: main.N.weight; what may be there or not is left out.
                readable = _OPTIONAL.sub("", pattern).replace(r"\d+", "N").replace("\\", "")
                return f"no tensor is named {readable}"
        for pattern in self.none_of:
            if found := next((name for name in known if re.fullmatch(pattern, name)), None):
                return f"it has a tensor {found!r}"
        return ""

    def option(self, name: str) -> Option:
        """The option of that name; there is one."""
        return next(option for option in self.options if option.name == name)

    def read_options(self, table: Table | None) -> Mapping[str, OptionValue]:
        """What an entry's table states, by name; None where the entry has no such table.

        Raises:
            CatalogueError: It states something that the family does not know or cannot use, or lacks what it needs.
        """
        stated = {} if table is None else {option.name: option.read(table) for option in self.options}
        if table is not None:
            table.finish()
        for option in self.options:
            if option.required and stated.get(option.name) is None:
                raise CatalogueError(self.asks_for(option.name))
        return {name: value for name, value in stated.items() if value is not None}

    def asks_for(self, name: str) -> str:
        """The sentence that asks for an option."""
        return (
            f"a {self.name} needs the option {name!r}, which its file does not say: state {name} = … under "
            f"[NAME.options], {self.option(name).expected}"
        )


def unknown_family(name: str, known: Iterable[str]) -> str:
    """The sentence about a name that no family has."""
    names = list(known)
    return f"expected one of {', '.join(names)}, got {name!r}{nearest(name, names)}"
