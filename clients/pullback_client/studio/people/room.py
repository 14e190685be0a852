"""Room of a session: where its observers meet, each is given what to judge next, and answers go on to the server.

All that a room knows is read from the session on the server, and can be read again: a studio that starts anew goes on
where the one before was. What it adds is who sits in it, and who was given what; that is forgotten without harm, since
a presentation that nobody answered is given again.

No trial is leased: answers are told under ids of the room's own, which the server takes as well. So nothing that an
observer left unanswered has to wait for the end of a lease, and it never counts as a bad score.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pullback_client.aio import AsyncEvolutionSession
from pullback_client.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError
from pullback_client.search.history import GenerationRecord
from pullback_client.search.records import SessionState, SessionStatus, ThreadState
from pullback_client.studio.people.answers import (
    Answer,
    answers_of,
    checked_answer,
    reports,
    score_reports,
)
from pullback_client.studio.people.design import Design, checked_observer
from pullback_client.studio.people.plan import Presentation, plan
from pullback_client.studio.people.scoring import scores

_IDLE = 120.0  # seconds without an answer after which nobody waits for an observer
_LEAST_SHARE = 0.5  # of a generation's images must have a score before the server goes on, where a session does not say
_TOO_FEW = "fewer than half of the images have all their answers: the generation stays open until they do"


@dataclass
class Showing:
    """The generation that is shown.

    Attributes:
        number: The generation, from 0.
        images: Its images.
        anchors: Scores of the earlier images among them.
        plan: Its presentations by key, in order.
        answers: Answers to it by presentation.
    """

    number: int
    images: tuple[str, ...]
    anchors: dict[str, float]
    plan: dict[str, Presentation]
    answers: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Standing:
    """Where a room stands, for people.

    Attributes:
        state: `open`, `evolving`, `paused`, `closed`, `finished` or `failed`.
        status: The session.
        generation: The generation that is shown, or the last one.
        answered: Presentations of it that were answered.
        presentations: How many there are.
        by_observer: Answers in this generation by observer.
        present: Who sits in the room.
    """

    state: str
    status: SessionStatus
    generation: int
    answered: int
    presentations: int
    by_observer: dict[str, int]
    present: tuple[str, ...]


class Room:
    """A room. Belongs to one event loop; sessions are given with each call, as its visitor's rights are.

    Args:
        status: The session, whose notes hold its design.
        clock: Seconds that only rise.

    Raises:
        FailedPreconditionError: The session is not one for people.

    Attributes:
        design: The design.
        minimize: Whether low scores are good ones.
        curve: The scores of each closed generation.
    """

    def __init__(self, status: SessionStatus, clock: Callable[[], float] = time.monotonic) -> None:
        self.design = Design.from_notes(status.settings.get("notes", {}))
        self.minimize = bool(status.settings["threads"][0].get("minimize", False))
        self._seed = int(status.settings.get("seed", 0))
        self._status = status
        self._showing: Showing | None = None
        self._last: Showing | None = None
        self._earlier: list[Answer] = []
        self._scored: dict[str, float] = {}  # of all closed generations
        self.curve: dict[int, list[float]] = {}
        self._read = False
        self._seats: dict[str, tuple[object, Callable[[], None]]] = {}
        self._clock = clock
        self._signs: dict[str, float] = {}  # when an observer came in, or answered last
        self._held: dict[str, str] = {}  # presentation -> observer
        self._lock = asyncio.Lock()

    # Who is there

    def sit(self, name: str, oust: Callable[[], None]) -> object:
        """An observer comes in; one of the same name, such as in another tab, is ousted. Returns the seat.

        Raises:
            InvalidArgumentError: No name, or one who is not expected.
        """
        name = checked_observer(name)
        if self.design.observers and name not in self.design.observers:
            known = ", ".join(self.design.observers)
            raise InvalidArgumentError(f"{name!r} is none of the observers of this session: {known}")
        if name in self._seats:
            self._seats[name][1]()
        seat = object()
        self._signs[name] = self._clock()
        self._seats[name] = (seat, oust)
        return seat

    def leave(self, name: str, seat: object) -> None:
        """An observer goes; what they were given and have not answered may be given to others."""
        if name in self._seats and self._seats[name][0] is seat:
            del self._seats[name]

    # What is shown

    async def look(self, session: AsyncEvolutionSession) -> Standing:
        """Asks the server where the session stands; a generation whose answers are all there is scored."""
        async with self._lock:
            await self._look(session)
            if self._complete and self._state() == "open":
                await self._score(session)
                await self._look(session)
            return self.standing()

    def standing(self) -> Standing:
        """Where the room stood when it last looked."""
        showing = self._showing
        by_observer: dict[str, int] = {}
        for answer in () if showing is None else showing.answers.values():
            by_observer[answer.observer] = by_observer.get(answer.observer, 0) + 1
        return Standing(
            state=self._state(),
            status=self._status,
            generation=self._status.threads[0].current.generation if showing is None else showing.number,
            answered=0 if showing is None else len(showing.answers),
            presentations=0 if showing is None else len(showing.plan),
            by_observer=by_observer,
            present=tuple(sorted(self._seats)),
        )

    @property
    def answers(self) -> list[Answer]:
        """All answers so far, as the room knows them."""
        return [*self._earlier, *(() if self._showing is None else self._showing.answers.values())]

    def take(self, observer: str, count: int) -> list[Presentation]:
        """What an observer judges next, at most so many: first what they were given before and have not answered.

        Where images are shared, observers at once get different ones, and nobody the same image twice in a generation
        as long as another observer is there to judge it. What somebody was given who has gone, or has not answered for
        two minutes, is given to others; of two answers to it the first counts.
        """
        if self._showing is None or self._state() != "open":
            return []
        showing = self._showing
        left = [each for each in showing.plan.values() if each.key not in showing.answers]
        mine = [each for each in left if self._held.get(each.key) == observer]
        others = {name for name in self._seats if self._clock() - self._signs[name] < _IDLE} - {observer}
        free = [
            each
            for each in left
            if each not in mine and each.observer in ("", observer) and self._held.get(each.key) not in others
        ]
        if not self.design.observers:
            seen = {image for each in showing.answers.values() if each.observer == observer for image in each.images}
            seen |= {image for each in mine for image in each.images}
            fresh = []
            for each in free:
                if self.design.way != "rate" or each.images[0] not in seen:
                    fresh.append(each)
                    seen.update(each.images)
            free = fresh if others else [*fresh, *(each for each in free if each not in fresh)]
        found = [*mine, *free][:count]
        self._held |= {each.key: observer for each in found}
        return found

    # What is answered

    async def answer(self, session: AsyncEvolutionSession, observer: str, sent: Mapping[str, Any]) -> bool:
        """Tells the server an answer as a browser sent it; False for one that is known already, or of no use any more.

        Raises:
            InvalidArgumentError: It is no answer to what was shown.
        """
        async with self._lock:
            if not self._read:
                await self._look(session)
            showing = self._showing
            shown = None if showing is None else showing.plan.get(str(sent.get("key")))
            if showing is None or shown is None or shown.key in showing.answers:
                return False
            if shown.observer not in ("", observer):
                raise InvalidArgumentError(f"{shown.key} is for {shown.observer}, but {observer} answered")
            answer = checked_answer(sent, shown, observer, self.design.way)
            try:
                await session.tell(reports(answer, self.design, showing.images))
            except AlreadyExistsError:
                # Another studio of this server was given an answer to the same presentation.
                self._read = False
                return False
            showing.answers[shown.key] = answer
            self._signs[observer] = self._clock()
            self._held.pop(shown.key, None)
            if self._complete:
                await self._score(session)
            return True

    async def close_generation(self, session: AsyncEvolutionSession) -> None:
        """Ends the open generation with the answers that there are, such as when an observer stays away.

        Raises:
            FailedPreconditionError: There are too few.
        """
        async with self._lock:
            await self._look(session)
            if self._showing is None or not self._showing.answers:
                raise FailedPreconditionError("no generation is open that has an answer: there is nothing to close")
            if not self.design.direct:
                judged = {image for answer in self._showing.answers.values() for image in answer.images}
                least = math.ceil(round(_LEAST_SHARE * len(self._showing.images), 9))
                if len(judged.intersection(self._showing.images)) < least:
                    raise FailedPreconditionError(_TOO_FEW)
                await self._score(session)
            number = self._showing.number
            await session.end_generation(0)
            await self._look(session)
            if self._showing is not None and self._showing.number == number:
                raise FailedPreconditionError(_TOO_FEW)

    # Reading the session

    async def _look(self, session: AsyncEvolutionSession) -> None:
        self._status = await session.status()
        current = self._status.threads[0].current
        if self._status.threads[0].state is not ThreadState.OPEN:
            self._showing = None if self._status.threads[0].state is ThreadState.EVOLVING else self._showing
            return
        if self._read and self._showing is not None and self._showing.number == current.generation:
            return
        if self._read and self._last is not None and current.generation == self._last.number + 1:
            self._closed(await session.generation(0, self._last.number))
            self._earlier += self._last.answers.values()
            answers: list[Answer] = []
        else:
            history = await session.history()
            answers = [answer for answer, _ in answers_of(history.trials)]
            self._scored.clear()
            for generation in history.generations:
                if generation.closed is not None:
                    self._closed(generation)
            self._earlier = [answer for answer in answers if answer.generation < current.generation]
        self._open(await session.generation(0, current.generation), answers)

    def _open(self, generation: GenerationRecord, answers: list[Answer]) -> None:
        number = generation.summary.generation
        best = (heapq.nsmallest if self.minimize else heapq.nlargest)(
            self.design.anchors,
            (name for name in self._scored if name not in generation.image_ids),
            self._scored.__getitem__,
        )
        made = plan(generation.image_ids, best, self.design, generation=number, seed=self._seed)
        showing = Showing(
            number, generation.image_ids, {name: self._scored[name] for name in best}, {each.key: each for each in made}
        )
        showing.answers = {answer.key: answer for answer in answers if answer.key in showing.plan}
        self._showing = self._last = showing
        self._held = {key: who for key, who in self._held.items() if key in showing.plan}
        self._read = True

    def _closed(self, generation: GenerationRecord) -> None:
        pairs = zip(generation.image_ids, generation.scores.tolist(), strict=True)
        found = {name: score for name, score in pairs if np.isfinite(score)}
        self._scored |= found
        self.curve[generation.summary.generation] = list(found.values())

    @property
    def _complete(self) -> bool:
        """Whether scores are to be told now: all answers are there, and the server does not add them up itself."""
        showing = self._showing
        return showing is not None and not self.design.direct and showing.answers.keys() >= showing.plan.keys()

    async def _score(self, session: AsyncEvolutionSession) -> None:
        showing = self._showing
        assert showing is not None  # noqa: S101  (of `_complete`)
        # In one order, whoever was first: another studio gets the same to the last bit.
        answers = sorted(showing.answers.values(), key=lambda answer: answer.key)
        found = scores(
            answers,
            self.design,
            images=showing.images,
            anchors=showing.anchors,
            before=sorted(self._earlier, key=lambda answer: answer.key),
        )
        made_of = f"{self.design.combination} of {len(answers)} answers of {len({each.observer for each in answers})}"
        await session.tell(score_reports(showing.number, found, f"{made_of} observers"))

    def _state(self) -> str:
        thread = self._status.threads[0]
        match self._status.state:
            case SessionState.CLOSED:
                return "closed"
            case _ if thread.state is ThreadState.FINISHED:
                return "finished"
            case _ if thread.state is ThreadState.FAILED:
                return "failed"
            case SessionState.PAUSED:
                return "paused"
            case _ if thread.state is ThreadState.OPEN and self._showing is not None:
                return "open"
            case _:
                return "evolving"
