"""Tasks of an importer process: a published file of directions is read, and measured by an eigenbasis."""

from __future__ import annotations

from collections.abc import Sequence

import pullback
from pullback import generators
from pullback.directions.formats.reader import import_directions
from pullback.generators.style_based.named_layers import style_layers
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.memory import is_refusal
from pullback_api.v1 import specs_pb2
from pullback_server.direction_sets import direction_set_message
from pullback_server.names import parse_generator
from pullback_server.processes.frames import Header
from pullback_server.stored_files import StoredFile
from pullback_server.worker.failures import describe
from pullback_server.worker.files import content as file_content


def work(header: Header, parts: Sequence[bytes]) -> tuple[Header, Sequence[bytes]]:
    """Reads a file.

    Args:
        header: `format`, as the library calls it; `eigenbasis`, its `StoredFile`.
        parts: Serialised `DirectionsSpec` of what is imported; the file.

    Returns:
        A serialised `DirectionSet`; or `code`, number of a canonical gRPC code, and `message`.
    """
    spec, content = parts
    file = StoredFile(**header["eigenbasis"])
    try:
        return {}, (_imported(specs_pb2.DirectionsSpec.FromString(spec), header["format"], content, file),)
    except Exception as error:
        if is_refusal(error):
            raise MemoryError from error
        failure = describe(error, "reading a file of directions")
        return {"code": failure.code, "message": failure.message}, ()


def _imported(spec: specs_pb2.DirectionsSpec, import_format: str, content: bytes, file: StoredFile) -> bytes:
    entry = generators.entry(parse_generator(spec.generator, "generator"))
    found = import_directions(
        content,
        import_format,
        generator_name=entry.name,
        weights_hash=entry.weights_hash,
        space=spec.space,
        dim=entry.space(spec.space).dim,
        layers=tuple(spec.layers),
        total_layers=style_layers(entry) or None,
        version=pullback.__version__,
    )
    spec.k = len(found)
    basis = Eigenbasis.from_bytes(file_content(file), trusted=True)
    return direction_set_message(found, spec, basis).SerializeToString()
