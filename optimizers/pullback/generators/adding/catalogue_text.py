"""Entries of catalogue files as text: written, added and replaced; everything else stays as it is. Imports no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import filelock

from pullback.errors import CatalogueError
from pullback.files import write_whole
from pullback.generators.catalogue_file import CatalogueEntry
from pullback.generators.class_names import imagenet_names
from pullback.generators.space_entry import SpaceEntry
from pullback.weights.table import parse_toml

LOCK_SECONDS = 30
_OWNER_ONLY, _FOLDER = 0o600, 0o700
_HEAD = (
    "# Generators of this user, beside those of Pullback. `pullback generators add` adds to it; edit it as you like.\n"
)
_HEADER = re.compile(r"""^[ \t]*\[{1,2}[ \t]*(?:([A-Za-z0-9_-]+)|"([^"\n]*)"|'([^'\n]*)')[ \t]*[.\]]""")


def entry_text(entry: CatalogueEntry) -> str:
    """An entry as a catalogue file has it."""
    name = _key(entry.name)
    lines = [
        f"[{name}]",
        f"title = {_value(entry.title)}",
        f"family = {_value(entry.family)}",
        f"input_space = {_value(entry.input_space)}",
        f"image_shape = {_value(list(entry.image_shape))}",
    ]
    for space in entry.spaces:
        lines += ["", f"[[{name}.spaces]]", *_space_lines(space)]
    if entry.options:
        lines += ["", f"[{name}.options]", *(f"{_key(key)} = {_value(value)}" for key, value in entry.options.items())]
    source = entry.source
    said: Mapping[str, str] = {
        "kind": source.kind,
        "location": source.location,
        "key": source.key,
        "prefix": source.prefix,
        "sha256": source.sha256,
        "licence": source.licence,
        "citation": source.citation,
    }
    lines += ["", f"[{name}.source]", *(f"{key} = {_value(value)}" for key, value in said.items() if value)]
    return "\n".join(lines) + "\n"


def write_entry(file: Path, entry: CatalogueEntry, *, replace: bool) -> None:
    """Adds an entry to a catalogue file, or replaces that of its name, at once or not at all.

    Comments and other entries stay as they are. A file that there was not is its owner's alone.

    Args:
        file: The file; it and its folder are made where they are not there.
        entry: The entry.
        replace: Whether the file may have an entry of that name.

    Raises:
        CatalogueError: It has one and is not to be replaced, or cannot be read, or is written in a way in which only
            who wrote it can change it.
        OSError: The file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
    # Not the link: it goes on leading there.
    file = file.resolve()
    with filelock.FileLock(file.with_name(f".{file.name}.lock"), timeout=LOCK_SECONDS):
        before, mode = _read(file)
        check_free(file, before, entry.name, replace=replace)
        write_whole(file, _changed(file, before, entry).encode(), mode=mode)


def check_free(file: Path, text: str | None, name: str, *, replace: bool) -> None:
    """Checks that a catalogue file may get an entry of a name.

    Args:
        file: The file.
        text: What it says; None = as it says now.
        name: The name.
        replace: Whether the file may have one.

    Raises:
        CatalogueError: It may not.
    """
    if name in parse_toml(_read(file)[0] if text is None else text, file) and not replace:
        raise CatalogueError(f"{file} has a generator {name!r} already: take another name, or --replace")


def _read(file: Path) -> tuple[str, int]:
    """What a file says, and who may read it."""
    try:
        return file.read_text("utf-8-sig"), file.stat().st_mode & 0o777
    except FileNotFoundError:
        return _HEAD, _OWNER_ONLY
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{file}: not valid TOML: it is not in UTF-8; save it as UTF-8") from error


def _changed(file: Path, before: str, entry: CatalogueEntry) -> str:
    kept = _without(before, entry.name)
    text = f"{kept.rstrip()}\n\n{entry_text(entry)}"
    wanted = {name: table for name, table in parse_toml(before, file).items() if name != entry.name}
    own = parse_toml(entry_text(entry), file)
    # Of a file that writes entries in other ways than tables of their own, something else might have been taken.
    if entry.name in parse_toml(kept, file) or parse_toml(text, file) != wanted | own:
        raise CatalogueError(
            f"{file}: the entry {entry.name!r} is written in a way that cannot be replaced without harm to others: "
            f"take it out by hand, and run again, or put this in its place:\n\n{entry_text(entry)}"
        )
    return text


def _without(text: str, name: str) -> str:
    """The text without the tables of an entry; comments and blank lines before the next table are the next one's."""
    kept: list[str] = []
    pending: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if found := _HEADER.match(line):
            own = next((part for part in found.groups() if part is not None), "") == name
            # What stands before a table belongs to it, but at the first of an entry it stays.
            if not (own and inside):
                kept += pending
            pending, inside = [], own
        elif inside and not line.strip() and not pending and kept and not kept[-1].strip():
            continue  # A blank line stands before the entry that goes.
        if not inside:
            kept.append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            pending = []
        else:
            pending.append(line)
    return "".join([*kept, *pending])


def _space_lines(space: SpaceEntry) -> list[str]:
    lines = [f"name = {_value(space.name)}", f"dim = {space.dim}", f"prior = {_value(space.prior)}"]
    lines += [f"start = {space.start}"] if space.start else []
    if space.labels:
        known = space.labels == imagenet_names() if len(space.labels) > 1 else False
        lines.append('label_set = "imagenet-1k"' if known else f"labels = {_value(list(space.labels))}")
        lines.append(f"default = {_value(space.default)}")
    return [*lines, f"bounds = {_value(list(space.bounds))}"] if space.bounds else lines


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    # JSON's strings, numbers, truth values and lists are TOML's, but for this one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
