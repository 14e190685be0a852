"""The client: generators, eigenbases, analyses, inversions, searches and directions of a Pullback server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

import numpy.typing as npt
from PIL import Image

from pullback_api.v1 import (
    directions_pb2,
    generators_pb2,
    geometry_pb2,
    inversion_pb2,
    jobs_pb2,
    search_pb2,
    specs_pb2,
)
from pullback_client import settings
from pullback_client.analysis import Analysis, AnalysisInfo
from pullback_client.checking import CheckedInversion, check_photographs
from pullback_client.codec import Array, array_from_tensor, image_from_wire, tensor_from_array
from pullback_client.directions import finding, walking
from pullback_client.directions.direction_set import Directions
from pullback_client.directions.editing import Edit, EditOutcomes
from pullback_client.directions.link import DirectionsLink
from pullback_client.directions.options import DirectionsOptions, ImportFormat, directions_spec
from pullback_client.directions.records import Direction, DirectionsInfo
from pullback_client.directions.starts import WalkStart
from pullback_client.directions.traversal import Frame, Traversal
from pullback_client.directions.walk_options import WalkOptions
from pullback_client.eigenbasis import Eigenbasis, EigenbasisInfo
from pullback_client.errors import BadResponseError, InvalidArgumentError
from pullback_client.framing import Framing
from pullback_client.images import ImageInput, is_image
from pullback_client.inversion import Inversion, InversionFailure, InversionOutcome, outcomes_from_wire
from pullback_client.inversion_options import (
    InversionOptions,
    default_eigenbasis,
    eigenbasis_name,
    inversion_settings,
    moving_space,
)
from pullback_client.inverting import InversionJob, Outcomes, framed, outcomes
from pullback_client.jobs import JOB_TIMEOUT, Job
from pullback_client.lookup import find_job, find_session
from pullback_client.models import CatalogueFault, Distance, Generator, JobState
from pullback_client.progress import ProgressCallback, ProgressOption, reporting
from pullback_client.requests import MAX_TARGETS, Photograph, invert_request, parts, photographs
from pullback_client.search.asker import checked_name
from pullback_client.search.options import EvolveOptions, session_spec
from pullback_client.search.records import SessionState, SessionStatus
from pullback_client.search.session import EvolutionSession
from pullback_client.settings import EigenbasisOptions
from pullback_client.transport import Deadline, Transport

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack

DEFAULT_TARGET = "127.0.0.1:50051"
TARGET_VARIABLE = "PULLBACK_TARGET"

CALL_TIMEOUT = 30.0
"""Seconds that a call may take where nothing else is said."""

RENDER_TIMEOUT = 600.0
"""Seconds that sampling and rendering may take: the first time, a worker starts and fetches the weights."""

AnyJob: TypeAlias = Job[Eigenbasis | list[InversionOutcome] | Analysis | Directions]
_Page = TypeVar("_Page")


class Client:
    """A connection to a Pullback server. Use it as a context manager, or close it.

    Every call has a deadline. Calls that do no harm twice are tried again while the server cannot be reached. Objects
    of this class may be shared between threads.

    Args:
        target: Address of the server; None = $PULLBACK_TARGET, or `127.0.0.1:50051` where that is not set.
        timeout: Seconds that a call may take. Jobs and rendering have longer deadlines of their own.
    """

    def __init__(self, target: str | None = None, *, timeout: float = CALL_TIMEOUT) -> None:
        self.target = target or os.environ.get(TARGET_VARIABLE) or DEFAULT_TARGET
        self._transport = Transport(self.target, timeout)
        self._directions = DirectionsLink(self._transport)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed; then every call raises FailedPreconditionError."""
        return self._transport.closed

    def close(self) -> None:
        """Closes the connection. Jobs go on."""
        self._transport.close()

    # Generators and distances

    def generators(self) -> list[Generator]:
        """The generators of the server's catalogue, by name."""
        method = self._transport.generators.ListGenerators
        pages = self._pages(method, generators_pb2.ListGeneratorsRequest())
        return [Generator.from_wire(message) for page in pages for message in page.generators]

    def catalogue_faults(self) -> list[CatalogueFault]:
        """What of the server's catalogue files cannot be used; such generators are not among `generators()`."""
        request = generators_pb2.ListGeneratorsRequest(page_size=1)
        answer = self._transport.call(self._transport.generators.ListGenerators, request)
        return [CatalogueFault.from_wire(message) for message in answer.faults]

    def generator(self, name: str) -> Generator:
        """One generator.

        Raises:
            NotFoundError: The catalogue has none of that name; the message lists the known ones.
            FailedPreconditionError: Its entry cannot be used; the message says why.
        """
        request = generators_pb2.GetGeneratorRequest(name=settings.generator_name(name))
        return Generator.from_wire(self._transport.call(self._transport.generators.GetGenerator, request))

    def sample(
        self,
        generator: str,
        count: int = 1,
        *,
        space: str | None = None,
        seed: int = 0,
        timeout: float = RENDER_TIMEOUT,
    ) -> Array:
        """Draws latents from the prior of a space; the same seed gives the same latents.

        Args:
            generator: Name of the generator.
            count: How many, 1 to 10000.
            space: Latent space; None = the generator's first.
            seed: ≥ 0.
            timeout: Seconds.

        Returns:
            float32, shape (count, dim).
        """
        request = generators_pb2.SampleLatentsRequest(
            generator=settings.generator_name(generator),
            space=space or "",
            count=settings.whole_number("count", count, minimum=1),
            seed=settings.whole_number("seed", seed, minimum=0),
        )
        answer = self._transport.call(self._transport.generators.SampleLatents, request, timeout=timeout)
        return array_from_tensor(answer.latents, "latents")

    def render(
        self,
        generator: str,
        latents: npt.ArrayLike,
        *,
        space: str | None = None,
        timeout: float = RENDER_TIMEOUT,
    ) -> list[Image.Image]:
        """The images of latents, in their order. Arguments as for `iter_render`."""
        return list(self.iter_render(generator, latents, space=space, timeout=timeout))

    def iter_render(
        self,
        generator: str,
        latents: npt.ArrayLike,
        *,
        space: str | None = None,
        timeout: float = RENDER_TIMEOUT,
    ) -> Iterator[Image.Image]:
        """The images of latents, as they are finished, in their order.

        Args:
            generator: Name of the generator.
            latents: All finite, shape (n, dim) or (dim,), n from 1 to 10000.
            space: Latent space; None = the generator's first.
            timeout: Seconds in all.
        """
        tensor = tensor_from_array(latents)
        if len(tensor.shape) == 1:
            tensor.shape.insert(0, 1)
        request = generators_pb2.RenderRequest(
            generator=settings.generator_name(generator), space=space or "", latents=tensor
        )
        stream = self._transport.stream(self._transport.generators.Render, request, timeout=timeout)
        return (image_from_wire(answer.image, f"image {answer.index}") for answer in stream)

    def distances(self) -> list[Distance]:
        """The image distances, the default first.

        A name may say a side where the distance takes one: `lpips-vgg@256` compares images resized to 256 × 256 px.
        """
        request = geometry_pb2.ListDistancesRequest()
        answer = self._transport.call(self._transport.geometry.ListDistances, request)
        return [Distance.from_wire(message) for message in answer.distances]

    # Eigenbases

    def eigenbasis(
        self,
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[EigenbasisOptions],
    ) -> Eigenbasis:
        """The global eigenbasis of a generator: at once where the server has it, else once it is computed.

        Args:
            generator: Name of the generator.
            progress: A callback for the job's events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the job; an hour where not given.
            **options: Space, distance, estimator and samples: see `EigenbasisOptions`.

        Raises:
            NotFoundError: No such generator.
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which.
            JobFailedError: The computation failed.
            DeadlineExceededError: Not finished in time; the job goes on.
        """
        job = self.submit_eigenbasis(generator, **options)
        return job.result(timeout, progress=progress)

    def submit_eigenbasis(self, generator: str, **options: Unpack[EigenbasisOptions]) -> Job[Eigenbasis]:
        """`eigenbasis` without waiting. Where it exists already, the job is the finished one that made it."""
        return self._compute(settings.eigenbasis_spec(generator, options))

    def get_eigenbasis(self, name: str) -> Eigenbasis:
        """The eigenbasis of a resource name, `generators/{generator}/eigenbases/{id}`.

        Raises:
            NotFoundError: There is none of that name.
        """
        request = geometry_pb2.GetEigenbasisRequest(name=name)
        return Eigenbasis.from_wire(self._transport.call(self._transport.geometry.GetEigenbasis, request))

    def eigenbases(self, generator: str = "-") -> list[EigenbasisInfo]:
        """The eigenbases of a generator, newest first, without their arrays; `-` = of every generator."""
        request = geometry_pb2.ListEigenbasesRequest(parent=settings.generator_name(generator))
        pages = self._pages(self._transport.geometry.ListEigenbases, request)
        return [EigenbasisInfo.from_wire(message) for page in pages for message in page.eigenbases]

    def delete_eigenbasis(self, name: str | EigenbasisInfo) -> None:
        """Deletes an eigenbasis.

        Raises:
            NotFoundError: There is none of that name.
            FailedPreconditionError: An unfinished job uses it.
        """
        request = geometry_pb2.DeleteEigenbasisRequest(name=eigenbasis_name(name))
        self._transport.call(self._transport.geometry.DeleteEigenbasis, request)

    # Analyses

    def analyze(
        self,
        generator: str,
        *,
        space: str | None = None,
        distance: str | None = None,
        positions: int | None = None,
        control_positions: int | None = None,
        compared_distances: Sequence[str] | None = None,
        seed: int = 0,
        max_memory_mib: int | None = None,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
    ) -> Analysis:
        """The tables and figures of Wang & Ponce (ICLR 2021) for a generator: at once where the server has them.

        Args:
            generator: Name of the generator.
            space: Latent space; None = the generator's first.
            distance: Image distance whose metric is analysed; None = the server's default.
            positions: Positions at which the metric is computed exactly, 2 to 2000; None = 50.
            control_positions: Positions for the other distances and for the weight-shuffled control, 2 to
                `positions`; None = 10, or `positions` where that is less.
            compared_distances: Other distances to compare with; None = st-lpips-alex, mse and ssim.
            seed: Seed of the positions and of the control, ≥ 0.
            max_memory_mib: MiB that the metric at a position may add to the worker's memory; None = no bound. It
                changes what is found by rounding alone.
            progress: A callback for the job's events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the job; an hour where not given.

        Raises:
            NotFoundError: No such generator.
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which.
            JobFailedError: The computation failed.
            DeadlineExceededError: Not finished in time; the job goes on.
        """
        job = self.submit_analysis(
            generator,
            space=space,
            distance=distance,
            positions=positions,
            control_positions=control_positions,
            compared_distances=compared_distances,
            seed=seed,
            max_memory_mib=max_memory_mib,
        )
        return job.result(timeout, progress=progress)

    def submit_analysis(
        self,
        generator: str,
        *,
        space: str | None = None,
        distance: str | None = None,
        positions: int | None = None,
        control_positions: int | None = None,
        compared_distances: Sequence[str] | None = None,
        seed: int = 0,
        max_memory_mib: int | None = None,
    ) -> Job[Analysis]:
        """`analyze` without waiting. Where it exists already, the job is the finished one that made it."""
        spec = settings.analysis_spec(
            generator,
            space=space,
            distance=distance,
            positions=positions,
            control_positions=control_positions,
            compared_distances=compared_distances,
            seed=seed,
            max_memory_mib=max_memory_mib,
        )
        request = geometry_pb2.AnalyzeMetricRequest(request_id=_request_id(), spec=spec)
        message = self._transport.call(self._transport.geometry.AnalyzeMetric, request)
        return Job(self._transport, message, lambda done: self.get_analysis(done.result))

    def get_analysis(self, name: str) -> Analysis:
        """The analysis of a resource name, `generators/{generator}/analyses/{id}`.

        Raises:
            NotFoundError: There is none of that name.
            FailedPreconditionError: Its job has not succeeded.
        """
        request = geometry_pb2.GetAnalysisRequest(name=name)
        return Analysis.from_wire(self._transport.call(self._transport.geometry.GetAnalysis, request))

    def analyses(self, generator: str = "-") -> list[AnalysisInfo]:
        """The analyses of a generator, newest first, without what they found; `-` = of every generator."""
        request = geometry_pb2.ListAnalysesRequest(parent=settings.generator_name(generator))
        pages = self._pages(self._transport.geometry.ListAnalyses, request)
        return [AnalysisInfo.from_wire(message) for page in pages for message in page.analyses]

    # Inversion

    @overload  # a path is also a sequence of strings; the first match is meant
    def invert(  # type: ignore[overload-overlap]
        self,
        images: ImageInput,
        generator: str,
        *,
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
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> list[InversionOutcome]: ...

    def invert(
        self,
        images: ImageInput | Sequence[ImageInput],
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> Inversion | list[InversionOutcome]:
        """Finds latents that draw the images.

        Most methods work in a global eigenbasis. Where no `eigenbasis=` is named, the one of the default specification
        is computed first, if the server does not have it yet; before that the whole request is checked, and every
        image with it.

        An image of a list that cannot be read, sent or inverted fails alone: an `InversionFailure` stands in its place,
        and says why. An image that is given alone raises that error.

        Args:
            images: One image, or a list of any length: paths, open files or files' bytes (sent as they are), Pillow
                images, or pixels, as arrays or tensors (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16, bool
                or floats in [0, 1]; see `ImageInput`.
            generator: Name of the generator.
            progress: A callback for the jobs' events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the jobs, the eigenbasis's included; an hour where not given.
            **options: See `InversionOptions`.

        Returns:
            The inversion of the image; for a list, a list of what became of each.

        Raises:
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which. A single image
                that cannot be used.
            NotFoundError: No such generator or eigenbasis.
            FailedPreconditionError: The eigenbasis does not serve this generator, space and distance.
            JobFailedError: The inversion of a single image failed.
            DeadlineExceededError: Not finished in time; the job goes on. Of a list, `iter_invert` keeps what was
                finished before.
        """
        deadline = Deadline(timeout)
        found = self._outcomes(images, generator, options, MAX_TARGETS, progress, lambda: deadline)
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
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> Outcomes:
        """`invert` for many images: what became of each, in their order, as soon as its request is finished.

        Each request is sent while the one before is worked on. Closing the iterator cancels the one that was sent
        ahead; the one that is followed goes on.

        Args:
            images: A list of images, as `invert` takes them; they are read when their turn comes, and once before where
                the eigenbasis has to be computed.
            generator: Name of the generator.
            per_request: At most so many images in one request, 1 to 256; fewer are known sooner.
            progress: As for `invert`; the events' `portion` says which of the images a job works on.
            timeout: Seconds to follow each job; an hour where not given.
            **options: See `InversionOptions`.

        Raises:
            ClientError: As `invert` does, but for what is wrong with single images.
        """
        if not 1 <= per_request <= MAX_TARGETS:
            raise InvalidArgumentError(f"per_request must be from 1 to {MAX_TARGETS}, got {per_request}")
        return self._outcomes(images, generator, options, per_request, progress, lambda: Deadline(timeout))

    def check_inversion(
        self, images: ImageInput | Sequence[ImageInput], generator: str, **options: Unpack[InversionOptions]
    ) -> CheckedInversion:
        """Has the server check an inversion, every image included, without beginning it.

        What it needs an eigenbasis for need not exist yet; one that is named must.

        Returns:
            What is wrong with each image, and the space of the latents.

        Raises:
            ClientError: What is wrong whatever the images are, as `invert` raises it.
        """
        common = inversion_settings(generator, options)
        return self._check_inversion(common, photographs(images, options), MAX_TARGETS)

    def submit_inversion(
        self, images: ImageInput | Sequence[ImageInput], generator: str, **options: Unpack[InversionOptions]
    ) -> Job[list[InversionOutcome]]:
        """`invert` without waiting, as one request of at most 256 images; the job's result is a list in any case.

        Raises:
            InvalidArgumentError: As `invert`, and a file or an array that cannot be sent.
            ResourceExhaustedError: Images that are too large for one message.
            FailedPreconditionError: The method needs an eigenbasis that exists; `submit_eigenbasis` makes it.
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

    # Search

    def evolve(
        self,
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        client_name: str | None = None,
        **options: Unpack[EvolveOptions],
    ) -> EvolutionSession:
        """Begins a session that evolves images for whatever gives them scores.

        `hessian_cma` searches in a global eigenbasis. Where no `eigenbasis=` is named and the server has none that
        serves the generator and the space, the one of the default specification is computed first; before that the
        whole request is checked.

        Args:
            generator: Name of the generator.
            progress: A callback for the events of the eigenbasis's job; True = a bar, False = nothing, None = a bar in
                a terminal.
            timeout: Seconds to follow that job; an hour where not given.
            client_name: As for `session`.
            **options: See `EvolveOptions`.

        Raises:
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which.
            NotFoundError: No such generator or eigenbasis.
            FailedPreconditionError: The eigenbasis does not serve this generator and space.
            DeadlineExceededError: The eigenbasis is not finished in time; its job goes on.
        """
        spec, name = session_spec(generator, options), checked_name(client_name)
        deadline = Deadline(timeout)
        if lacking := [thread for thread in spec.threads if self._lacks_eigenbasis(thread)]:
            # What is wrong with the session is told before minutes are spent on it.
            request = search_pb2.CreateSessionRequest(spec=spec, validate_only=True)
            self._transport.call(self._transport.search.CreateSession, request)
        for thread in lacking:
            wanted = specs_pb2.EigenbasisSpec(generator=thread.generator, space=thread.space)
            self._compute(wanted).follow(deadline.remaining(), progress=progress)
        request = search_pb2.CreateSessionRequest(request_id=_request_id(), spec=spec)
        message = self._transport.call(self._transport.search.CreateSession, request)
        return EvolutionSession(self._transport, message, client_name=name)

    def session(self, name: str, *, client_name: str | None = None) -> EvolutionSession:
        """One session: attaches to it again.

        Trials that this program asked for before it crashed, and never told, are taken back before it asks for the
        first: they need not wait for the end of their lease. It is known by its client name.

        Args:
            name: Resource name, id, the beginning of one id, or title.
            client_name: Who asks, at most 200 characters: of no two programs that run at a time. None =
                `user@host/script`, with a number where such a script runs already.

        Raises:
            NotFoundError: There is none.
            InvalidArgumentError: There are several; the message names some.
        """
        message = find_session(self._transport, name)
        return EvolutionSession(self._transport, message, client_name=client_name, attached=True)

    def sessions(self, states: Iterable[SessionState | str] = ()) -> list[SessionStatus]:
        """The sessions in any of these states, newest first; without states, all sessions."""
        wanted = [SessionState.of(state).to_wire() for state in states]
        pages = self._pages(self._transport.search.ListSessions, search_pb2.ListSessionsRequest(states=wanted))
        return [SessionStatus.from_wire(message) for page in pages for message in page.sessions]

    # Directions

    def directions(
        self,
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[DirectionsOptions],
    ) -> Directions:
        """Edit directions of a generator: at once where the server has them, else once they are found.

        Directions are measured by a global eigenbasis. Where no `eigenbasis=` is named, the one of the default
        specification is computed first, if the server does not have it yet.

        Args:
            generator: Name of the generator.
            progress: A callback for the jobs' events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the jobs, the eigenbasis's included; an hour where not given.
            **options: See `DirectionsOptions`.

        Raises:
            NotFoundError: No such generator or eigenbasis.
            InvalidArgumentError: An unknown name, a number out of range, or a method that the generator cannot have;
                `field_violations` say which.
            JobFailedError: The search for directions failed.
            DeadlineExceededError: Not finished in time; the job goes on.
        """
        return finding.find(self, generator, options, progress, timeout)

    def submit_directions(self, generator: str, **options: Unpack[DirectionsOptions]) -> Job[Directions]:
        """`directions` without waiting. Where they exist already, the job is the finished one that found them.

        Raises:
            FailedPreconditionError: The eigenbasis by which they are measured does not exist; `submit_eigenbasis`
                makes it.
        """
        job = self._directions.discover(directions_spec(generator, options))
        return Job(self._transport, job, lambda done: self.get_directions(done.result))

    def direction(
        self,
        generator: str,
        word: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[DirectionsOptions],
    ) -> Direction:
        """One direction by a word for it.

        Args:
            generator: Name of the generator.
            word: `METHOD:INDEX`, such as `hessian:3`: what the method finds, with these options. `SET:INDEX`: of a set
                that the server has, by its id or resource name. Else the title that somebody gave it.
            progress: As for `directions`.
            timeout: As for `directions`.
            **options: Of the method: see `DirectionsOptions`.

        Raises:
            ClientError: As `directions` does.
            NotFoundError: No such set, or no direction of that title; the message lists the known ones.
            InvalidArgumentError: The set has no direction of that index, or several sets have one of that title.
        """
        return finding.find_by_word(self, self._directions, generator, word, options, progress, timeout)

    def get_directions(self, name: str) -> Directions:
        """The directions of a resource name, `generators/{generator}/directions/{id}`.

        Raises:
            NotFoundError: There are none of that name.
            FailedPreconditionError: Their job has not succeeded.
        """
        return self._directions.get(name)

    def list_directions(self, generator: str = "-") -> list[DirectionsInfo]:
        """The directions of a generator, newest first, without their arrays; `-` = of every generator."""
        request = directions_pb2.ListDirectionsRequest(parent=settings.generator_name(generator))
        pages = self._pages(self._transport.directions.ListDirections, request)
        return [DirectionsInfo.from_wire(message) for page in pages for message in page.directions]

    def import_directions(
        self,
        path: str | os.PathLike[str],
        generator: str,
        *,
        format: ImportFormat,
        space: str | None = None,
        eigenbasis: str | EigenbasisInfo | None = None,
        layers: Sequence[int] | None = None,
    ) -> Directions:
        """Keeps directions from a published file.

        The same file for the same generator and space, measured by the same eigenbasis on the same layers, is kept
        once.

        Args:
            path: The file.
            generator: Name of the generator.
            format: What file it is: `ganspace` (.npz), `sefa` (.npy), `local_basis` (.npy), `styleclip` (.npy),
                `deformator` (Voynov & Babenko), `hessian_penalty`, or `pullback` (what `Directions.save` wrote).
            space: Latent space that they lie in; None = the generator's first.
            eigenbasis: By which they are measured; None = the one of the default specification, which must exist.
            layers: Layers of a style-based generator on which a step acts; None = all.

        Raises:
            InvalidArgumentError: The file is not there or not of that format, or does not fit the generator.
            FailedPreconditionError: The eigenbasis does not exist; `eigenbasis` makes it.
        """
        basis = "" if eigenbasis is None else eigenbasis_name(eigenbasis)
        return self._directions.import_file(Path(path), generator, format, space or "", basis, layers)

    def delete_directions(self, name: str | DirectionsInfo) -> None:
        """Deletes directions and what people said of them.

        Raises:
            NotFoundError: There are none of that name.
            FailedPreconditionError: An unfinished job makes them.
        """
        self._directions.delete(name if isinstance(name, str) else name.name)

    def traverse(
        self,
        start: WalkStart,
        direction: Direction | str | None = None,
        *,
        generator: str | None = None,
        space: str | None = None,
        inversion: InversionOptions | None = None,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[WalkOptions],
    ) -> Traversal:
        """Walks from a latent, or from a photograph that is inverted first, along a direction.

        Args:
            start: A latent (dim,), an inversion, or a photograph: a path, a Pillow image, or an array of pixels.
            direction: A direction, or a word for it: see `direction`. Of a local method (`local_basis:0`) that word,
                like one for `second`, means what it finds at the start. None with `kind="curve"`: the curve keeps to a
                local axis.
            generator: Name of the generator; None = that of the direction or of the inversion.
            space: Space of a latent; None = the generator's first. Of a photograph, the space in which it is inverted;
                None = that of the direction. A latent of z is mapped where the direction lies in w or w+.
            inversion: Of a photograph: how it is inverted; see `InversionOptions`.
            progress: As for `invert`.
            timeout: Seconds for all that is needed together; an hour where not given.
            **options: See `WalkOptions`.

        Raises:
            ClientError: As `invert` and `direction` do.
            InvalidArgumentError: Options that do not go together, or a latent or a direction that does not fit.
        """
        deadline = Deadline(timeout)
        walker = walking.Walker(self, self._directions, deadline, progress)
        request = walker.request(start, direction, generator, space, inversion or {}, options)
        request.strip = request.animation = True
        return Traversal.read(self._directions.walk(request, deadline.remaining()), request)

    def iter_traverse(
        self,
        start: WalkStart,
        direction: Direction | str | None = None,
        *,
        generator: str | None = None,
        space: str | None = None,
        inversion: InversionOptions | None = None,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[WalkOptions],
    ) -> Iterator[Frame]:
        """The frames of a walk, as they are finished, in their order. Arguments as for `traverse`."""
        deadline = Deadline(timeout)
        walker = walking.Walker(self, self._directions, deadline, progress)
        request = walker.request(start, direction, generator, space, inversion or {}, options)
        pieces = self._directions.walk(request, deadline.remaining())
        return (Frame.from_wire(piece.frame) for piece in pieces if piece.HasField("frame"))

    def edit(
        self,
        photograph: ImageInput,
        generator: str,
        direction: Direction | str,
        strength: float,
        *,
        walk: WalkOptions | None = None,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> Edit:
        """Edits a photograph: inverts it and walks from there along a direction.

        Args:
            photograph: An image, as `invert` takes it.
            generator: Name of the generator.
            direction: A direction, or a word for it; as `traverse` takes it.
            strength: How far, signed, not 0; in steps of α_H^−½ unless `walk` says otherwise.
            walk: How the walk goes, but for where it begins and ends; see `WalkOptions`. Its distance is
                the inversion's where none is given.
            progress: As for `invert`.
            timeout: Seconds to follow each job, and for the walk; an hour where not given.
            **options: How it is inverted; see `InversionOptions`. The space is the direction's where none is given.

        Raises:
            ClientError: As `invert` and `traverse` do.
        """
        edits = self.iter_edit(
            [photograph], generator, direction, strength, walk=walk, progress=progress, timeout=timeout, **options
        )
        (outcome,) = edits
        if isinstance(outcome, InversionFailure):
            raise outcome.error
        return outcome

    def iter_edit(
        self,
        photographs: Sequence[ImageInput],
        generator: str,
        direction: Direction | str,
        strength: float,
        *,
        walk: WalkOptions | None = None,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> EditOutcomes:
        """`edit` for many photographs: what became of each, in their order, as soon as it is known.

        An `InversionFailure` stands in the place of one that could not be inverted. Closing the iterator cancels what
        was sent ahead, as for `iter_invert`.
        """
        given: WalkOptions = walk or {}
        return walking.edits(
            self, self._directions, photographs, generator, direction, strength, given, options, progress, timeout
        )

    # Jobs

    def jobs(self, states: Iterable[JobState | str] = ()) -> list[AnyJob]:
        """The jobs in any of these states, newest first; without states, all jobs."""
        wanted = [settings.job_state(state).to_wire() for state in states]
        pages = self._pages(self._transport.jobs.ListJobs, jobs_pb2.ListJobsRequest(states=wanted))
        return [self._any_job(message) for page in pages for message in page.jobs]

    def job(self, name: str) -> AnyJob:
        """One job, by resource name, by id, or by the beginning of one id.

        Raises:
            NotFoundError: There is none.
            InvalidArgumentError: There are several; the message names some.
        """
        return self._any_job(find_job(self._transport, name))

    def _compute(self, spec: specs_pb2.EigenbasisSpec, *, validate_only: bool = False) -> Job[Eigenbasis]:
        request = geometry_pb2.ComputeEigenbasisRequest(
            request_id=_request_id(), spec=spec, validate_only=validate_only
        )
        message = self._transport.call(self._transport.geometry.ComputeEigenbasis, request)
        return Job(self._transport, message, lambda done: self.get_eigenbasis(done.result))

    def _outcomes(
        self,
        images: ImageInput | Sequence[ImageInput],
        generator: str,
        options: InversionOptions,
        per_request: int,
        progress: ProgressOption,
        deadline: Callable[[], Deadline],
    ) -> Outcomes:
        """Checks the options at once; reads and sends the images as the outcomes are asked for."""
        common = inversion_settings(generator, options)
        asked = photographs(images, options)

        def follow() -> Outcomes:
            with reporting(progress) as report:
                cut = parts(asked, per_request)
                first = next(cut)
                refused: Sequence[InversionFailure | None] = ()
                if first.targets:  # where nothing can be read, nothing is needed
                    refused = self._prepare_inversion(common, asked, per_request, deadline(), report)
                cut = parts(asked, per_request, refused) if any(refused) else chain([first], cut)

                def submit(targets: list[inversion_pb2.Target]) -> InversionJob:
                    return self._invert(inversion_pb2.InvertRequest(settings=common, targets=targets))

                yield from outcomes(cut, len(asked), submit=submit, deadline=deadline, report=report)

        return follow()

    def _prepare_inversion(
        self,
        wanted: specs_pb2.InversionSettings,
        asked: Sequence[Photograph],
        per_request: int,
        deadline: Deadline,
        report: ProgressCallback,
    ) -> Sequence[InversionFailure | None]:
        """Sees to it that an inversion has its eigenbasis, and names it.

        Where it has to be computed, the whole request is checked before, with all photographs: returns what is wrong
        with each then.
        """
        if (spec := default_eigenbasis(wanted)) is None:
            return ()
        if wanted.class_mode:
            spec.space = moving_space(self.generator(wanted.generator), wanted)
        try:
            job = self._compute(spec, validate_only=True)
            if job.state is JobState.SUCCEEDED:
                wanted.eigenbasis = job.result_name
                return ()
        except InvalidArgumentError:
            # Of an eigenbasis that nobody asked for: the inversion's own check tells it in the caller's words.
            self._check_inversion(wanted, asked, per_request)
            raise
        checked = self._check_inversion(wanted, asked, per_request)
        if not checked.is_hopeless:
            wanted.eigenbasis = self._compute(spec).follow(deadline.remaining(), progress=report).result_name
        return checked.failures

    def _check_inversion(
        self, wanted: specs_pb2.InversionSettings, asked: Sequence[Photograph], per_request: int
    ) -> CheckedInversion:
        def check(targets: list[inversion_pb2.Target]) -> jobs_pb2.Job:
            request = inversion_pb2.InvertRequest(settings=wanted, targets=targets, validate_only=True)
            job: jobs_pb2.Job = self._transport.call(self._transport.inversion.Invert, request)
            return job

        return check_photographs(asked, per_request, check)

    def _lacks_eigenbasis(self, thread: search_pb2.ThreadSpec) -> bool:
        """Whether a thread searches in an eigenbasis, names none, and the server has none that serves."""
        if thread.optimizer.method != search_pb2.SEARCH_METHOD_HESSIAN_CMA or thread.eigenbasis:
            return False
        generator = self.generator(thread.generator)
        space = thread.space or next(iter(generator.spaces))
        return not any(
            basis.space == space and basis.generator_weights_hash == generator.weights_hash
            for basis in self.eigenbases(generator.name)
        )

    def _invert(self, request: inversion_pb2.InvertRequest, framings: Sequence[Framing] | None = None) -> InversionJob:
        request.request_id = _request_id()
        message = self._transport.call(self._transport.inversion.Invert, request)

        def fetch(done: jobs_pb2.Job) -> list[InversionOutcome]:
            results = self.get_inversion(done.result)
            return results if framings is None else framed(results, framings, done.name)

        return Job(self._transport, message, fetch)

    def _any_job(self, message: jobs_pb2.Job) -> AnyJob:
        return Job(self._transport, message, self._fetch)

    def _fetch(self, done: jobs_pb2.Job) -> Eigenbasis | list[InversionOutcome] | Analysis | Directions:
        match done.WhichOneof("work"):
            case "compute_eigenbasis":
                return self.get_eigenbasis(done.result)
            case "invert":
                return self.get_inversion(done.result)
            case "analyze_metric":
                return self.get_analysis(done.result)
            case "discover_directions":
                return self.get_directions(done.result)
            case _:
                raise BadResponseError(f"{done.name} does work that this client does not know; update pullback")

    def _pages(self, method: Callable[..., _Page], request: Any) -> Iterator[_Page]:
        """The pages of a list, each asked for when the one before is used up."""
        while True:
            page: Any = self._transport.call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _request_id() -> str:
    """A name for one request, which makes sending it again harmless."""
    return uuid.uuid4().hex
