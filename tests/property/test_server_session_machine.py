"""Sessions against a model of a few lines, whatever is asked, told, repeated and forgotten in whatever order."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pullback_server.errors import ApiError
from pullback_server.sessions.resources import session_message, trial_record
from pullback_server.sessions.state.session import Session
from pullback_server.sessions.state.thread import ThreadState
from pullback_server.specs.reports import Outcome, Report
from session_driver import CARRY_OVER, DROP, LEASE, SHOW_AGAIN, Driver, session_spec

OUTCOMES = st.sampled_from([Outcome.SCORED, Outcome.SCORED, Outcome.SCORED, Outcome.FAILED, Outcome.ABANDONED])
CLIENTS = st.sampled_from(["", "rig", "other"])
SCORES = st.floats(-1e6, 1e6)


@dataclass
class ModelImage:
    """What an image should have had in its generation."""

    scores: list[float] = field(default_factory=list)
    failures: int = 0


def everything(session: Session) -> object:
    """All that a session says to the outside."""
    trials = [trial_record(name, trial) for name, trial in session.trials.items()]
    candidates = [sorted(thread.open.candidates(), key=str) for thread in session.threads if thread.open]
    return session_message("a", session), trials, candidates, session.requests


class Evolution(RuleBasedStateMachine):
    """One thread, a reference image, and rigs that do whatever they like."""

    @initialize(
        missing=st.sampled_from([SHOW_AGAIN, CARRY_OVER, DROP]),
        repetitions=st.integers(1, 3),
        max_shows=st.integers(1, 3),
        min_scored=st.sampled_from([0.25, 0.5, 1.0]),
        seed=st.integers(0, 9),
    )
    def begin(self, **options: Any) -> None:
        self.options = options
        seed = options.pop("seed")
        self.driver = Driver(session_spec(references=("a",), seed=seed, **options))
        self.generation = -1
        self.images: dict[str, ModelImage] = {}
        self.carried: dict[str, list[float]] = {}
        self.made: set[str] = set()
        self.told: dict[str, Report] = {}
        self.trial_generation: dict[str, int] = {}
        self.trial_image: dict[str, str] = {}
        self.leased: dict[str, Any] = {}
        self.client_of: dict[str, str] = {}
        self.reclaims = 0
        self.requests: dict[str, list[str]] = {}
        self.own = 0

    # The model ---------------------------------------------------------------------------------------------------

    def is_scored(self, image: ModelImage) -> bool:
        return len(image.scores) >= self.options["repetitions"]

    def is_given_up(self, image: ModelImage) -> bool:
        limit = self.options["max_shows"] if self.options["missing"] == SHOW_AGAIN else 1
        return image.failures >= limit

    def is_enough(self) -> bool:
        least = math.ceil(self.options["min_scored"] * len(self.images))
        return sum(map(self.is_scored, self.images.values())) >= least

    def settle(self, *, ended: bool = False) -> None:
        """What should follow: nothing, another chance for all, or the end of the generation."""
        done = all(self.is_scored(image) or self.is_given_up(image) for image in self.images.values())
        if not self.images or not (done or ended):
            return
        if not self.is_enough():
            for name, image in self.images.items():
                if not self.is_scored(image):
                    image.failures = 0
                    self.leased = {k: v for k, v in self.leased.items() if self.trial_image[k] != name}
            return
        left = {name: image for name, image in self.images.items() if not self.is_scored(image)}
        dropped = {
            name
            for name, image in left.items()
            if self.options["missing"] == DROP or (self.options["missing"] == SHOW_AGAIN and self.is_given_up(image))
        }
        closed = self.driver.session.threads[0].closed[-1].closed
        assert closed.generation == self.generation
        assert set(closed.dropped) == dropped
        assert set(closed.carried) == left.keys() - dropped
        scored = {name: image.scores for name, image in self.images.items() if name not in left}
        assert {each.image_id for each in closed.scores} == scored.keys()
        for each in closed.scores:
            assert each.score == pytest.approx(math.fsum(scored[each.image_id]) / len(scored[each.image_id]))
        self.carried = {name: left[name].scores for name in left.keys() - dropped}
        self.images = {}

    def record(self, report: Report, *, counts: bool) -> None:
        self.told[report.trial_id] = report
        self.leased.pop(report.trial_id, None)
        if not counts:
            return
        image = self.images[report.image_id]
        if report.outcome == Outcome.SCORED:
            assert report.score is not None
            image.scores.append(report.score)
        elif report.outcome == Outcome.FAILED:
            image.failures += 1

    # What happens ------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.images)
    @rule()
    def open(self) -> None:
        assert self.driver.session.threads[0].state == ThreadState.EVOLVING
        names = self.driver.open()
        self.generation += 1
        fresh = [name for name in names if name not in self.carried]
        assert self.made.isdisjoint(fresh)
        self.made.update(fresh)
        assert set(names) - set(fresh) == self.carried.keys()
        self.images = {name: ModelImage(list(self.carried.get(name, []))) for name in names}

    @rule(count=st.integers(0, 5), named=st.booleans(), client=CLIENTS)
    def ask(self, count: int, named: bool, client: str) -> None:
        request_id = f"ask-{len(self.requests)}" if named else ""
        trials = self.driver.ask(count, request_id, client=client)
        self.client_of |= {trial.trial_id: client for trial in trials}
        self.leased = {name: until for name, until in self.leased.items() if until > self.driver.now}
        assert not count or len(trials) <= count
        for trial in trials:
            assert trial.trial_id not in self.trial_image
            self.trial_image[trial.trial_id] = trial.image_id
            self.trial_generation[trial.trial_id] = self.generation
            self.leased[trial.trial_id] = self.driver.session.trials[trial.trial_id].lease_time
            if not trial.reference:
                image = self.images[trial.image_id]
                assert not self.is_given_up(image)
                leased = sum(
                    (self.trial_image[name], self.trial_generation[name]) == (trial.image_id, self.generation)
                    for name in self.leased
                )
                assert len(image.scores) + leased <= self.options["repetitions"]
        if named and trials:
            self.requests[request_id] = [trial.trial_id for trial in trials]
        if not count:
            # All that was wanted has been asked for.
            assert self.driver.ask() == []

    @rule(client=CLIENTS, named=st.booleans())
    def reclaim(self, client: str, named: bool) -> None:
        """The client's trials come back at once, nobody else's do, and a second arrival takes nothing."""
        self.reclaims += named
        request_id = f"reclaim-{self.reclaims}" if named else ""
        held = {
            name
            for name, until in self.leased.items()
            if until > self.driver.now and self.trial_generation[name] == self.generation and self.images
        }
        before = {name: trial.lease_time for name, trial in self.driver.session.trials.items()}
        taken = self.driver.reclaim(client, request_id)
        wanted = {name for name in held if not client or self.client_of[name] == client}
        assert {name for name in taken if (until := before[name]) and until > self.driver.now} == wanted
        assert all(not client or self.client_of[name] == client for name in taken)
        for name in taken:
            self.leased.pop(name, None)
        length = len(self.driver.log)
        assert self.driver.reclaim(client, request_id) == []
        assert len(self.driver.log) == length

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        request_id = data.draw(st.sampled_from(sorted(self.requests)))
        names = self.requests[request_id]
        if any(name in self.told for name in names):
            with pytest.raises(ApiError) as caught:
                self.driver.ask(0, request_id)
            assert caught.value.code == grpc.StatusCode.ALREADY_EXISTS
        else:
            assert [trial.trial_id for trial in self.driver.ask(0, request_id)] == names
            for name in names:
                # One of an earlier generation is nobody's business any more.
                if self.trial_generation[name] == self.generation and self.images:
                    self.leased[name] = self.driver.session.trials[name].lease_time
        self.leased = {name: until for name, until in self.leased.items() if until > self.driver.now}

    @precondition(lambda self: self.trial_image.keys() - self.told.keys())
    @rule(data=st.data(), outcome=OUTCOMES, score=SCORES, end=st.booleans())
    def tell(self, data: st.DataObject, outcome: Outcome, score: float, end: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.trial_image.keys() - self.told.keys())))
        report = Report(name, self.trial_image[name], outcome, score if outcome == Outcome.SCORED else None)
        late = self.trial_generation[name] != self.generation or not self.images
        tally = self.driver.tell(report, end=[0] if end else [])
        assert (len(tally.new), tally.repeated, tally.late) == (1, 0, int(late))
        self.record(report, counts=not late and report.image_id in self.images)
        before = bool(self.images)
        self.settle()
        if end and before and self.images:
            self.settle(ended=True)

    @precondition(lambda self: self.images)
    @rule(data=st.data(), outcome=OUTCOMES, score=SCORES)
    def tell_of_ones_own(self, data: st.DataObject, outcome: Outcome, score: float) -> None:
        name = data.draw(st.sampled_from(sorted(self.images)))
        self.own += 1
        report = Report(f"own-{self.own}", name, outcome, score if outcome == Outcome.SCORED else None)
        self.driver.tell(report)
        self.trial_image[report.trial_id] = name
        # It stands for the first showing of the image that was asked in this generation and not told.
        if asked := [
            trial
            for trial in sorted(self.leased)
            if (self.trial_image[trial], self.trial_generation[trial]) == (name, self.generation)
        ]:
            del self.leased[asked[0]]
        self.record(report, counts=True)
        self.settle()

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        reports = data.draw(st.lists(st.sampled_from(sorted(self.told)), min_size=1, max_size=5))
        length = len(self.driver.log)
        tally = self.driver.tell(*(self.told[name] for name in reports))
        assert (tally.repeated, len(self.driver.log)) == (len(reports), length)

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def tell_otherwise(self, data: st.DataObject) -> None:
        known = self.told[data.draw(st.sampled_from(sorted(self.told)))]
        other = Report(known.trial_id, known.image_id, Outcome.SCORED, 2e6)
        fresh = Report("fresh", known.image_id, Outcome.SCORED, 0.0)
        before = everything(self.driver.session)
        with pytest.raises(ApiError) as caught:
            self.driver.tell(fresh, other)
        assert caught.value.code == grpc.StatusCode.ALREADY_EXISTS
        assert everything(self.driver.session) == before

    @rule(share=st.sampled_from([0.1, 0.5, 1.0]))
    def wait(self, share: float) -> None:
        self.driver.wait(share * LEASE)

    @rule()
    def restart(self) -> None:
        reloaded = self.driver.reloaded()
        assert everything(reloaded) == everything(self.driver.session)
        self.driver.session = reloaded

    # What always holds -------------------------------------------------------------------------------------------

    @invariant()
    def the_thread_stands_where_the_model_says(self) -> None:
        thread = self.driver.session.threads[0]
        assert thread.state == (ThreadState.OPEN if self.images else ThreadState.EVOLVING)
        if thread.open is not None:
            for name, image in self.images.items():
                showings = thread.open.images[name]
                assert (showings.scores, showings.failures) == (image.scores, image.failures)

    @invariant()
    def every_report_is_kept_as_it_was_told(self) -> None:
        trials = self.driver.session.trials
        kept = {name: trial.telling.report for name, trial in trials.items() if trial.telling is not None}
        assert kept == self.told
        assert self.driver.session.told == len(self.told)


TestEvolution = Evolution.TestCase
TestEvolution.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
