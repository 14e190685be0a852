"""How long trials are their askers': by a clock that only rises, across restarts, and until they are taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pullback_api.v1 import search_pb2
from pullback_server.sessions.decisions.leases import LeaseClock
from pullback_server.sessions.resources import pending_messages, trial_record
from pullback_server.sessions.state.events import LeasesExpired, SessionState, StateChanged
from session_driver import LEASE, Driver, scored


def restarted(driver: Driver, now: float) -> LeaseClock:
    clock = LeaseClock(timedelta(seconds=LEASE))
    clock.load(driver.session, now)
    return clock


def test_a_server_that_starts_again_counts_on_from_the_last_event_whatever_the_clock_on_the_wall_says() -> None:
    driver = Driver()
    driver.open()
    names = [trial.trial_id for trial in driver.ask(2)]
    driver.wait(45)
    driver.ask(1)
    clock = restarted(driver, now=5.0)
    assert clock.remaining(5.0) == pytest.approx(LEASE - 45)
    assert clock.expire(driver.session, 5.0 + LEASE - 45.1) == ()
    assert clock.expire(driver.session, 5.0 + LEASE - 44.9) == (LeasesExpired(tuple(names)),)


def test_no_lease_is_longer_than_leases_are_where_the_clock_was_set_back_before_the_restart() -> None:
    driver = Driver()
    driver.open()
    driver.ask(2)
    driver.wait(-86_400)
    driver.ask(1)
    clock = restarted(driver, now=0.0)
    assert len(clock.expire(driver.session, LEASE + 0.1)[0].trial_ids) == 3  # type: ignore[union-attr]


def test_a_session_that_is_read_anew_lengthens_no_lease_that_is_known() -> None:
    driver = Driver()
    driver.open()
    driver.ask(2)
    began = driver.now.timestamp()
    driver.leases.load(driver.reloaded(), began + 50)
    assert driver.leases.remaining(began + 50) == pytest.approx(LEASE - 50)


def test_with_nothing_out_there_is_nothing_to_wait_for() -> None:
    driver = Driver()
    driver.open()
    assert driver.leases.remaining(0.0) is None
    driver.tell(*(scored(trial.trial_id) for trial in driver.ask(2)))
    assert driver.leases.remaining(0.0) is None


def test_what_a_crashed_client_had_is_shown_again_at_once_and_once() -> None:
    driver = Driver()
    driver.open()
    lost = driver.ask(2, client="rig")
    held = driver.ask(1, client="other")
    driver.tell(scored(lost[0].trial_id))
    assert [(each.client, each.trials) for each in pending_messages(driver.session)] == [("other", 1), ("rig", 1)]
    assert driver.reclaim("rig", "first") == [lost[1].trial_id]
    again = driver.ask(client="rig")
    assert sorted(trial.image_id for trial in again).count(lost[1].image_id) == 1
    assert held[0].image_id not in {trial.image_id for trial in again}
    # A request that was sent twice does not take what was asked in between.
    assert driver.reclaim("rig", "first") == []
    assert driver.session.reclaimed["first"] == (lost[1].trial_id,)
    assert sorted(driver.session.out()) == sorted([held[0].trial_id, *(trial.trial_id for trial in again)])


def test_a_request_that_found_nothing_takes_nothing_when_it_comes_again() -> None:
    driver = Driver()
    driver.open()
    assert driver.reclaim("rig", "first") == []
    driver.ask(client="rig")
    assert driver.reclaim("rig", "first") == []
    assert len(driver.reclaim("rig", "second")) == 4


def test_a_reclaimed_trial_that_is_told_all_the_same_counts_as_one_told_after_its_lease() -> None:
    scores = []
    for give_back in (lambda driver: driver.reclaim("rig"), lambda driver: driver.wait(LEASE)):
        driver = Driver(repetitions=2)
        driver.open()
        first = driver.ask(client="rig")
        give_back(driver)
        again = driver.ask(client="rig")
        assert sorted(t.image_id for t in again) == sorted(t.image_id for t in first)
        tally = driver.tell(*(scored(trial.trial_id, float(place)) for place, trial in enumerate(first)))
        assert tally.late == 0
        scores.append(driver.session.threads[0].closed[0].closed.scores)
    assert scores[0] == scores[1]


def test_trials_of_nobody_in_particular_are_taken_back_with_everybodys_alone() -> None:
    driver = Driver()
    driver.open()
    driver.ask(1)
    driver.ask(1, client="rig")
    assert len(driver.reclaim("rig")) == 1
    assert len(driver.reclaim()) == 1


def test_trials_of_generations_that_are_closed_and_of_sessions_that_are_closed_are_nobodys_business() -> None:
    driver = Driver(min_scored=0.25)
    driver.open()
    trials = driver.ask(client="rig")
    driver.tell(scored(trials[0].trial_id), end=[0])
    assert pending_messages(driver.session) == []
    assert driver.reclaim("rig") == []
    driver.open()
    driver.ask(client="rig")
    driver.add(StateChanged(SessionState.CLOSED))
    length = len(driver.log)
    assert driver.reclaim("rig", "first") == []
    assert len(driver.log) == length


def test_the_asker_of_a_trial_is_kept_with_it_and_who_asks_again_has_it() -> None:
    driver = Driver()
    driver.open()
    (trial,) = driver.ask(1, "request", client="rig")
    assert trial_record(trial.trial_id, driver.session.trials[trial.trial_id]).client == "rig"
    driver.ask(1, "request")
    assert driver.session.trials[trial.trial_id].client == "rig"
    driver.ask(1, "request", client="other")
    assert driver.session.trials[trial.trial_id].client == "other"
    assert driver.reloaded().trials == driver.session.trials


def test_a_paused_session_gives_trials_back() -> None:
    driver = Driver()
    driver.open()
    driver.ask(client="rig")
    driver.add(StateChanged(search_pb2.SESSION_STATE_PAUSED))
    assert len(driver.reclaim("rig")) == 4
