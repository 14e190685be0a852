"""Requests of inversions for photographs that a visitor has given, as many as their bytes need."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PIL import Image

from pullback_client.client import Client
from pullback_client.errors import ResourceExhaustedError
from pullback_client.inversion.framing import cropped
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
    """Asks for the inversion of photographs that were checked; the names of the jobs.

    Returns:
        For each photograph the name of its job; several stand for photographs that follow each other.

    Raises:
        ClientError: What `submit_inversion` raises.
    """
    count = len(prepared.files)
    try:
        job = client.submit_inversion(list(prepared.files), generator, **_with_masks(prepared, options))
    except ResourceExhaustedError:
        # More than one message carries; alone, a photograph is too large for any.
        if count == 1:
            raise
        first = submit(client, prepared.part(0, count // 2), generator, options)
        return first + submit(client, prepared.part(count // 2, count), generator, options)
    return [job.name] * count


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
