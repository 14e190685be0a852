"""A published file of directions is read, and measured by an eigenbasis. Some of these files are PyTorch's."""

from __future__ import annotations

from importlib import import_module

import pullback
from pullback import generators
from pullback.directions import import_directions
from pullback.generators.named_layers import style_layers
from pullback.geometry.eigenbasis import Eigenbasis
from pullback_api.v1 import specs_pb2
from pullback_server.direction_sets import direction_set_message
from pullback_server.names import parse_generator


def prepare(spec: bytes, import_format: str, content: bytes, eigenbasis: bytes) -> None:
    """Loads what is needed to read that format, which may be torch."""
    del spec, content, eigenbasis
    import_module(f"pullback.directions.importing.{import_format}")


def run(spec: bytes, import_format: str, content: bytes, eigenbasis: bytes) -> bytes:
    """Reads a file, and measures what is in it.

    Args:
        spec: Serialised `DirectionsSpec` of what is imported: generator, space, eigenbasis and layers.
        import_format: What file it is, as the library calls it.
        content: The file.
        eigenbasis: Safetensors file of the eigenbasis by which the directions are measured.

    Returns:
        A serialised `DirectionSet`.
    """
    asked = specs_pb2.DirectionsSpec.FromString(spec)
    entry = generators.entry(parse_generator(asked.generator, "generator"))
    found = import_directions(
        content,
        import_format,
        generator_name=entry.name,
        weights_hash=entry.weights_hash,
        space=asked.space,
        dim=entry.space(asked.space).dim,
        layers=tuple(asked.layers),
        total_layers=style_layers(entry) or None,
        version=pullback.__version__,
    )
    asked.k = len(found)
    return direction_set_message(found, asked, Eigenbasis.from_bytes(eigenbasis)).SerializeToString()
