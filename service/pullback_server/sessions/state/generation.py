"""Generation that is being shown: which images still want showing, and when it is done."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

import numpy as np

from pullback_api.v1 import search_pb2
from pullback_server.sessions.state.events import Asking, GenerationOpened, ImageScore, Telling
from pullback_server.sessions.state.scores import image_scores
from pullback_server.specs.reports import Outcome

MOST_IN_VAIN = 25
"""How often a generation is shown again without a new score; then the session is paused."""


@dataclass
class Showings:
    """What became of one image's showings in a generation.

    Attributes:
        scores: Its usable scores, also those of the generations that it was carried over from.
        failures: Showings without a usable score since it was last given a chance.
        count: Showings so far, asked or told, whatever became of them.
        leased: Trials that were asked and not told yet.
    """

    scores: list[float] = field(default_factory=list)
    failures: int = 0
    count: int = 0
    leased: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Candidate:
    """A showing that can be asked for; candidates in ascending order are the order in which to show them.

    Attributes:
        round: Which showing of the image in this generation it is: all are shown once before any is shown twice.
        place: Place within its round, from 0 to 1, so that the threads of a session mix evenly.
        thread: The thread.
        generation: Its open generation.
        image_id: The image.
        reference: Whether it is a reference image.
    """

    round: int
    place: float
    thread: int
    generation: int
    image_id: str
    reference: bool

    @property
    def order(self) -> tuple[int, float, int]:
        """What candidates of all threads are sorted by."""
        return self.round, self.place, self.thread


class Generation:
    """An open generation of a thread.

    Attributes:
        opened: The event that opened it.
        time: When that was.
        images: What became of each image's showings, in the order of its latents.
        references: The same of each reference image that is mixed in.
        in_vain: How often it was shown again since one of its images last got a score, or the session was resumed.
    """

    def __init__(
        self,
        opened: GenerationOpened,
        time: datetime,
        spec: search_pb2.SessionSpec,
        *,
        references: Sequence[str],
        carried: Mapping[str, Sequence[float]],
    ) -> None:
        self.opened = opened
        self.time = time
        self._spec = spec
        self._options = spec.scores
        self.images = {image.image_id: Showings(list(carried.get(image.image_id, ()))) for image in opened.images}
        self.references = {image_id: Showings() for image_id in references}
        self.in_vain = 0
        self._places = cache(self._place_round)

    @property
    def number(self) -> int:
        """The generation, from 0."""
        return self.opened.generation

    # What there is to show -------------------------------------------------------------------------------------

    def candidates(self) -> list[Candidate]:
        """The showings that can be asked for now, in any order."""
        found = []
        for image_id, showings in self.images.items():
            for ahead in range(self._wanted(showings)):
                found.append(self._candidate(image_id, showings.count + ahead, reference=False))
        for image_id, showings in self.references.items():
            if not (showings.leased or showings.scores or showings.failures):
                found.append(self._candidate(image_id, showings.count, reference=True))
        return found

    def repeats(self, images: Collection[str]) -> Iterator[Candidate]:
        """Further showings of some of the images, without end, always of the one that was shown least."""
        counts = {image_id: self.images[image_id].count for image_id in images}
        while True:
            candidates = [self._candidate(name, count, reference=False) for name, count in counts.items()]
            first = min(candidates, key=lambda candidate: candidate.order)
            counts[first.image_id] += 1
            yield first

    def _wanted(self, showings: Showings) -> int:
        """How many more showings an image needs at the moment, besides those that are leased."""
        if self._given_up(showings):
            return 0
        return max(0, self._options.repetitions - len(showings.scores) - len(showings.leased))

    def _candidate(self, image_id: str, number: int, *, reference: bool) -> Candidate:
        place = self._places(number)[image_id]
        return Candidate(number, place, self.opened.thread, self.number, image_id, reference)

    def _place_round(self, number: int) -> dict[str, float]:
        """Where each image comes in a round: the references lie among the others."""
        names = [*self.images, *self.references]
        rng = np.random.default_rng([self._spec.seed, self.opened.thread, self.number, number])
        places = (rng.permutation(len(names)) + 0.5) / len(names)
        return dict(zip(names, places.tolist(), strict=True))

    # What becomes of it ----------------------------------------------------------------------------------------

    def ask(self, asking: Asking) -> None:
        """A trial is leased."""
        showings = self._showings(asking.image_id)
        showings.count += 1
        showings.leased.add(asking.trial_id)

    def renew(self, asking: Asking) -> None:
        """A trial is leased anew."""
        self._showings(asking.image_id).leased.add(asking.trial_id)

    def expire(self, asking: Asking) -> None:
        """A trial was not told in time."""
        self._showings(asking.image_id).leased.discard(asking.trial_id)

    def tell(self, telling: Telling, *, asked: bool) -> None:
        """A trial was told; one that was not asked is one more showing."""
        showings = self._showings(telling.report.image_id)
        showings.leased.discard(telling.report.trial_id)
        showings.count += not asked
        if telling.outcome == Outcome.SCORED:
            if telling.report.image_id in self.images:
                self.in_vain = 0
            # A reference image may be told without a score that counts.
            showings.scores.append(0.0 if telling.score is None else telling.score)
        elif telling.outcome == Outcome.FAILED:
            showings.failures += 1

    def show_again(self) -> None:
        """All images without their scores are wanted again; what was leased is not waited for."""
        self.in_vain += 1
        for showings in self.images.values():
            if not self._scored(showings):
                showings.failures = 0
                showings.leased.clear()

    def leased(self, image_id: str) -> list[str]:
        """The trials of an image that were asked and not told yet, the earliest first."""
        return sorted(self._showings(image_id).leased)

    def repetition(self, image_id: str) -> int:
        """How many showings of the image there have been."""
        return self._showings(image_id).count

    def holds(self, image_id: str) -> bool:
        """Whether the image is one of this generation's, or a reference that is mixed into it."""
        return image_id in self.images or image_id in self.references

    # When it is done -------------------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be shown and awaited: every image has its scores, or is given up."""
        return all(self._scored(showings) or self._given_up(showings) for showings in self.images.values())

    @property
    def enough(self) -> bool:
        """Whether so many images have their scores that the optimizer can be told."""
        # 0.1 × 30 is a little more than 3 in binary. An optimizer learns nothing from no score at all.
        least = max(1, math.ceil(round(self._options.min_scored * len(self.images), 9)))
        return sum(map(self._scored, self.images.values())) >= least

    def scores(self) -> tuple[ImageScore, ...]:
        """The images that have all their scores, with what those became."""
        scored = {name: showings.scores for name, showings in self.images.items() if self._scored(showings)}
        found = image_scores(scored, self._options.aggregation)
        if self._spec.balance == search_pb2.BALANCE_BLOCK and self._options.repetitions == 1:
            # The few that were shown again while others were waited for say too little of the noise.
            return tuple(replace(each, variance=None) for each in found)
        return found

    def scored(self) -> list[str]:
        """The images that have all their scores."""
        return [name for name, showings in self.images.items() if self._scored(showings)]

    def unscored(self) -> tuple[list[str], list[str]]:
        """The images without their scores: those that are left out, and those that go on, if it is closed now."""
        return self._sorted_out(name for name, showings in self.images.items() if not self._scored(showings))

    def given_up(self) -> tuple[list[str], list[str]]:
        """The images that are not shown any more although they lack scores: likewise."""
        return self._sorted_out(
            name for name, showings in self.images.items() if self._given_up(showings) and not self._scored(showings)
        )

    def _sorted_out(self, image_ids: Iterable[str]) -> tuple[list[str], list[str]]:
        dropped: list[str] = []
        carried: list[str] = []
        for image_id in image_ids:
            # SHOW_AGAIN becomes CARRY_OVER, where the image has not had all its chances.
            missing = self._options.missing
            drops = missing == search_pb2.MISSING_POLICY_DROP or (
                missing == search_pb2.MISSING_POLICY_SHOW_AGAIN and self._given_up(self.images[image_id])
            )
            (dropped if drops else carried).append(image_id)
        return dropped, carried

    def _scored(self, showings: Showings) -> bool:
        return len(showings.scores) >= self._options.repetitions

    def _given_up(self, showings: Showings) -> bool:
        again = self._options.missing == search_pb2.MISSING_POLICY_SHOW_AGAIN
        return showings.failures >= (self._options.max_shows if again else 1)

    def _showings(self, image_id: str) -> Showings:
        return self.images[image_id] if image_id in self.images else self.references[image_id]
