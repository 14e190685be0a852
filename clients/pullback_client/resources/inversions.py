"""Inversions of photographs: computed, checked, fetched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, overload

from pullback_api.v1 import inversion_pb2, jobs_pb2
from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput, is_image
from pullback_client.inversion.checks import CheckedInversion, check_photographs
from pullback_client.inversion.course import InversionJob, Outcomes, framed, outcomes
from pullback_client.inversion.framing import Framing
from pullback_client.inversion.options import InversionOptions, inversion_settings
from pullback_client.inversion.received import outcomes_from_wire
from pullback_client.inversion.requests import MAX_TARGETS, invert_request, parts, photographs
from pullback_client.inversion.result import Inversion, InversionFailure, InversionOutcome
from pullback_client.inversion.tuning import TuningOptions
from pullback_client.jobs.job import JOB_TIMEOUT, Job
from pullback_client.jobs.progress import ProgressOption, reporting
from pullback_client.resources.connection import new_request_id
from pullback_client.resources.tunings import TuningCalls
from pullback_client.wire.transport import Deadline

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


class InversionCalls(TuningCalls):
    """The calls of inversions."""

    @overload  # a path is also a sequence of strings; the first match is meant
    def invert(  # type: ignore[overload-overlap]
        self,
        images: ImageInput,
        generator: str,
        *,
        tune: bool | TuningOptions = False,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> Inversion: ...

    @overload
    def invert(
        self,
        images: Sequence[ImageInput],
        generator: str,
        *,
        tune: bool | TuningOptions = False,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> list[InversionOutcome]: ...

    def invert(
        self,
        images: ImageInput | Sequence[ImageInput],
        generator: str,
        *,
        tune: bool | TuningOptions = False,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> Inversion | list[InversionOutcome]:
        """Finds latents that draw the images.

        Most methods work in a global eigenbasis. Where no `eigenbasis=` is named, the server has the one of the default
        specification computed first, if it does not have it yet: the job waits for that, and its progress says how far
        it is. Before that the whole request is checked, and every image with it.

        An image of a list that cannot be read, sent or inverted fails alone: an `InversionFailure` stands in its place,
        and says why. An image that is given alone raises that error.

        Args:
            images: One image, or a list of any length: paths, open files or files' bytes (sent as they are), Pillow
                images, or pixels, as arrays or tensors (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16, bool
                or floats in [0, 1]; see `ImageInput`.
            generator: Name of the generator.
            tune: Whether the generator's weights are tuned to each photograph afterwards, by itself: True, or how; see
                `tune`. The inversions' `tuning` names them.
            progress: A callback for the jobs' events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the jobs, the eigenbasis's included; an hour where not given.
            **options: See `InversionOptions`.

        Returns:
            The inversion of the image; for a list, a list of what became of each.

        Raises:
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which. A single image
                that cannot be used.
            NotFoundError: No such generator or eigenbasis.
            FailedPreconditionError: The eigenbasis does not serve this generator and space.
            JobFailedError: The inversion of a single image failed.
            DeadlineExceededError: Not finished in time; the job goes on. Of a list, `iter_invert` keeps what was
                finished before.
        """
        deadline = Deadline(timeout)
        found = self._outcomes(images, generator, options, tune, MAX_TARGETS, progress, lambda: deadline)
        if not is_image(images):
            return list(found)
        (outcome,) = found
        if isinstance(outcome, InversionFailure):
            raise outcome.error
        return outcome

    def iter_invert(
        self,
        images: Sequence[ImageInput],
        generator: str,
        *,
        per_request: int = 32,
        tune: bool | TuningOptions = False,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> Outcomes:
        """`invert` for many images: what became of each, in their order, as soon as its request is finished.

        Each request is sent while the one before is worked on. Closing the iterator cancels the one that was sent
        ahead; the one that is followed goes on.

        Args:
            images: A list of images, as `invert` takes them; they are read when their turn comes.
            generator: Name of the generator.
            per_request: At most so many images in one request, 1 to 256; fewer are known sooner.
            tune: As for `invert`.
            progress: As for `invert`; the events' `portion` says which of the images a job works on.
            timeout: Seconds to follow each job; an hour where not given.
            **options: See `InversionOptions`.

        Raises:
            ClientError: As `invert` does, but for what is wrong with single images.
        """
        if not 1 <= per_request <= MAX_TARGETS:
            raise InvalidArgumentError(f"per_request must be from 1 to {MAX_TARGETS}, got {per_request}")
        return self._outcomes(images, generator, options, tune, per_request, progress, lambda: Deadline(timeout))

    def check_inversion(
        self, images: ImageInput | Sequence[ImageInput], generator: str, **options: Unpack[InversionOptions]
    ) -> CheckedInversion:
        """Has the server check an inversion, every image included, without beginning it.

        An eigenbasis that is named must exist.

        Returns:
            What is wrong with each image, and the space of the latents.

        Raises:
            ClientError: What is wrong whatever the images are, as `invert` raises it.
        """
        wanted = inversion_settings(generator, options)

        def check(targets: list[inversion_pb2.Target]) -> jobs_pb2.Job:
            request = inversion_pb2.InvertRequest(settings=wanted, targets=targets, validate_only=True)
            job: jobs_pb2.Job = self._transport.call(self._transport.inversion.Invert, request)
            return job

        return check_photographs(photographs(images, options), MAX_TARGETS, check)

    def submit_inversion(
        self, images: ImageInput | Sequence[ImageInput], generator: str, **options: Unpack[InversionOptions]
    ) -> Job[list[InversionOutcome]]:
        """`invert` without waiting, as one request of at most 256 images; the job's result is a list in any case.

        Raises:
            InvalidArgumentError: As `invert`, and a file or an array that cannot be sent.
            ResourceExhaustedError: Images that are too large for one message.
            FailedPreconditionError: The eigenbasis does not serve this generator and space.
        """
        request, framings = invert_request(images, generator, options)
        return self._invert(request, framings)

    def get_inversion(self, name: str) -> list[InversionOutcome]:
        """The results of a finished inversion, `inversions/{id}`, one per image.

        Raises:
            NotFoundError: There is none of that name.
            FailedPreconditionError: Its job has not succeeded.
        """
        request = inversion_pb2.GetInversionRequest(name=name)
        return outcomes_from_wire(self._transport.call(self._transport.inversion.GetInversion, request))

    def delete_inversion(self, name: str) -> None:
        """Deletes an inversion, `inversions/{id}`: its images, latents and masks. Its job stays: see `delete_job`.

        Raises:
            NotFoundError: There is none of that name.
        """
        request = inversion_pb2.DeleteInversionRequest(name=name)
        self._transport.call(self._transport.inversion.DeleteInversion, request)

    def _outcomes(
        self,
        images: ImageInput | Sequence[ImageInput],
        generator: str,
        options: InversionOptions,
        tune: bool | TuningOptions,
        per_request: int,
        progress: ProgressOption,
        deadline: Callable[[], Deadline],
    ) -> Outcomes:
        """Checks the options at once; reads and sends the images as the outcomes are asked for."""
        common = inversion_settings(generator, options)
        asked = photographs(images, options)
        tuned: TuningOptions | None = ({} if tune else None) if isinstance(tune, bool) else tune

        def submit(targets: list[inversion_pb2.Target]) -> InversionJob:
            return self._invert(inversion_pb2.InvertRequest(settings=common, targets=targets))

        def follow() -> Outcomes:
            with reporting(progress) as report:
                found = outcomes(parts(asked, per_request), len(asked), submit=submit, deadline=deadline, report=report)
                with closing(found):
                    for outcome in found:
                        if tuned is None or isinstance(outcome, InversionFailure):
                            yield outcome
                        else:
                            left = deadline().remaining()
                            tuning = self.tune(outcome, generator, progress=report, timeout=left, **tuned)
                            yield replace(outcome, tuning=tuning.name)

        return follow()

    def _invert(self, request: inversion_pb2.InvertRequest, framings: Sequence[Framing] | None = None) -> InversionJob:
        request.request_id = new_request_id()
        message = self._transport.call(self._transport.inversion.Invert, request)

        def fetch(done: jobs_pb2.Job) -> list[InversionOutcome]:
            results = self.get_inversion(done.result)
            return results if framings is None else framed(results, framings, done.name)

        return Job(self._transport, message, fetch)
