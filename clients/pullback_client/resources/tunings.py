"""Tunings of generators: computed, fetched, listed, exported, deleted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pullback_api.v1 import jobs_pb2, tunings_pb2
from pullback_client.files.atomic import write_bytes
from pullback_client.images import ImageInput
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import Inversion
from pullback_client.inversion.starts import StartsInput
from pullback_client.inversion.tuning import Tuning, TuningOptions, tune_request, tuning_name
from pullback_client.jobs.job import JOB_TIMEOUT, Job
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.connection import Connection, new_request_id
from pullback_client.wire.names import generator_name

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack

EXPORT_TIMEOUT = 600.0
"""Seconds that fetching a weight file may take."""


class TuningCalls(Connection):
    """The calls of tunings."""

    def tune(
        self,
        images: Inversion | ImageInput | Sequence[Inversion | ImageInput],
        generator: str | None = None,
        *,
        pivots: StartsInput | None = None,
        masks: ImageInput | Sequence[ImageInput | None] | None = None,
        center_crop: bool = False,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[TuningOptions],
    ) -> Tuning:
        """Tunes a generator's weights until latents that were found draw their photographs (pivotal tuning).

        The generator itself stays as it is: the tuned weights are a resource of their own, with which `render` and
        `traverse` draw (`tuning=`). Several images, of one identity, are tuned to together.

        Args:
            images: Inversions, as `invert` returns them; or photographs, with `pivots`.
            generator: Name of the generator; None = that of the inversions.
            pivots: Of photographs: the latents that were found for them, in `space`.
            masks: White counts, black is ignored, greys in between: of photographs as large as these.
            center_crop: Of photographs: cut the largest centred part of the generator's aspect.
            progress: A callback for the job's events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the job; an hour where not given.
            **options: See `TuningOptions`.

        Raises:
            InvalidArgumentError: An unknown name, a number out of range, an image or a latent that cannot be used.
            NotFoundError: No such generator.
            JobFailedError: It failed.
            DeadlineExceededError: Not finished in time; the job goes on.
        """
        about: InversionOptions = {"masks": masks, "center_crop": center_crop}
        request = tune_request(images, generator, pivots, about, options)
        request.request_id = new_request_id()
        message = self._transport.call(self._transport.tunings.Tune, request)
        return self._tuning_job(message).result(timeout, progress=progress)

    def get_tuning(self, name: str | Tuning) -> Tuning:
        """The tuning of a resource name, `generators/{generator}/tunings/{id}`, without its weights.

        Raises:
            NotFoundError: There is none of that name.
            FailedPreconditionError: Its job has not succeeded.
        """
        request = tunings_pb2.GetTuningRequest(name=tuning_name(name))
        return Tuning.from_wire(self._transport.call(self._transport.tunings.GetTuning, request))

    def list_tunings(self, generator: str = "-") -> list[Tuning]:
        """The tunings of a generator, newest first, without their pivots and traces; `-` = of every generator."""
        request = tunings_pb2.ListTuningsRequest(parent=generator_name(generator))
        pages = self._pages(self._transport.tunings.ListTunings, request)
        return [Tuning.from_wire(message) for page in pages for message in page.tunings]

    def export_tuning(
        self, name: str | Tuning, path: str | os.PathLike[str], *, timeout: float = EXPORT_TIMEOUT
    ) -> Path:
        """Writes the tuned weights as a safetensors file, atomically.

        It holds the tensors that changed, float32, by the names of the generator's module, and its header what `Tuning`
        tells: `pullback.inversion.tuning.TunedWeights` of the numerical library reads it.

        Raises:
            NotFoundError: There is none of that name.
        """
        request = tunings_pb2.StreamTuningRequest(name=tuning_name(name))
        stream = self._transport.stream(self._transport.tunings.StreamTuning, request, timeout=timeout)
        write_bytes(Path(path), b"".join(piece.data for piece in stream))
        return Path(path)

    def delete_tuning(self, name: str | Tuning) -> None:
        """Deletes a tuning.

        Raises:
            NotFoundError: There is none of that name.
        """
        request = tunings_pb2.DeleteTuningRequest(name=tuning_name(name))
        self._transport.call(self._transport.tunings.DeleteTuning, request)

    def _tuning_job(self, message: jobs_pb2.Job) -> Job[Tuning]:
        return Job(self._transport, message, lambda done: self.get_tuning(done.result))
