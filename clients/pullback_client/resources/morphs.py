"""Morphs: walks from one photograph or latent to another."""

from __future__ import annotations

from typing import Any

from pullback_client.directions.morph import MorphKind, morph_request
from pullback_client.directions.start import Start, WalkStart, is_photograph, start_of
from pullback_client.directions.traversal import Traversal
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import Inversion, InversionFailure
from pullback_client.jobs.job import JOB_TIMEOUT
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.directions import DirectionCalls
from pullback_client.resources.inversions import InversionCalls
from pullback_client.wire.names import id_of
from pullback_client.wire.transport import Deadline


class MorphCalls(DirectionCalls, InversionCalls):
    """The calls of morphs."""

    def morph(
        self,
        first: WalkStart,
        second: WalkStart,
        generator: str,
        *,
        kind: MorphKind = "geodesic",
        frames: int | None = None,
        distance: str | None = None,
        space: str | None = None,
        inversion: InversionOptions | None = None,
        progress: ProgressOption = None,
        timeout: float = JOB_TIMEOUT,
    ) -> Traversal:
        """Walks from one latent to another, or between photographs that are inverted first.

        Args:
            first: A latent (dim,), an inversion, or a photograph: a path, a Pillow image, or an array of pixels.
            second: Another one.
            generator: Name of the generator.
            kind: `geodesic`: the way on which the image changes least, near the prior, its frames evenly apart in image
                distance; `linear`; `spherical`: on a great circle, the norm changing evenly; `density_preserving`;
                `metric_uniform`: straight, evenly apart in image distance.
            frames: How many, 2 to 500; default 9. The first and the last are those of the two.
            distance: Name of the image distance in which the way is short and frames are measured; default the
                server's. `geodesic` and `metric_uniform` take one that has an embedding.
            space: Space of latents; None = the generator's first. Of photographs, the space in which they are inverted;
                None = the server's choice. An inversion knows its own; the two must agree.
            inversion: Of photographs: how they are inverted; see `InversionOptions`.
            progress: As for `invert`.
            timeout: Seconds for all that is needed together; an hour where not given.

        Returns:
            The walk; its steps go from 0 to 1, and its distances are from the first image. All frames have the
            generator's own noise maps, also those between inversions that found others (`Inversion.noise_maps`).

        Raises:
            ClientError: As `invert` does.
            InvalidArgumentError: Latents of different spaces or generators, the same latent twice, or none.
        """
        deadline, name = Deadline(timeout), id_of(generator)
        asked: InversionOptions = {**(inversion or {})}
        if asked and not (is_photograph(first) or is_photograph(second)):
            raise InvalidArgumentError("`inversion` says how photographs are inverted: none of the two is one")
        known = self._known_space((first, second), name, space or asked.get("space"))
        if is_photograph(first) or is_photograph(second):
            asked["space"] = known
            known = self._check_photographs((first, second), name, asked)
            checked = morph_request(name, known, None, kind, frames, distance)
            for _ in self._directions.walk(checked, self._directions.timeout):
                pass
        ends = self._ends((first, second), name, known, asked, progress, deadline)
        request = morph_request(name, ends[0].space, ends, kind, frames, distance)
        request.strip = request.animation = True
        return Traversal.read(self._directions.walk(request, deadline.remaining()), request)

    def _known_space(self, given: tuple[WalkStart, WalkStart], generator: str, space: str | None) -> str | None:
        """The space in which the walk lies; None where the inversion of photographs settles it."""
        for each in given:
            if isinstance(each, Inversion):
                found = start_of(each)
                if found.generator != generator:
                    raise InvalidArgumentError(
                        f"an inversion of {found.generator} came, but the morph is of {generator}"
                    )
                if space not in (None, found.space):
                    raise InvalidArgumentError(
                        f"a morph lies in one space, but {space!r} and an inversion in {found.space!r} came; invert "
                        "both in the same space"
                    )
                space = found.space
        if space is None and not all(is_photograph(each) for each in given):
            # As `Client.sample` and `Client.render` take latents.
            space = next(iter(self.get_generator(generator).spaces))
        return space

    def _check_photographs(self, given: tuple[WalkStart, WalkStart], generator: str, asked: InversionOptions) -> str:
        """Has the server check the inversions; returns the space of what they would find."""
        photographs: Any = [each for each in given if is_photograph(each)]
        checked = self.check_inversion(photographs, generator, **asked)
        for failure in checked.failures:
            if failure is not None:
                raise failure.error
        return checked.space

    def _ends(
        self,
        given: tuple[WalkStart, WalkStart],
        generator: str,
        space: str | None,
        asked: InversionOptions,
        progress: ProgressOption,
        deadline: Deadline,
    ) -> tuple[Start, Start]:
        """The latents of both; photographs are inverted together."""
        photographs: Any = [each for each in given if is_photograph(each)]
        found = []
        if photographs:
            found = self.invert(photographs, generator, progress=progress, timeout=deadline.remaining(), **asked)
        inverted = iter(found)
        ends = []
        for each in given:
            outcome = next(inverted) if is_photograph(each) else each
            if isinstance(outcome, InversionFailure):
                raise outcome.error
            ends.append(start_of(outcome, space))
        first, second = ends
        return first, second
