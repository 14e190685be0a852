"""Photographs that a visitor has given, in memory alone: none is ever written to the studio's disk."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageOps

from pullback_client.images import open_photograph
from pullback_client.inversion.framing import WHOLE, Framing
from pullback_client.studio.photographs.masks import Mark

_TAB = "tabs/"

MOST_BYTES = 512 * 1024 * 1024
"""Bytes of photographs that are kept for a visitor at most: those of the oldest inversions are forgotten first."""


@dataclass(frozen=True, eq=False)
class GivenPhotograph:
    """A photograph as it was given.

    Attributes:
        name: Of its file.
        data: Its file.
        framing: Which part of it is compared, and what of that counts.
        marks: By which its mask was drawn.
    """

    name: str
    data: bytes
    framing: Framing = WHOLE
    marks: tuple[Mark, ...] = ()

    @property
    def length(self) -> int:
        """Bytes that it takes."""
        return len(self.data) + len(self.framing.mask or b"")


class KeptPhotographs:
    """The photographs of inversions, by the jobs that were asked for with them.

    Args:
        most_bytes: That they may take together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._by_job: dict[str, tuple[GivenPhotograph, ...]] = {}

    def keep(self, job: str, photographs: Sequence[GivenPhotograph]) -> None:
        """Keeps the photographs of a job, in the order of its targets; what was kept for it before is replaced.

        More than may be kept at all are not, and take the room of no others.
        """
        self._by_job.pop(job, None)
        if sum(each.length for each in photographs) > self._most:
            return
        self._by_job[job] = tuple(photographs)
        while sum(each.length for kept in self._by_job.values() for each in kept) > self._most:
            self._by_job.pop(next(iter(self._by_job)))

    def keep_chosen(self, tab: str, photographs: Sequence[GivenPhotograph]) -> None:
        """Likewise those that were chosen in a tab of the browser, and are not sent yet; none = forgets them."""
        if photographs:
            self.keep(f"{_TAB}{tab}", photographs)
        else:
            self.forget(f"{_TAB}{tab}")

    def chosen(self, tab: str) -> tuple[GivenPhotograph, ...]:
        """Those that were chosen in a tab."""
        return self.of(f"{_TAB}{tab}")

    def of(self, job: str) -> tuple[GivenPhotograph, ...]:
        """The photographs of a job; none where they are not kept."""
        return self._by_job.get(job, ())

    def forget(self, job: str) -> None:
        """Forgets those of a job."""
        self._by_job.pop(job, None)


@contextmanager
def decoded(data: bytes) -> Iterator[Image.Image]:
    """A photograph at its full size, for the block alone: then its memory is given back, also by the C library.

    Raises:
        InvalidArgumentError: It cannot be read.
    """
    photograph = open_photograph(data)
    try:
        yield photograph
    finally:
        photograph.close()
        if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
            trim(0)


def thumbnail(photograph: Image.Image, side: int) -> Image.Image:
    """The photograph with sides of at most so many pixels."""
    scale = min(1.0, side / max(photograph.size))
    size = (max(1, round(scale * photograph.width)), max(1, round(scale * photograph.height)))
    return photograph.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)


def compared_part(given: GivenPhotograph, size: tuple[int, int], most: int) -> Image.Image:
    """The part of a photograph that is compared, at the generator's aspect.

    Args:
        given: The photograph.
        size: Width and height of the generator's images.
        most: Pixels of the longer side of what is returned.

    Raises:
        InvalidArgumentError: It cannot be read.
    """
    scale = most / max(size)
    shown = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    with decoded(given.data) as photograph:
        cut = given.framing.cut(photograph)
        part = photograph.crop((round(cut[0]), round(cut[1]), round(cut[2]), round(cut[3])))
        return ImageOps.fit(part, shown, Image.Resampling.LANCZOS)
