"""The log's form on disk: every kind of event comes back as it was, and what cannot be read says so."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timezone
from typing import Any, get_args

import pytest

from pullback_server.errors import ApiError
from pullback_server.sessions.resources import event_message
from pullback_server.sessions.state.codec import UnreadableEventError, read_event, write_event
from pullback_server.sessions.state.events import (
    Asked,
    Asking,
    Began,
    EigenbasisProvided,
    Entry,
    Event,
    GenerationClosed,
    GenerationOpened,
    ImageScore,
    LeasesExpired,
    LeasesRenewed,
    NewImage,
    ShownAgain,
    StateChanged,
    StoredImage,
    Telling,
    ThreadFailed,
    Told,
    TrialsReclaimed,
)
from pullback_server.specs.reports import Report
from session_driver import Driver

REPORT = Report("trial-1", "image", 1, score=0.1, channel_values=(1.0, -2.5e-300), t_onset=3.0, note='ö "\n')
EVENTS: list[Event] = [
    Began("0.1.0", ("a" * 64,), ("",), (StoredImage("left", "b" * 64, 8, 16),)),
    StateChanged(2),
    GenerationOpened(
        0, 3, (NewImage("one", "offspring", ("p", "q"), (9.5, 0.75)), NewImage("two", "mean")), "c" * 64, "d" * 64
    ),
    Asked("request", (Asking("trial-1", "one", 0, 3, 0, reference=False),)),
    LeasesRenewed("request"),
    LeasesRenewed("request", "rig"),
    LeasesExpired(("trial-1", "trial-2")),
    TrialsReclaimed("request", "rig", ("trial-1",)),
    TrialsReclaimed("", "", ()),
    Told((Telling(REPORT, 0, 3, 0, reference=False, late=False, outcome=1, score=0.1),)),
    Told((Telling(Report("x", "y", 2), -1, -1, 0, reference=True, late=True, outcome=2, score=None),)),
    ShownAgain(0, 3),
    GenerationClosed(
        0,
        3,
        (ImageScore("thread000_gen003_000000", 1.0, 0.25), ImageScore("thread000_gen003_000001", 2.0)),
        ("three",),
        (),
    ),
    ThreadFailed(1, 13, "singular"),
    Began("0.1.0", ("a" * 64,), ("",), (), ("2bcd3fgh",)),
    EigenbasisProvided(0, "e" * 64),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    kind, payload = write_event(event)
    assert read_event(kind, payload) == event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_who_watches_is_told_of_every_event_and_so_sees_the_last_one(event: Event) -> None:
    entry = Entry(7, datetime(2026, 1, 2, tzinfo=timezone.utc), event)
    assert event_message(entry, evolved().session).sequence == 7


def evolved() -> Driver:
    """A session in its fourth generation."""
    driver = Driver()
    for _ in range(3):
        driver.open()
        driver.play()
    driver.open()
    return driver


def test_every_kind_of_event_is_tested() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))


def test_a_number_that_is_not_finite_is_not_written() -> None:
    report = dataclasses.replace(REPORT, score=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        write_event(Told((Telling(report, 0, 0, 0, reference=False, late=False, outcome=1, score=None),)))


@pytest.mark.parametrize(
    ("kind", "payload", "event"),
    [
        (
            "Asked",
            b'{"v":1,"request_id":"r","trials":[{"trial_id":"t","image_id":"i","thread":0,"generation":3,'
            b'"repetition":0,"reference":false}]}',
            Asked("r", (Asking("t", "i", 0, 3, 0, reference=False),), client=""),
        ),
        ("LeasesRenewed", b'{"v":1,"request_id":"r"}', LeasesRenewed("r", client="")),
    ],
)
def test_logs_that_were_written_before_clients_had_names_are_read(kind: str, payload: bytes, event: Event) -> None:
    assert read_event(kind, payload) == event


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        (
            EVENTS[0],
            f'{{"v":1,"version":"0.1.0","weights_hashes":["{"a" * 64}"],"eigenbases":[""],"references":[{{'
            f'"label":"left","digest":"{"b" * 64}","width":8,"height":16}}],"awaited":[]}}',
        ),
        (
            EVENTS[9],
            '{"v":1,"tellings":[{"report":{"trial_id":"trial-1","image_id":"image","outcome":1,"score":0.1,'
            '"channel_values":[1.0,-2.5e-300],"t_onset":3.0,"note":"\\u00f6 \\"\\n"},"thread":0,"generation":3,'
            '"repetition":0,"reference":false,"late":false,"outcome":1,"score":0.1}]}',
        ),
        (
            GenerationClosed(0, 3, (ImageScore("one", 1.0),), (), ()),
            '{"v":1,"thread":0,"generation":3,"scores":'
            '[{"image_id":"one","score":1.0,"variance":null}],"dropped":[],"carried":[]}',
        ),
    ],
    ids=["Began", "Told", "GenerationClosed"],
)
def test_what_is_written_keeps_its_form(event: Event, payload: str) -> None:
    assert write_event(event) == (type(event).__name__, payload.encode())


def change(event: Event, **values: Any) -> tuple[str, bytes]:
    kind, payload = write_event(event)
    return kind, json.dumps({**json.loads(payload), **values}).encode()


@pytest.mark.parametrize(
    ("kind", "payload", "message"),
    [
        ("Invented", b"{}", "unknown kind 'Invented'"),
        (*change(StateChanged(1), v=2), "version 2, this server reads version 1"),
        ("StateChanged", b"{", "damaged StateChanged"),
        ("StateChanged", b"[]", "damaged StateChanged"),
        ("StateChanged", b'{"v":1}', "damaged StateChanged"),
        (*change(EVENTS[3], trials=3), "damaged Asked"),
    ],
)
def test_what_cannot_be_read_says_why(kind: str, payload: bytes, message: str) -> None:
    with pytest.raises((UnreadableEventError, ApiError), match=message):
        read_event(kind, payload)
