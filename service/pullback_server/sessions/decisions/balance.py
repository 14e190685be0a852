"""Balance of threads that are kept in step: what a block holds of each, and when their generations close."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from pullback_api.v1 import search_pb2
from pullback_server.sessions.state.generation import Candidate, Generation
from pullback_server.sessions.state.session import Session
from pullback_server.sessions.state.thread import Thread


def in_step(session: Session) -> list[Thread]:
    """The threads that wait for each other: those that go on, of a session that keeps its threads in step."""
    if session.spec.balance != search_pb2.BALANCE_BLOCK:
        return []
    return [thread for thread in session.threads if not thread.ended]


def open_generations(threads: Collection[Thread]) -> list[tuple[Thread, Generation]]:
    """The generations of threads that are kept in step; none while one of them is still to be made."""
    found = [(thread, thread.open) for thread in threads if thread.open is not None]
    return found if len(found) == len(threads) else []


def block(session: Session, threads: Collection[int], count: int, ready: Callable[[str], bool]) -> list[Candidate]:
    """The next block, in the order in which to show it: of every thread as many trials as of any other, or one more.

    A function of the log, like all that is decided. Any part of a block from its beginning is as even as the whole.

    Args:
        session: A session that keeps its threads in step.
        threads: Only of these; empty for all.
        count: How many trials at most; 0 for as many as some thread needs, of each.
        ready: Tells of an image whether it can be handed out now.
    """
    asked = [
        (thread, generation)
        for thread, generation in open_generations(in_step(session))
        if not threads or thread.number in threads
    ]
    if not asked:
        return []
    order = [thread for thread, _ in sorted(asked, key=lambda pair: (pair[0].asked, pair[0].number))]
    wanted = {thread.number: _wanted(generation, ready) for thread, generation in asked}
    # Of a thread that waits for the others there is no end; of one whose trials are out, or not ready, there is.
    spare = {thread.number: _spare(generation, ready) for thread, generation in asked}
    most = _most(order, wanted, {number for number in wanted if spare[number] is None})
    left = count or sum(most.values())
    shares = dict.fromkeys(wanted, 0)
    for turn in range(max(most.values())):
        # The odd ones go to those that have had fewest.
        for thread in order:
            if turn < most[thread.number] and left:
                shares[thread.number] += 1
                left -= 1
    chosen = {}
    for number, share in shares.items():
        candidates = wanted[number][:share]
        chosen[number] = [*candidates, *islice(spare[number] or (), share - len(candidates))]
    return list(_in_turn(chosen, [session.spec.seed, session.asked]))


def _most(
    threads: Collection[Thread], wanted: Mapping[int, Sequence[Candidate]], bounded: Collection[int]
) -> dict[int, int]:
    """How many trials of each thread a block can hold: what some thread needs, or as far as all of them reach.

    Args:
        threads: The threads.
        wanted: What each needs.
        bounded: The threads that have no more than that.
    """
    reach = min([max(map(len, wanted.values())), *(len(wanted[number]) for number in bounded)])
    # One that has had fewer so far than those that reach no further may catch up.
    limits = [thread.asked for thread in threads if thread.number in bounded and len(wanted[thread.number]) == reach]
    ends = max(limits, default=0)
    return {thread.number: reach + (len(wanted[thread.number]) > reach and thread.asked < ends) for thread in threads}


def _wanted(generation: Generation, ready: Callable[[str], bool]) -> list[Candidate]:
    found = sorted(generation.candidates(), key=lambda candidate: candidate.order)
    return [candidate for candidate in found if ready(candidate.image_id)]


def _spare(generation: Generation, ready: Callable[[str], bool]) -> Iterator[Candidate] | None:
    """Further showings of images that have their scores, without end; None where the thread has use for its own yet."""
    if not generation.settled:
        return None
    images = [image_id for image_id in generation.scored() if ready(image_id)]
    return generation.repeats(images) if images else None


def _in_turn(chosen: dict[int, list[Candidate]], seed: list[int]) -> Iterator[Candidate]:
    """The candidates, one of every thread after another, in an order that is drawn for each turn."""
    rng = np.random.default_rng(seed)
    for turn in range(max(map(len, chosen.values()))):
        going = [number for number in sorted(chosen) if turn < len(chosen[number])]
        for place in rng.permutation(len(going)):
            yield chosen[going[place]][turn]
