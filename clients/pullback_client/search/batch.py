"""Batches of trials to show."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import overload

from PIL import Image

from pullback_api.sounds import Sound
from pullback_api.v1 import search_pb2, values_pb2
from pullback_client.files.atomic import write_bytes
from pullback_client.text import markup
from pullback_client.wire.codec import image_from_wire
from pullback_client.wire.sounds import sound_from_wire
from pullback_client.wire.times import utc

Fetch = Callable[[str], values_pb2.Image]
"""Gets the file of an image id from the server."""

_SHOWN = 60  # in a notebook
_SUFFIXES = {
    values_pb2.IMAGE_FORMAT_PNG: ".png",
    values_pb2.IMAGE_FORMAT_JPEG: ".jpg",
    values_pb2.IMAGE_FORMAT_WAV: ".wav",
}


@dataclass(frozen=True, eq=False)
class Trial:
    """One showing of one image.

    Attributes:
        id: Unique in the session.
        image_id: The image, stable and unique in the session: `thread000_gen003_000017`, or `reference_{label}`.
        thread: The thread, from 0.
        generation: The generation, from 0.
        repetition: Which showing of the image it is in this generation, from 0.
        reference: Whether it is a reference image, whose scores never enter an update.
        lease: Until when it is ours; one that was not told by then can be asked for again.
        distance: Mahalanobis distance of its latent from the prior's mean: of n coordinates the prior's draws lie about
            √n from it. None of a reference image, and where the server did not measure it.
        typicality: Share of the prior's draws that lie at least as far, 0 to 1; None likewise.
    """

    id: str
    image_id: str
    thread: int
    generation: int
    repetition: int
    reference: bool
    lease: datetime
    _sent: values_pb2.Image | None = field(repr=False)
    _fetch: Fetch = field(repr=False)
    distance: float | None = None
    typicality: float | None = None

    @classmethod
    def from_wire(cls, message: search_pb2.Trial, fetch: Fetch) -> Trial:
        """The record of a message.

        Args:
            message: From the wire, with its image or without.
            fetch: Gets the image where it is without.
        """
        return cls(
            id=message.trial_id,
            image_id=message.image_id,
            thread=message.thread,
            generation=message.generation,
            repetition=message.repetition,
            reference=message.reference,
            lease=utc(message.lease_time),
            _sent=message.image if message.HasField("image") else None,
            _fetch=fetch,
            distance=message.distance if message.HasField("distance") else None,
            typicality=message.typicality if message.HasField("typicality") else None,
        )

    @cached_property
    def file(self) -> values_pb2.Image:
        """The image's file as the contract has it, fetched when it is first looked at."""
        return self._fetch(self.image_id) if self._sent is None else self._sent

    @cached_property
    def image(self) -> Image.Image:
        """The image as it is to be shown, fetched when it is first looked at; of a sound its spectrogram."""
        return image_from_wire(self.file, self.image_id)

    @cached_property
    def sound(self) -> Sound | None:
        """The sound as it is to be heard, fetched when it is first asked for; None of images."""
        return sound_from_wire(self.file, self.image_id)

    @property
    def suffix(self) -> str:
        """How the image's file ends: `.png` or `.jpg`; of a sound `.wav`."""
        return suffix_of(self.file)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Writes the image's file, as the server made it, into a folder, whole or not at all; returns its path."""
        path = Path(folder) / f"{self.image_id}{self.suffix}"
        write_bytes(path, self.file.data)
        return path


class Batch(Sequence[Trial]):
    """Trials to show, in the order in which to show them: what one request to the server gave.

    Args:
        trials: The trials.
        retry_after: Seconds after which to ask again, where there are none and there will be more.
        more: Whether further trials of the open generations can be asked for, now or when their images are finished.
        finished: Whether there will be no more trials of the threads that were asked for.
    """

    def __init__(
        self, trials: Sequence[Trial], *, retry_after: float = 0.0, more: bool = False, finished: bool = False
    ) -> None:
        self.trials = tuple(trials)
        self.retry_after = retry_after
        self.more = more
        self.finished = finished

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} trials>"

    def _repr_html_(self) -> str:
        """The images, fetched where they were not looked at before."""
        pictures = (markup.picture(trial.image, trial.image_id, side=96) for trial in self.trials[:_SHOWN])
        words = f"{len(self)} trials" + (f", {_SHOWN} of them shown" if len(self) > _SHOWN else "")
        return markup.card(words, *pictures)

    def __len__(self) -> int:
        return len(self.trials)

    @overload
    def __getitem__(self, place: int) -> Trial: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Trial, ...]: ...

    def __getitem__(self, place: int | slice) -> Trial | tuple[Trial, ...]:
        return self.trials[place]

    @property
    def images(self) -> list[Image.Image]:
        """The images, in the order of the trials."""
        return [trial.image for trial in self]

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Writes the images' files into a folder, each whole or not at all; returns their paths, trial by trial."""
        return [trial.save(folder) for trial in self]


def suffix_of(file: values_pb2.Image) -> str:
    """How the file of an image ends: `.png`, `.jpg`, `.wav`; empty where the server is newer."""
    return _SUFFIXES.get(file.format, "")
