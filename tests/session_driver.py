"""A session without a server: a clock that is set by hand, and generations that are made by nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from pullback_api.v1 import search_pb2
from pullback_server.sessions.decisions.ask import AskOrder, decide_ask
from pullback_server.sessions.decisions.closure import end_generations
from pullback_server.sessions.decisions.journal import Journal
from pullback_server.sessions.decisions.leases import LeaseClock
from pullback_server.sessions.decisions.reclaim import decide_reclaim
from pullback_server.sessions.decisions.tell import Judge, Tally, decide_tell
from pullback_server.sessions.state.codec import read_event, write_event
from pullback_server.sessions.state.events import (
    Asked,
    Asking,
    Began,
    Entry,
    Event,
    GenerationOpened,
    LeasesRenewed,
    NewImage,
    StoredImage,
)
from pullback_server.sessions.state.session import Session, image_id_of
from pullback_server.specs.reports import Outcome, Report

LEASE = 60
SHOW_AGAIN, CARRY_OVER, DROP = (
    search_pb2.MISSING_POLICY_SHOW_AGAIN,
    search_pb2.MISSING_POLICY_CARRY_OVER,
    search_pb2.MISSING_POLICY_DROP,
)


def session_spec(
    threads: Sequence[Mapping[str, Any]] = ({},),
    *,
    references: Sequence[str] = (),
    references_per_generation: int | None = None,
    seed: int = 0,
    balance: search_pb2.Balance = search_pb2.BALANCE_NONE,
    **scores: Any,
) -> search_pb2.SessionSpec:
    """A complete specification of populations of four."""
    options = {
        "repetitions": 1,
        "aggregation": search_pb2.AGGREGATION_MEAN,
        "missing": SHOW_AGAIN,
        "max_shows": 3,
        "min_scored": 0.5,
        **scores,
    }
    spec = search_pb2.SessionSpec(
        threads=[
            search_pb2.ThreadSpec(**{"optimizer": search_pb2.SearchOptions(population=4), **thread})
            for thread in threads
        ],
        references=[search_pb2.ReferenceImage(label=label) for label in references],
        references_per_generation=references_per_generation,
        scores=search_pb2.ScoreOptions(**options),
        seed=seed,
        balance=balance,
    )
    spec.lease.FromSeconds(LEASE)
    return spec


def scored(trial_id: str, score: float = 1.0, image_id: str = "", **fields: Any) -> Report:
    return Report(trial_id, image_id, Outcome.SCORED, score, **fields)


def failed(trial_id: str, image_id: str = "") -> Report:
    return Report(trial_id, image_id, Outcome.FAILED)


def abandoned(trial_id: str, image_id: str = "") -> Report:
    return Report(trial_id, image_id, Outcome.ABANDONED)


class Driver:
    """Does to a session what the server does, and keeps the log."""

    def __init__(self, spec: search_pb2.SessionSpec | None = None, **options: Any) -> None:
        self.spec = spec if spec is not None else session_spec(**options)
        self.session = Session(self.spec)
        self.leases = LeaseClock(self.spec.lease.ToTimedelta())
        self.now = datetime(2026, 1, 2, 3, 4, 5, 678, timezone.utc)
        self.log: list[Entry] = []
        labels = [reference.label for reference in self.spec.references]
        stored = tuple(StoredImage(label, "0" * 64, 8, 8) for label in labels)
        threads = len(self.spec.threads)
        self.add(Began("0.1.0", ("a" * 64,) * threads, ("",) * threads, stored))

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += timedelta(seconds=seconds)

    def change(self, decide: Callable[[Journal], Any]) -> Any:
        """What a change of a live session does, but for the disk."""
        journal = Journal(self.session, self.now)
        try:
            result = decide(journal)
        except Exception:
            if journal.entries:
                # It is ahead of its log; the log is right.
                self.session = self.reloaded()
            raise
        self.log += journal.entries
        self.leases.follow(self.session, [entry.event for entry in journal.entries], self.now.timestamp())
        return result

    def add(self, *events: Event) -> None:
        """Writes events down."""
        self.change(lambda journal: journal.add(events))

    def open(self, thread: int = 0, count: int | None = None) -> list[str]:
        """Opens a thread's next generation: new images, then those that were carried over; returns their ids."""
        closed = self.session.threads[thread].closed
        carried = closed[-1].closed.carried if closed else ()
        made = max(1, 4 - len(carried)) if count is None else count
        number = len(closed)
        images = [NewImage(image_id_of(thread, number, row), "sampled", (), (10.0 + row, 0.5)) for row in range(made)]
        images += [NewImage(name, "carried") for name in carried]
        self.add(GenerationOpened(thread, number, tuple(images), "1" * 64, "2" * 64))
        return [image.image_id for image in images]

    def ask(self, count: int = 0, request_id: str = "", **order: Any) -> list[Asking]:
        """Asks; returns the trials."""

        def decide(journal: Journal) -> list[str]:
            journal.add(self.leases.expire(journal.session, self.now.timestamp()))
            events = decide_ask(journal.session, AskOrder(request_id, count, **order))
            journal.add(events)
            names: list[str] = []
            for event in events:
                if isinstance(event, Asked):
                    names += [asking.trial_id for asking in event.trials]
                if isinstance(event, LeasesRenewed):
                    names += journal.session.requests[event.request_id]
            return names

        names = self.change(decide)
        return [asking for name in names if (asking := self.session.trials[name].asking)]

    def reclaim(self, client: str = "", request_id: str = "") -> list[str]:
        """Takes back what a client, empty = anybody, has out; returns the trials."""

        def decide(journal: Journal) -> list[str]:
            events = decide_reclaim(journal.session, request_id, client)
            journal.add(events)
            return [name for event in events for name in event.trial_ids]

        found: list[str] = self.change(decide)
        return found

    def tell(self, *reports: Report, end: Sequence[int] = (), judge: Judge | None = None) -> Tally:
        """Tells, and lets follow what follows."""

        def decide(journal: Journal) -> Tally:
            tally = decide_tell(journal.session, [(f"trials[{i}]", r) for i, r in enumerate(reports)], judge)
            journal.add(tally.events)
            journal.settle()
            journal.add(end_generations(journal.session, end, () if tally.new else tally.threads))
            return tally

        return self.change(decide)

    def play(self, score: Callable[[str], float] = lambda _image: 1.0) -> None:
        """Shows and scores whatever there is to show."""
        while trials := self.ask():
            self.tell(*(scored(each.trial_id, score(each.image_id)) for each in trials))

    def reloaded(self) -> Session:
        """The session as a restarted server reads it."""
        entries = []
        for entry in self.log:
            kind, payload = write_event(entry.event)
            entries.append(Entry(entry.sequence, entry.time, read_event(kind, payload)))
        return Session(self.spec, entries)
