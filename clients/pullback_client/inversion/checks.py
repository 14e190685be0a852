"""Checks of an inversion by the server, photograph by photograph, before anything long is begun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pullback_api.v1 import inversion_pb2, jobs_pb2
from pullback_client.errors import InvalidArgumentError, from_status
from pullback_client.inversion.course import content_errors
from pullback_client.inversion.requests import Part, Photograph, parts
from pullback_client.inversion.result import InversionFailure


@dataclass(frozen=True, eq=False)
class CheckedInversion:
    """What a server says of an inversion that it was only asked to check.

    Attributes:
        space: Space of the latents that it would find; empty where no photograph can be used.
        failures: For each photograph why it cannot be inverted; None where it can.
    """

    space: str
    failures: tuple[InversionFailure | None, ...]

    @property
    def is_hopeless(self) -> bool:
        """Whether no photograph can be used."""
        return all(self.failures)


def check_photographs(
    asked: Sequence[Photograph], per_request: int, check: Callable[[list[inversion_pb2.Target]], jobs_pb2.Job]
) -> CheckedInversion:
    """Has photographs checked, request by request; all are read.

    Args:
        asked: The photographs.
        per_request: At most so many in one request.
        check: Sends a request that is only checked.

    Raises:
        ClientError: What is wrong with the request whatever its photographs are.
    """
    failures: list[InversionFailure | None] = []
    space = ""
    for part in parts(asked, per_request):
        space = (_check(part, check) if part.targets else "") or space
        failures += part.failures
    return CheckedInversion(space, tuple(failures))


def _check(part: Part, check: Callable[[list[inversion_pb2.Target]], jobs_pb2.Job]) -> str:
    """Notes the failures of a request's photographs; returns the space, empty where none can be used."""
    try:
        job = check(part.targets)
    except InvalidArgumentError as error:
        if (errors := content_errors(error)) is None:
            raise
        part.refuse({index: errors.get(index, error) for index in range(len(part.targets))})
        return ""
    if job.HasField("error"):
        part.refuse(content_errors(from_status(job.error)) or {})
    return job.invert.space
