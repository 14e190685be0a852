"""Requests of inversions for photographs that a visitor has given, as many as their bytes need."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, cast

from pullback_client.client import Client
from pullback_client.errors import ResourceExhaustedError
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import InversionFailure
from pullback_client.studio.photographs.kept import GivenPhotograph


class NamedFile(io.BytesIO):
    """A file in memory with a name, as the client takes it for the label.

    Args:
        name: Its name.
        data: Its bytes.
    """

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(data)
        self.name = name


def check(
    client: Client, given: Sequence[GivenPhotograph], generator: str, options: InversionOptions
) -> list[InversionFailure | None]:
    """For each photograph why it cannot be inverted; None where it can. Nothing is begun.

    Raises:
        ClientError: What is wrong whatever the photographs are.
    """
    checked = client.check_inversion(_files(given), generator, **_with_framings(given, options))
    return list(checked.failures)


def submit(client: Client, given: Sequence[GivenPhotograph], generator: str, options: InversionOptions) -> list[str]:
    """Asks for the inversion of photographs that were checked; the names of the jobs.

    Returns:
        For each photograph the name of its job; several stand for photographs that follow each other.

    Raises:
        ClientError: What `submit_inversion` raises.
    """
    try:
        job = client.submit_inversion(_files(given), generator, **_with_framings(given, options))
    except ResourceExhaustedError:
        # More than one message carries; alone, a photograph is too large for any.
        if len(given) == 1:
            raise
        half = len(given) // 2
        first = submit(client, given[:half], generator, options)
        return first + submit(client, given[half:], generator, options)
    return [job.name] * len(given)


def _files(given: Sequence[GivenPhotograph]) -> list[NamedFile]:
    return [NamedFile(each.name, each.data) for each in given]


def _with_framings(given: Sequence[GivenPhotograph], options: InversionOptions) -> InversionOptions:
    framings = [each.framing for each in given]
    of_each: dict[str, Any] = {
        "crop": [framing.crop for framing in framings],
        "masks": [framing.mask for framing in framings],
    }
    return cast("InversionOptions", {**options, **of_each})
