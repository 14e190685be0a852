"""Edit directions of generators: found with the eigenbasis that measures them, fetched, listed, imported, deleted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pullback_api.v1 import directions_pb2
from pullback_client.directions.direction_set import Directions
from pullback_client.directions.link import DirectionsLink
from pullback_client.directions.options import DirectionsOptions, ImportFormat, directions_spec
from pullback_client.directions.records import Direction, DirectionsInfo
from pullback_client.directions.reference import Reference, set_of_title
from pullback_client.eigenbasis.basis import EigenbasisInfo, eigenbasis_name
from pullback_client.errors import InvalidArgumentError, NotFoundError
from pullback_client.jobs.job import JOB_TIMEOUT, Job
from pullback_client.jobs.progress import ProgressOption, reporting
from pullback_client.resources.eigenbases import EigenbasisCalls
from pullback_client.resources.generators import GeneratorCalls
from pullback_client.resources.places import check_index
from pullback_client.wire.names import generator_name
from pullback_client.wire.transport import Deadline

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


class DirectionCalls(EigenbasisCalls, GeneratorCalls):
    """The calls of directions."""

    @cached_property
    def _directions(self) -> DirectionsLink:
        return DirectionsLink(self._transport)

    def discover_directions(
        self,
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[DirectionsOptions],
    ) -> Directions:
        """Edit directions of a generator: at once where the server has them, else once they are found.

        Directions are measured by a global eigenbasis. Where no `eigenbasis=` is named, the server has the one of the
        default specification computed first, if it does not have it yet: the job waits for that, and its progress says
        how far it is.

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
        deadline = Deadline(timeout)
        with reporting(progress) as report:
            return self.submit_directions(generator, **options).result(deadline.remaining(), progress=report)

    def submit_directions(self, generator: str, **options: Unpack[DirectionsOptions]) -> Job[Directions]:
        """`discover_directions` without waiting. Where they exist already, the job is the one that found them."""
        job = self._directions.discover(directions_spec(generator, options))
        return Job(self._transport, job, lambda done: self.get_directions(done.result))

    def find_direction(
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
            progress: As for `discover_directions`.
            timeout: As for `discover_directions`.
            **options: Of the method: see `DirectionsOptions`.

        Raises:
            ClientError: As `discover_directions` does.
            NotFoundError: No such set, or no direction of that title; the message lists the known ones.
            InvalidArgumentError: The set has no direction of that index, or several sets have one of that title.
        """
        asked = Reference.read(word, generator)
        if asked.method:
            check_index(self, self._directions, generator, asked, options)
            wanted: Any = {**options, "method": asked.method}
            return asked.pick(self.discover_directions(generator, progress=progress, timeout=timeout, **wanted))
        if asked.name and (found := self._set_called(asked.name)) is not None:
            return asked.pick(found)
        # A title, which may well end in a colon and a number.
        return self.get_directions(set_of_title(word, self.list_directions(generator), generator))[word]

    def get_directions(self, name: str) -> Directions:
        """The directions of a resource name, `generators/{generator}/directions/{id}`.

        Raises:
            NotFoundError: There are none of that name.
            FailedPreconditionError: Their job has not succeeded.
        """
        return Directions.fetch(self._directions, name)

    def list_directions(self, generator: str = "-") -> list[DirectionsInfo]:
        """The directions of a generator, newest first, without their arrays; `-` = of every generator."""
        request = directions_pb2.ListDirectionsRequest(parent=generator_name(generator))
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
            FailedPreconditionError: The eigenbasis does not exist; `compute_eigenbasis` makes it.
        """
        basis = "" if eigenbasis is None else eigenbasis_name(eigenbasis)
        kept = self._directions.import_file(Path(path), generator, format, space or "", basis, layers)
        return self.get_directions(kept)

    def delete_directions(self, name: str | DirectionsInfo) -> None:
        """Deletes directions and what people said of them.

        Raises:
            NotFoundError: There are none of that name.
            FailedPreconditionError: An unfinished job makes them.
        """
        self._directions.delete(name if isinstance(name, str) else name.name)

    def _set_called(self, name: str) -> Directions | None:
        """The set of that resource name; None where no set is, or can be, called so."""
        try:
            return self.get_directions(name)
        except (NotFoundError, InvalidArgumentError):
            return None
