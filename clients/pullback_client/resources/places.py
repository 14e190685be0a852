"""Places of directions, and checks of walks along them: what the server says before anything long is begun."""

from __future__ import annotations

from typing import NamedTuple

from pullback_api.v1 import directions_pb2, jobs_pb2
from pullback_client.directions.link import DirectionsLink
from pullback_client.directions.options import DirectionsOptions, directions_spec, measuring_space
from pullback_client.directions.records import Direction
from pullback_client.directions.reference import Reference
from pullback_client.directions.walk_options import WalkOptions, checked_request
from pullback_client.jobs.events import JobState
from pullback_client.resources.generators import GeneratorCalls


class Place(NamedTuple):
    """Where a direction is, or will be found.

    Attributes:
        ref: What names it in a request.
        space: The space that it lies in.
        is_there: Whether it is found already.
    """

    ref: directions_pb2.DirectionRef
    space: str
    is_there: bool


def place_of(
    calls: GeneratorCalls, link: DirectionsLink, generator: str, direction: Direction | str, options: DirectionsOptions
) -> Place:
    """Where a direction is, or will be: of a word for a method, by what the server says that it would do.

    Args:
        calls: Of generators.
        link: The line of directions.
        generator: Id of the generator.
        direction: A direction, or a word for a method's.
        options: Of the method.

    Raises:
        ClientError: The method cannot be asked so.
        InvalidArgumentError: It finds fewer directions.
    """
    if isinstance(direction, Direction):
        return Place(direction.to_wire(), direction.space, is_there=True)
    asked = Reference.read(direction, generator)
    job = check_index(calls, link, generator, asked, options)
    space = measuring_space(calls.get_generator(generator), job.discover_directions)
    ref = directions_pb2.DirectionRef(directions=job.result, index=asked.index, space=space)
    return Place(ref, space, is_there=JobState.from_wire(job.state) is JobState.SUCCEEDED)


def check_index(
    calls: GeneratorCalls, link: DirectionsLink, generator: str, asked: Reference, options: DirectionsOptions
) -> jobs_pb2.Job:
    """The job that finds a method's directions, or would; refuses a number that it does not have.

    Raises:
        ClientError: The method cannot be asked so.
        InvalidArgumentError: It finds fewer directions.
    """
    spec = directions_spec(generator, {**options, "method": asked.method})  # type: ignore[typeddict-item]
    job = link.discover(spec, validate_only=True)
    if asked.index >= (found := job.discover_directions.k):
        spaces = calls.get_generator(generator).spaces
        dim = spaces[measuring_space(calls.get_generator(generator), job.discover_directions)].dim
        asked.refuse(f"{asked.method} on {generator}", found, dim, generator)
    return job


def check_walk(
    link: DirectionsLink, generator: str, space: str, places: list[Place | None], options: WalkOptions
) -> None:
    """Has the server check a walk from a latent that is to come.

    Args:
        link: The line of directions.
        generator: Id of the generator.
        space: Space of the latent.
        places: Of the direction and of the second one; None where there is none.
        options: See `WalkOptions`.

    Raises:
        ClientError: The walk cannot be made.
    """
    refs = [None if place is None else place.ref for place in places]
    for _ in link.walk(checked_request(generator, space, refs, options), link.timeout):
        pass
