"""Traversals along directions, and edits of photographs by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from pullback_client.directions.edit import Edit, EditOutcomes, edit_walk
from pullback_client.directions.frame import Frame
from pullback_client.directions.records import Direction
from pullback_client.directions.reference import Reference
from pullback_client.directions.start import WalkStart
from pullback_client.directions.traversal import Traversal
from pullback_client.directions.walk_options import WalkOptions, check_walk_options, is_curve
from pullback_client.images import ImageInput, listed
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import InversionFailure
from pullback_client.inversion.tuning import TuningOptions
from pullback_client.jobs.job import JOB_TIMEOUT
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.directions import DirectionCalls
from pullback_client.resources.inversions import InversionCalls
from pullback_client.resources.walks import Walker, settled_in
from pullback_client.wire.transport import Deadline

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack


class TraversalCalls(DirectionCalls, InversionCalls):
    """The calls of traversals and edits."""

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
            direction: A direction, or a word for it: see `find_direction`. Of a local method (`local_basis:0`) that
                word, like one for `second`, means what it finds at the start. None with `kind="curve"`: the curve
                keeps to a local axis.
            generator: Name of the generator; None = that of the direction or of the inversion.
            space: Space of a latent; None = the generator's first. Of a photograph, the space in which it is inverted;
                None = that of the direction. A latent of z is mapped where the direction lies in w or w+.
            inversion: Of a photograph: how it is inverted; see `InversionOptions`.
            progress: As for `invert`.
            timeout: Seconds for all that is needed together; an hour where not given.
            **options: See `WalkOptions`.

        Raises:
            ClientError: As `invert` and `find_direction` do.
            InvalidArgumentError: Options that do not go together, or a latent or a direction that does not fit.
        """
        deadline = Deadline(timeout)
        walker = Walker(self, self, self._directions, deadline, progress)
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
        walker = Walker(self, self, self._directions, deadline, progress)
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
        tune: bool | TuningOptions = False,
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
            tune: Whether the generator's weights are tuned to the photograph before the walk, which is drawn with them
                then: True, or how; see `tune`.
            progress: As for `invert`.
            timeout: Seconds to follow each job, and for the walk; an hour where not given.
            **options: How it is inverted; see `InversionOptions`. The space is the direction's where none is given.

        Raises:
            ClientError: As `invert` and `traverse` do.
        """
        edits = self.iter_edit(
            [photograph],
            generator,
            direction,
            strength,
            walk=walk,
            tune=tune,
            progress=progress,
            timeout=timeout,
            **options,
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
        tune: bool | TuningOptions = False,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
        **options: Unpack[InversionOptions],
    ) -> EditOutcomes:
        """`edit` for many photographs: what became of each, in their order, as soon as it is known.

        An `InversionFailure` stands in the place of one that could not be inverted. Closing the iterator cancels what
        was sent ahead, as for `iter_invert`.
        """
        given: WalkOptions = walk or {}
        return self._edits(photographs, generator, direction, strength, given, tune, options, progress, timeout)

    def _edits(
        self,
        photographs: Sequence[ImageInput],
        generator: str,
        direction: Direction | str,
        strength: float,
        walk: WalkOptions,
        tune: bool | TuningOptions,
        inversion: InversionOptions,
        progress: ProgressOption,
        timeout: float,
    ) -> EditOutcomes:
        """What became of each photograph, as soon as it is known; see `iter_edit`."""
        photographs = listed(photographs, "photograph")
        # The same measure tells how near the inversion and how far the edit is.
        options = edit_walk(strength, {**walk, "distance": walk.get("distance") or inversion.get("distance")})
        check_walk_options(options, directed=True)
        walker = Walker(self, self, self._directions, Deadline(timeout), progress)
        direction = walker.looked_up(generator, direction)
        checked = walker.check_edit(photographs, generator, direction, inversion, options)
        if checked.is_hopeless:
            yield from (failure for failure in checked.failures if failure is not None)
            return
        if isinstance(direction, str) and not Reference.read(direction, generator).is_local:
            direction = walker.direction(generator, direction)
        if isinstance(direction, Direction) and not is_curve(options):
            inversion = settled_in(inversion, direction.space)
        outcomes = self.iter_invert(photographs, generator, tune=tune, progress=progress, timeout=timeout, **inversion)
        with closing(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, InversionFailure):
                    yield outcome
                else:
                    options = {**options, "tuning": outcome.tuning or options.get("tuning")}
                    found = self.traverse(outcome, direction, generator=generator, timeout=timeout, **options)
                    yield Edit(outcome, found, strength)
