"""The contract's reference: every service, message and enum with its comments, as one page of Markdown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

# In `protos/`, which an editable install puts on the path.
from generate import compile_protos

# Field numbers of descriptor.proto, of which the paths of comments are made.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED, _NESTED_ENUMS, _METHODS, _VALUES = 2, 3, 4, 2, 2

Comments = Mapping[tuple[int, ...], str]


def reference() -> str:
    """The page."""
    parts = ["# The contract\n", "What `protos/pullback_api/v1/*.proto` says, file by file.\n"]
    for file in _files():
        comments = {tuple(each.path): each.leading_comments.strip() for each in file.source_code_info.location}
        parts += _file(file, comments)
    return "\n".join(parts)


def _files() -> Iterator[FileDescriptorProto]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "descriptors"
        compile_protos("--include_source_info", f"--descriptor_set_out={out}")
        yield from FileDescriptorSet.FromString(out.read_bytes()).file


def _file(file: FileDescriptorProto, comments: Comments) -> Iterator[str]:
    yield f"## {Path(file.name).name}\n"
    for number, service in enumerate(file.service):
        yield from _service(service, (_SERVICES, number), comments)
    for number, message in enumerate(file.message_type):
        yield from _message(message, message.name, (_MESSAGES, number), comments)
    for number, enum in enumerate(file.enum_type):
        yield from _enum(enum, enum.name, (_ENUMS, number), comments)


def _service(service: ServiceDescriptorProto, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    yield f"### service {service.name}\n\n{_prose(comments.get(path, ''))}\n"
    for number, method in enumerate(service.method):
        answer = f"{'stream ' if method.server_streaming else ''}{_plain(method.output_type)}"
        yield f"#### {service.name}/{method.name}\n\n`{_plain(method.input_type)}` → `{answer}`\n"
        yield f"{_prose(comments.get((*path, _METHODS, number), ''))}\n"


def _message(message: DescriptorProto, name: str, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    if message.options.map_entry:
        return
    yield f"### {name}\n\n{_prose(comments.get(path, ''))}\n"
    entries = {nested.name: nested for nested in message.nested_type if nested.options.map_entry}
    rows = [
        (f"`{field.name}` = {field.number}", _type(field, entries), comments.get((*path, _FIELDS, number), ""))
        for number, field in enumerate(message.field)
    ]
    if rows:
        yield _table(("field", "type", ""), rows)
    for number, nested in enumerate(message.nested_type):
        yield from _message(nested, f"{name}.{nested.name}", (*path, _NESTED, number), comments)
    for number, enum in enumerate(message.enum_type):
        yield from _enum(enum, f"{name}.{enum.name}", (*path, _NESTED_ENUMS, number), comments)


def _enum(enum: EnumDescriptorProto, name: str, path: tuple[int, ...], comments: Comments) -> Iterator[str]:
    yield f"### enum {name}\n\n{_prose(comments.get(path, ''))}\n"
    rows = [
        (f"`{value.name}` = {value.number}", comments.get((*path, _VALUES, number), ""))
        for number, value in enumerate(enum.value)
    ]
    yield _table(("value", ""), rows)


def _type(field: FieldDescriptorProto, entries: Mapping[str, DescriptorProto]) -> str:
    entry = entries.get(field.type_name.rpartition(".")[2])
    if entry is not None:
        key, value = (_type(each, {}) for each in entry.field)
        return f"map of {key} to {value}"
    named = _plain(field.type_name) or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {named}"
    return f"optional {named}" if field.proto3_optional else named


def _plain(name: str) -> str:
    return name.removeprefix(".pullback_api.v1.").removeprefix(".")


def _prose(comment: str) -> str:
    # A comment's lines begin with a space; an empty one parts two paragraphs.
    return "\n".join(line.strip() for line in comment.splitlines())


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    cells = ([" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"
