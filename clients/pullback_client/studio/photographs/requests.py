"""Requests of inversions for photographs that a visitor has given, as many as their number and their bytes need."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from PIL import Image

from pullback_client.client import Client
from pullback_client.errors import ClientError
from pullback_client.inversion.framing import cropped
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.requests import MAX_TARGETS, parts, photographs
from pullback_client.inversion.result import InversionFailure
from pullback_client.jobs.job import Job
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


@dataclass(frozen=True, eq=False)
class Prepared:
    """Photographs as they are sent: cut out where they are cropped, once for the check and for the inversion.

    Attributes:
        files: The photographs.
        masks: Of each the file of its mask; None where all of it counts.
    """

    files: tuple[NamedFile, ...]
    masks: tuple[bytes | None, ...]

    def part(self, start: int, end: int) -> Prepared:
        """Those from one place to before another one."""
        return Prepared(self.files[start:end], self.masks[start:end])


def prepare(given: Sequence[GivenPhotograph]) -> Prepared:
    """The photographs as they are sent.

    Raises:
        InvalidArgumentError: A square does not lie within its photograph, or a mask has another size.
    """
    pairs = [_cut(each) for each in given]
    files = tuple(NamedFile(each.name, data) for each, (data, _) in zip(given, pairs, strict=True))
    return Prepared(files, tuple(mask for _, mask in pairs))


def check(
    client: Client, prepared: Prepared, generator: str, options: InversionOptions
) -> list[InversionFailure | None]:
    """For each photograph why it cannot be inverted; None where it can. Nothing is begun.

    Raises:
        ClientError: What is wrong whatever the photographs are.
    """
    checked = client.check_inversion(list(prepared.files), generator, **_with_masks(prepared, options))
    return list(checked.failures)


def submit(client: Client, prepared: Prepared, generator: str, options: InversionOptions) -> list[str]:
    """Asks for the inversion of photographs that were checked, by as many jobs as their number and their bytes need.

    Returns:
        For each photograph the name of its job; several stand for photographs that follow each other.

    Raises:
        ClientError: What `submit_inversion` raises. Jobs that were begun by then are cancelled: nobody is told of them.
    """
    asked = photographs(list(prepared.files), _with_masks(prepared, options))
    begun: list[tuple[Job[Any], int]] = []
    end = 0
    try:
        # The parts hold the photographs' bytes: none is kept beyond its turn.
        for count in (len(part.failures) for part in parts(asked, MAX_TARGETS)):
            start, end = end, end + count
            some = prepared.part(start, end)
            job = client.submit_inversion(list(some.files), generator, **_with_masks(some, options))
            begun.append((job, count))
    except ClientError:
        for job, _ in begun:
            with suppress(ClientError):
                job.cancel()
        raise
    return [job.name for job, count in begun for _ in range(count)]


def _cut(given: GivenPhotograph) -> tuple[bytes, bytes | None]:
    """The file of the part that is compared, and of its mask."""
    framing = given.framing
    if framing.crop is None:
        return given.data, framing.mask
    piece, mask, _, _ = cropped(given.data, framing.crop, framing.mask, (), given.name)
    return _png(piece), None if mask is None else _png(mask)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)  # the usual level takes seconds for what a camera takes
    return buffer.getvalue()


def _with_masks(prepared: Prepared, options: InversionOptions) -> InversionOptions:
    return cast("InversionOptions", {**options, "masks": list(prepared.masks)})
