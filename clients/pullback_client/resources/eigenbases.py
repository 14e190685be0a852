"""Eigenbases of generators: computed, fetched, listed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pullback_api.v1 import geometry_pb2, jobs_pb2
from pullback_client.eigenbasis.basis import Eigenbasis, EigenbasisInfo, eigenbasis_name
from pullback_client.eigenbasis.options import EigenbasisOptions, eigenbasis_spec
from pullback_client.errors import InvalidArgumentError
from pullback_client.jobs.job import JOB_TIMEOUT, Job
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.connection import Connection, new_request_id
from pullback_client.wire.names import generator_name

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


class EigenbasisCalls(Connection):
    """The calls of eigenbases."""

    def compute_eigenbasis(
        self,
        generator: str,
        *,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        with_metric: bool = False,
        **options: Unpack[EigenbasisOptions],
    ) -> Eigenbasis:
        """The global eigenbasis of a generator: at once where the server has it, else once it is computed.

        Args:
            generator: Name of the generator.
            progress: A callback for the job's events; True = a bar, False = nothing, None = a bar in a terminal.
            timeout: Seconds to follow the job; an hour where not given.
            with_metric: As `get_eigenbasis` has it.
            **options: Space, distance, estimator and samples: see `EigenbasisOptions`.

        Raises:
            NotFoundError: No such generator.
            InvalidArgumentError: An unknown name or a number out of range; `field_violations` say which.
            JobFailedError: The computation failed.
            DeadlineExceededError: Not finished in time; the job goes on.
            FailedPreconditionError: As `get_eigenbasis` has it.
        """
        basis = self.submit_eigenbasis(generator, **options).result(timeout, progress=progress)
        return self.get_eigenbasis(basis.name, with_metric=True) if with_metric else basis

    def submit_eigenbasis(self, generator: str, **options: Unpack[EigenbasisOptions]) -> Job[Eigenbasis]:
        """`compute_eigenbasis` without waiting. Where it exists already, the job is the finished one that made it."""
        request = geometry_pb2.ComputeEigenbasisRequest(
            request_id=new_request_id(), spec=eigenbasis_spec(generator, options)
        )
        return self._eigenbasis_job(self._transport.call(self._transport.geometry.ComputeEigenbasis, request))

    def get_eigenbasis(
        self, name: str | EigenbasisInfo, k: int | None = None, *, with_metric: bool = False
    ) -> Eigenbasis:
        """The eigenbasis of a resource name, `generators/{generator}/eigenbases/{id}`.

        Args:
            name: The name, or what `list_eigenbases` gives.
            k: How many of the leading eigenvectors to fetch; all that there are where not given.
            with_metric: Whether to fetch the metric, too: n² numbers, which a complete eigenbasis alone has.

        Raises:
            NotFoundError: There is none of that name.
            InvalidArgumentError: It has fewer than `k` eigenvectors, or `k` is below 1.
            FailedPreconditionError: `with_metric`, and it has no metric.
        """
        if k is not None and k < 1:
            raise InvalidArgumentError(f"k must be 1 or more, got {k}")
        request = geometry_pb2.StreamEigenbasisRequest(name=eigenbasis_name(name), k=k or 0, with_metric=with_metric)
        stream = self._transport.stream(
            self._transport.geometry.StreamEigenbasis, request, timeout=self._transport.timeout
        )
        return Eigenbasis.from_pieces(answer.eigenbasis for answer in stream)

    def list_eigenbases(self, generator: str = "-") -> list[EigenbasisInfo]:
        """The eigenbases of a generator, newest first, without their arrays; `-` = of every generator."""
        request = geometry_pb2.ListEigenbasesRequest(parent=generator_name(generator))
        pages = self._pages(self._transport.geometry.ListEigenbases, request)
        return [EigenbasisInfo.from_wire(message) for page in pages for message in page.eigenbases]

    def delete_eigenbasis(self, name: str | EigenbasisInfo, *, cascade: bool = False) -> None:
        """Deletes an eigenbasis. Sessions that search in it go on.

        Args:
            name: The name, or what `list_eigenbases` gives.
            cascade: Whether unfinished jobs that use it are cancelled.

        Raises:
            NotFoundError: There is none of that name.
            FailedPreconditionError: Unfinished jobs use it; the message names them.
        """
        request = geometry_pb2.DeleteEigenbasisRequest(name=eigenbasis_name(name), cascade=cascade)
        self._transport.call(self._transport.geometry.DeleteEigenbasis, request)

    def _eigenbasis_job(self, message: jobs_pb2.Job) -> Job[Eigenbasis]:
        return Job(self._transport, message, lambda done: self.get_eigenbasis(done.result))
