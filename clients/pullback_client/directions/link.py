"""Link of directions to the server: the calls of the `Directions` service, in Python's words."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from pullback_api.v1 import directions_pb2, jobs_pb2, specs_pb2
from pullback_client.directions.options import IMPORT_FORMATS, layer_numbers
from pullback_client.directions.records import Annotation
from pullback_client.errors import InvalidArgumentError, ResourceExhaustedError
from pullback_client.wire.fields import choice
from pullback_client.wire.names import generator_name
from pullback_client.wire.transport import MAX_MESSAGE_BYTES, Transport

_MIB = 2**20


class DirectionsLink:
    """The line of directions to the server.

    Args:
        transport: Of the client.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def timeout(self) -> float:
        """Seconds that a call may take where nothing else is said."""
        return self._transport.timeout

    def discover(self, spec: specs_pb2.DirectionsSpec, *, validate_only: bool = False) -> jobs_pb2.Job:
        """The job that finds the directions of a specification, or has found them.

        With `validate_only` none is begun: where there is none, the answer is the one that it would be, without a name.
        """
        request = directions_pb2.DiscoverDirectionsRequest(
            request_id=uuid.uuid4().hex, spec=spec, validate_only=validate_only
        )
        job: jobs_pb2.Job = self._transport.call(self._transport.directions.DiscoverDirections, request)
        return job

    def get(self, name: str, purify: int = 0) -> directions_pb2.DirectionSet:
        """The directions of a resource name, projected on the top `purify` eigenvectors where that is not 0."""
        request = directions_pb2.GetDirectionsRequest(name=name, purify=purify)
        message: directions_pb2.DirectionSet = self._transport.call(self._transport.directions.GetDirections, request)
        return message

    def import_file(
        self,
        path: Path,
        generator: str,
        file_format: str,
        space: str,
        eigenbasis: str,
        layers: Sequence[int] | None,
    ) -> str:
        """`Client.import_directions`; returns the resource name of what is kept."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidArgumentError(f"cannot read {path}: {error.strerror or error}") from error
        request = directions_pb2.ImportDirectionsRequest(
            generator=generator_name(generator),
            space=space,
            format=choice("format", file_format, IMPORT_FORMATS),
            content=content,
            eigenbasis=eigenbasis,
            layers=layer_numbers(layers),
        )
        if request.ByteSize() > MAX_MESSAGE_BYTES:
            raise ResourceExhaustedError(
                f"{path} takes {len(content) / _MIB:.1f} MiB; at most {MAX_MESSAGE_BYTES // _MIB} MiB can be sent"
            )
        message: directions_pb2.DirectionSet = self._transport.call(
            self._transport.directions.ImportDirections, request
        )
        return message.name

    def annotate(self, name: str, annotation: Annotation) -> tuple[Annotation, ...]:
        """Annotates a direction; returns all annotations of the set."""
        request = directions_pb2.AnnotateDirectionRequest(
            name=name, annotation=directions_pb2.Annotation(**asdict(annotation))
        )
        message = self._transport.call(self._transport.directions.AnnotateDirection, request)
        return tuple(Annotation(each.index, each.title, each.notes) for each in message.annotations)

    def delete(self, name: str) -> None:
        """Deletes directions."""
        request = directions_pb2.DeleteDirectionsRequest(name=name)
        self._transport.call(self._transport.directions.DeleteDirections, request)

    def walk(
        self, request: directions_pb2.TraverseRequest, timeout: float
    ) -> Iterator[directions_pb2.TraverseResponse]:
        """The pieces of a walk, as they arrive."""
        return self._transport.stream(self._transport.directions.Traverse, request, timeout=timeout)
