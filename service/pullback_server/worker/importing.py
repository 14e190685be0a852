"""A short call: a published file of directions is read. Some of these files are PyTorch's."""

from __future__ import annotations

from collections.abc import Iterator

import pullback
from pullback import generators
from pullback.directions import import_directions as read_file
from pullback.generators.named_layers import style_layers
from pullback.geometry.eigenbasis import Eigenbasis
from pullback_api.v1 import specs_pb2
from pullback_server.direction_sets import direction_set_message
from pullback_server.names import parse_generator
from pullback_server.worker.messages import CallDone, CallMessage, ImportDirections


def import_directions(call: ImportDirections) -> Iterator[CallMessage]:
    """Reads the file, and measures what is in it."""
    spec = specs_pb2.DirectionsSpec.FromString(call.spec)
    entry = generators.entry(parse_generator(spec.generator, "generator"))
    found = read_file(
        call.content,
        call.import_format,
        generator_name=entry.name,
        weights_hash=entry.weights_hash,
        space=spec.space,
        dim=entry.space(spec.space).dim,
        layers=tuple(spec.layers),
        total_layers=style_layers(entry) or None,
        version=pullback.__version__,
    )
    spec.k = len(found)
    message = direction_set_message(found, spec, Eigenbasis.from_bytes(call.eigenbasis))
    yield CallDone(call.call, message.SerializeToString())
