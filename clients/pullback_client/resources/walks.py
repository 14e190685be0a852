"""Requests of walks, from whatever they start and along whatever names a direction: what is needed is found first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pullback_api.v1 import directions_pb2
from pullback_client.directions.link import DirectionsLink
from pullback_client.directions.records import Direction
from pullback_client.directions.reference import Reference
from pullback_client.directions.start import Start, WalkStart, is_photograph, start_of
from pullback_client.directions.walk_options import WalkOptions, check_walk_options, is_curve, walk_request
from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput
from pullback_client.inversion.checks import CheckedInversion
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import Inversion
from pullback_client.jobs.progress import ProgressOption
from pullback_client.resources.directions import DirectionCalls
from pullback_client.resources.inversions import InversionCalls
from pullback_client.resources.places import Place, check_walk, place_of
from pullback_client.wire.names import id_of
from pullback_client.wire.transport import Deadline

AnyDirection = TypeVar("AnyDirection", Direction | str, Direction | str | None)


class Walker:
    """What a call of the client is asked to walk with, and how long it may take.

    Args:
        directions: The calls of directions.
        inversions: The calls of inversions.
        link: The line of directions.
        deadline: Of everything together.
        progress: As for the client's methods.
    """

    def __init__(
        self,
        directions: DirectionCalls,
        inversions: InversionCalls,
        link: DirectionsLink,
        deadline: Deadline,
        progress: ProgressOption,
    ) -> None:
        self._directions = directions
        self._inversions = inversions
        self._link = link
        self._deadline = deadline
        self._progress = progress

    def request(
        self,
        start: WalkStart,
        direction: Direction | str | None,
        generator: str | None,
        space: str | None,
        inversion: InversionOptions,
        options: WalkOptions,
    ) -> directions_pb2.TraverseRequest:
        """The request of a walk; see `Client.traverse`."""
        check_walk_options(options, directed=direction is not None)
        name = _generator(start, direction, generator)
        named = [self.looked_up(name, each) for each in (direction, options.get("second"))]
        self._check(start, name, named, space, inversion, options)
        # What a local method finds is of one latent, that at which the walk starts; others are found before.
        named = [
            self.direction(name, each) if isinstance(each, str) and not Reference.read(each, name).is_local else each
            for each in named
        ]
        spaces = [each.space for each in named if isinstance(each, Direction)]
        begun = self._start(start, name, space, spaces[0] if spaces and not is_curve(options) else None, inversion)
        first, second = (self.direction(name, each, begun) if isinstance(each, str) else each for each in named)
        return walk_request(name, begun, first, second, options)

    def check_edit(
        self,
        photographs: Sequence[ImageInput],
        generator: str,
        direction: Direction | str,
        inversion: InversionOptions,
        options: WalkOptions,
    ) -> CheckedInversion:
        """Has the server check the inversions of photographs, and the walk from each, before anything is begun."""
        places = {} if Reference.read_local(direction, generator) else {0: self._place(generator, direction)}
        settled = inversion if is_curve(options) or not places else settled_in(inversion, places[0].space)
        checked = self._inversions.check_inversion(photographs, generator, **settled)
        if not checked.is_hopeless:
            place = places.get(0) or self._place(generator, direction, checked.space)
            check_walk(self._link, generator, checked.space, [place, None], options)
        return checked

    def looked_up(self, generator: str, direction: AnyDirection) -> AnyDirection | Direction:
        """The direction, where looking it up is enough: of a set that is there, or of a title; else what came."""
        if isinstance(direction, str) and not Reference.read(direction, generator).method:
            return self.direction(generator, direction)
        return direction

    def _check(
        self,
        start: WalkStart,
        generator: str,
        named: Sequence[Direction | str | None],
        space: str | None,
        inversion: InversionOptions,
        options: WalkOptions,
    ) -> None:
        """Has the server check what can be checked, where something long comes before the walk."""
        if not is_photograph(start) and not any(isinstance(each, str) for each in named):
            return
        local = [Reference.read_local(each, generator) for each in named]
        places = [
            None if each is None or is_local else self._place(generator, each)
            for each, is_local in zip(named, local, strict=True)
        ]
        if is_photograph(start):
            lies_in = next((place.space for place in places if place is not None), None)
            options_of: InversionOptions = {**inversion, "space": inversion.get("space") or space}
            photograph: Any = start
            settled = settled_in(options_of, None if is_curve(options) else lies_in)
            checked = self._inversions.check_inversion(photograph, generator, **settled)
            if checked.failures[0] is not None:
                raise checked.failures[0].error
            begins_in = checked.space
        else:
            begins_in = self._start(start, generator, space, None, inversion).space
        for number, (each, is_local) in enumerate(zip(named, local, strict=True)):
            if each is not None and is_local:
                places[number] = self._place(generator, each, begins_in)
        if is_photograph(start) or not all(place is None or place.is_there for place in places):
            check_walk(self._link, generator, begins_in, places, options)

    def _place(self, generator: str, direction: Direction | str, at: str | None = None) -> Place:
        """Where a direction is or will be, of a local method at a latent of the space `at`."""
        where: Any = {} if at is None else {"space": at}
        return place_of(self._directions, self._link, generator, direction, where)

    def direction(self, generator: str, word: str, at: Start | None = None) -> Direction:
        """The direction that a word names, of a local method that at a latent."""
        where: Any = {} if at is None else {"latent": at.latent, "space": at.space}
        return self._directions.find_direction(
            generator, word, progress=self._progress, timeout=self._deadline.remaining(), **where
        )

    def _start(
        self, start: WalkStart, generator: str, space: str | None, lies_in: str | None, inversion: InversionOptions
    ) -> Start:
        if is_photograph(start):
            photograph: Any = start
            options: InversionOptions = {**inversion, "space": inversion.get("space") or space}
            found = self._inversions.invert(
                photograph,
                generator,
                progress=self._progress,
                timeout=self._deadline.remaining(),
                **settled_in(options, lies_in),
            )
            return start_of(found)
        if inversion:
            raise InvalidArgumentError("`inversion` says how a photograph is inverted: the walk starts from none")
        if not isinstance(start, Inversion) and space is None:
            # As `Client.sample` and `Client.render` take latents.
            space = next(iter(self._directions.get_generator(generator).spaces))
        begun = start_of(start, space)
        if begun.generator not in ("", generator):
            raise InvalidArgumentError(f"the inversion is of {begun.generator}, but the direction of {generator}")
        return begun


def settled_in(inversion: InversionOptions, space: str | None) -> InversionOptions:
    """The options of an inversion in a space, unless they settle another one."""
    # What becomes of a class settles it.
    has_class = inversion.get("class_labels") is not None or inversion.get("class_mode") is not None
    return inversion if has_class else {**inversion, "space": inversion.get("space") or space}


def _generator(start: WalkStart, direction: Direction | str | None, generator: str | None) -> str:
    """Id of the generator that a walk is of."""
    if isinstance(direction, Direction):
        if generator is not None and id_of(generator) != direction.generator:
            raise InvalidArgumentError(f"the direction is of {direction.generator}, but generator is {generator!r}")
        return direction.generator
    if generator is not None:
        return id_of(generator)
    if isinstance(start, Inversion):
        return start_of(start).generator
    raise InvalidArgumentError("name the generator: neither the start nor the direction says which it is")
