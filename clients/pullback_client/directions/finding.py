"""Finding directions through a client: with the eigenbasis that measures them, and by words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pullback_client.directions.checking import check_index
from pullback_client.directions.direction_set import Directions
from pullback_client.directions.options import DirectionsOptions, directions_spec, measuring_space
from pullback_client.directions.records import Direction
from pullback_client.directions.reference import Reference, set_of_title
from pullback_client.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from pullback_client.progress import ProgressOption, reporting
from pullback_client.transport import Deadline

if TYPE_CHECKING:
    from pullback_client.client import Client
    from pullback_client.directions.link import DirectionsLink


def find(
    client: Client, generator: str, options: DirectionsOptions, progress: ProgressOption, timeout: float
) -> Directions:
    """The directions of a generator, and before them the eigenbasis by which they are measured, if it is missing."""
    deadline = Deadline(timeout)
    with reporting(progress) as report:
        try:
            job = client.submit_directions(generator, **options)
        except FailedPreconditionError:
            if options.get("eigenbasis") is not None:
                raise
            space = measuring_space(client.generator(generator), directions_spec(generator, options))
            client.submit_eigenbasis(generator, space=space).follow(deadline.remaining(), progress=report)
            job = client.submit_directions(generator, **options)
        return job.result(deadline.remaining(), progress=report)


def find_by_word(
    client: Client,
    link: DirectionsLink,
    generator: str,
    word: str,
    options: DirectionsOptions,
    progress: ProgressOption,
    timeout: float,
) -> Direction:
    """The direction that a word names; see `Client.direction`."""
    asked = Reference.read(word, generator)
    if asked.method:
        check_index(client, link, generator, asked, options)
        wanted: Any = {**options, "method": asked.method}
        return asked.pick(find(client, generator, wanted, progress, timeout))
    if asked.name and (found := _set_called(client, asked.name)) is not None:
        return asked.pick(found)
    # A title, which may well end in a colon and a number.
    return client.get_directions(set_of_title(word, client.list_directions(generator), generator))[word]


def _set_called(client: Client, name: str) -> Directions | None:
    """The set of that resource name; None where no set is, or can be, called so."""
    try:
        return client.get_directions(name)
    except (NotFoundError, InvalidArgumentError):
        return None
