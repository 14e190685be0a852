"""Sessions without server, clock and disk: what is asked, what is told, and when a generation is done."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from itertools import pairwise
from statistics import median, variance

import grpc
import pytest

from pullback_api.v1 import search_pb2
from pullback_server.errors import ApiError
from pullback_server.sessions.resources import session_message
from pullback_server.sessions.state.events import Entry, SessionState, StateChanged, ThreadFailed
from pullback_server.sessions.state.generation import MOST_IN_VAIN
from pullback_server.sessions.state.scores import image_scores
from pullback_server.sessions.state.session import Session
from pullback_server.sessions.state.thread import ThreadState
from session_driver import CARRY_OVER, DROP, LEASE, SHOW_AGAIN, Driver, abandoned, failed, scored, session_spec


def state_of(session: Session) -> object:
    """All that a session says of itself."""
    trials = {name: asdict(trial) for name, trial in session.trials.items()}
    generations = [(thread.open and vars(thread.open)["images"], thread.closed) for thread in session.threads]
    return session_message("a", session), trials, generations, session.requests


def code_of(caught: pytest.ExceptionInfo[ApiError]) -> grpc.StatusCode:
    return caught.value.code


# Asking ---------------------------------------------------------------------------------------------------------------


def test_every_image_of_a_generation_is_asked_for_once() -> None:
    driver = Driver()
    images = driver.open()
    trials = driver.ask()
    assert sorted(trial.image_id for trial in trials) == sorted(images)
    assert len({trial.trial_id for trial in trials}) == len(images)
    assert driver.ask() == []


def test_an_image_is_shown_as_often_as_it_needs_scores_all_once_before_any_twice() -> None:
    driver = Driver(repetitions=3)
    images = driver.open()
    trials = driver.ask()
    assert [trial.repetition for trial in trials] == [0] * 4 + [1] * 4 + [2] * 4
    assert Counter(trial.image_id for trial in trials) == dict.fromkeys(images, 3)


def test_the_order_depends_on_the_seed_and_on_nothing_else() -> None:
    def order(seed: int) -> list[str]:
        driver = Driver(session_spec(seed=seed))
        driver.open(count=20)
        return [trial.image_id for trial in driver.ask()]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != sorted(order(1))


def test_asking_in_parts_gives_the_same_as_asking_at_once() -> None:
    whole, parts = Driver(repetitions=2), Driver(repetitions=2)
    whole.open()
    parts.open()
    assert [trial for _ in range(4) for trial in parts.ask(2)] == whole.ask()


def test_threads_are_mixed() -> None:
    driver = Driver(threads=({}, {}))
    driver.open(0, 20)
    driver.open(1, 20)
    threads = [trial.thread for trial in driver.ask()]
    assert sum(a != b for a, b in pairwise(threads)) > 20
    assert Counter(threads[:10])[0] in range(3, 8)


def test_only_the_threads_that_are_asked_for_are_shown() -> None:
    driver = Driver(threads=({}, {}))
    driver.open(0)
    driver.open(1)
    assert {trial.thread for trial in driver.ask(threads={1})} == {1}


def test_only_what_is_ready_is_leased() -> None:
    driver = Driver()
    images = driver.open()
    trials = driver.ask(ready=lambda image_id: image_id in images[:2])
    assert {trial.image_id for trial in trials} == set(images[:2])


def test_the_same_request_gives_the_same_trials_again_and_begins_their_lease_anew() -> None:
    driver = Driver()
    driver.open()
    first = driver.ask(2, "one")
    driver.wait(LEASE - 1)
    assert driver.ask(4, "one") == first
    driver.wait(LEASE - 1)
    # Still leased, so another asker gets the others.
    assert {trial.image_id for trial in driver.ask()}.isdisjoint(trial.image_id for trial in first)


def test_a_request_whose_trials_were_told_is_not_repeated() -> None:
    driver = Driver()
    driver.open()
    first = driver.ask(2, "one")
    driver.tell(scored(first[0].trial_id))
    with pytest.raises(ApiError, match="take a new one") as caught:
        driver.ask(2, "one")
    assert code_of(caught) == grpc.StatusCode.ALREADY_EXISTS


def test_a_trial_that_is_not_told_in_time_can_be_asked_for_again() -> None:
    driver = Driver()
    images = driver.open()
    first = driver.ask()
    driver.wait(LEASE - 0.001)
    assert driver.ask() == []
    driver.wait(0.001)
    again = driver.ask()
    assert sorted(trial.image_id for trial in again) == sorted(images)
    assert {trial.trial_id for trial in again}.isdisjoint(trial.trial_id for trial in first)


def test_a_trial_id_that_a_rig_took_is_given_to_no_other_trial() -> None:
    driver = Driver()
    images = driver.open()
    driver.tell(scored("trial000001", image_id=images[0]))
    assert "trial000001" not in {trial.trial_id for trial in driver.ask()}


# References -----------------------------------------------------------------------------------------------------------


def test_references_lie_among_the_others_and_are_never_waited_for() -> None:
    driver = Driver(references=("a", "b"))
    images = driver.open(count=20)
    trials = driver.ask()
    assert {trial.image_id for trial in trials if trial.reference} == {"reference_a", "reference_b"}
    assert len(trials) == 22
    driver.tell(*(scored(trial.trial_id) for trial in trials if not trial.reference))
    closed = driver.session.threads[0].closed[0].closed
    assert {each.image_id for each in closed.scores} == set(images)


def test_references_take_turns() -> None:
    driver = Driver(references=("a", "b", "c"), references_per_generation=2)
    shown = []
    for _ in range(3):
        driver.open()
        trials = driver.ask()
        shown.append({trial.image_id[-1] for trial in trials if trial.reference})
        driver.tell(*(scored(trial.trial_id) for trial in trials))
    assert shown == [{"a", "b"}, {"c", "a"}, {"b", "c"}]


def test_the_score_of_a_reference_is_kept_and_enters_no_update() -> None:
    driver = Driver(references=("a",))
    driver.open()
    driver.tell(scored("mine", 99.0, "reference_a"))
    driver.play()
    assert driver.session.trials["mine"].telling is not None
    assert driver.session.threads[0].best is not None
    assert driver.session.threads[0].best.score == 1.0


def test_a_failed_reference_is_not_shown_again_but_an_abandoned_one_is() -> None:
    driver = Driver(references=("a", "b"))
    driver.open()
    trials = {trial.image_id: trial.trial_id for trial in driver.ask()}
    driver.tell(failed(trials["reference_a"]), abandoned(trials["reference_b"]))
    assert [trial.image_id for trial in driver.ask()] == ["reference_b"]


# Telling --------------------------------------------------------------------------------------------------------------


def test_a_generation_closes_when_every_image_has_its_scores() -> None:
    driver = Driver(repetitions=2)
    driver.open()
    trials = driver.ask()
    driver.tell(*(scored(trial.trial_id) for trial in trials[:-1]))
    assert driver.session.threads[0].state == ThreadState.OPEN
    driver.tell(scored(trials[-1].trial_id))
    assert driver.session.threads[0].state == ThreadState.EVOLVING


@pytest.mark.parametrize("aggregation", [search_pb2.AGGREGATION_MEAN, search_pb2.AGGREGATION_MEDIAN])
def test_several_scores_become_one_and_say_how_sure_it_is(aggregation: search_pb2.Aggregation) -> None:
    driver = Driver(repetitions=3, aggregation=aggregation)
    images = driver.open()
    values = iter([1.0, 2.0, 6.0])
    for trial in driver.ask():
        driver.tell(scored(trial.trial_id, next(values) if trial.image_id == images[0] else 0.0))
    found = {each.image_id: each for each in driver.session.threads[0].closed[0].closed.scores}
    mean = aggregation == search_pb2.AGGREGATION_MEAN
    assert found[images[0]].score == (3.0 if mean else median([1.0, 2.0, 6.0]))
    # The noise is that of all images, so that none is believed less than another for how its own few scores fell.
    pooled = variance([1.0, 2.0, 6.0]) / len(images)
    expected = pooled / 3 * (1 if mean else 1.5707963)
    assert [each.variance for each in found.values()] == pytest.approx([expected] * len(images))


def test_an_image_that_was_shown_more_often_is_surer_and_one_that_was_shown_once_less() -> None:
    trials = {"often": [1.0, 3.0, 2.0, 2.0], "twice": [5.0, 7.0], "once": [9.0]}
    found = {each.image_id: each for each in image_scores(trials, search_pb2.AGGREGATION_MEAN)}
    # (3 · ⅔ + 1 · 2) / 4
    assert {name: each.variance for name, each in found.items()} == pytest.approx(
        {"often": 0.25, "twice": 0.5, "once": 1}
    )


def test_one_score_says_nothing_of_how_sure_it_is() -> None:
    driver = Driver()
    driver.open()
    driver.play()
    assert {each.variance for each in driver.session.threads[0].closed[0].closed.scores} == {None}


def test_channel_values_become_a_score_by_their_weights_or_their_mean() -> None:
    for weights, expected in (([], 2.0), ([1.0, -1.0, 0.0], -1.0)):
        driver = Driver(threads=({"channel_weights": weights},))
        driver.open(count=1)
        (trial,) = driver.ask()
        report = scored(trial.trial_id, channel_values=(1.0, 2.0, 3.0))
        driver.tell(replace(report, score=None))
        assert driver.session.threads[0].closed[0].closed.scores[0].score == expected


def test_another_number_of_channels_is_refused() -> None:
    driver = Driver()
    driver.open()
    one, two, *_ = driver.ask()
    driver.tell(scored(one.trial_id, channel_values=(1.0, 2.0)))
    with pytest.raises(ApiError, match="expected 2 channels") as caught:
        driver.tell(scored(two.trial_id, channel_values=(1.0,)))
    assert caught.value.violations[0].field == "trials[0].channel_values"


def test_a_report_that_is_known_counts_once() -> None:
    driver = Driver(repetitions=2)
    driver.open()
    trial = driver.ask()[0]
    assert (driver.tell(scored(trial.trial_id)).repeated, len(driver.log)) == (0, 4)
    again = driver.tell(scored(trial.trial_id, image_id=trial.image_id), scored(trial.trial_id))
    assert (again.repeated, again.new, len(driver.log)) == (2, [], 4)


def test_a_conflicting_report_is_refused_and_nothing_of_the_request_is_written() -> None:
    driver = Driver()
    driver.open()
    one, two, *_ = driver.ask()
    driver.tell(scored(one.trial_id, 1.0))
    before = state_of(driver.session)
    with pytest.raises(ApiError, match="another score") as caught:
        driver.tell(scored(two.trial_id), scored(one.trial_id, 2.0))
    assert code_of(caught) == grpc.StatusCode.ALREADY_EXISTS
    with pytest.raises(ApiError, match="another outcome, score"):
        driver.tell(scored(two.trial_id), failed(one.trial_id))
    with pytest.raises(ApiError, match="another score"):
        driver.tell(scored(two.trial_id, 1.0), scored(two.trial_id, 2.0))
    assert state_of(driver.session) == before


def test_a_rigs_own_trial_is_one_more_showing_of_its_image() -> None:
    driver = Driver(repetitions=2)
    images = driver.open()
    driver.tell(scored("mine-1", 1.0, images[0]), scored("mine-2", 3.0, images[0]))
    tellings = [driver.session.trials[name].telling for name in ("mine-1", "mine-2")]
    assert [telling.repetition for telling in tellings if telling] == [0, 1]
    assert images[0] not in {trial.image_id for trial in driver.ask()}


def test_a_rigs_own_trial_stands_for_one_that_was_asked_and_nobody_waits_for_that() -> None:
    driver = Driver(repetitions=2)
    driver.open()
    asked = driver.ask()
    image = asked[0].image_id
    driver.tell(scored("mine-1", 1.0, image), failed("mine-2", image))
    # One score is missing, and can be asked for at once.
    again = driver.ask()
    assert [trial.image_id for trial in again] == [image]
    driver.tell(scored("mine-3", 3.0, image))
    # What was asked may be told after all.
    first = next(trial for trial in asked if trial.image_id == image)
    assert len(driver.tell(scored(first.trial_id)).new) == 1
    assert driver.ask() == []


@pytest.mark.parametrize(
    ("report", "field", "message"),
    [
        (scored("unknown"), "image_id", "never asked"),
        (scored("mine", image_id="thread000_gen009_000000"), "image_id", "no image"),
        (scored("trial000000", image_id="thread000_gen000_000009"), "image_id", "shows"),
    ],
)
def test_an_unknown_image_is_refused(report: object, field: str, message: str) -> None:
    driver = Driver()
    driver.open()
    driver.ask()
    with pytest.raises(ApiError, match=message) as caught:
        driver.tell(report)  # type: ignore[arg-type]
    assert caught.value.violations[0].field == f"trials[0].{field}"


def test_a_trial_that_is_told_late_is_kept_and_not_used() -> None:
    driver = Driver()
    images = driver.open()
    trials = driver.ask()
    driver.tell(*(scored(trial.trial_id) for trial in trials[:3]), end=[0])
    assert driver.session.threads[0].closed[0].closed.carried == (trials[3].image_id,)
    driver.open()
    tally = driver.tell(scored(trials[3].trial_id, 50.0), scored("mine", 60.0, trials[0].image_id))
    assert tally.late == 2
    driver.play()
    closed = driver.session.threads[0].closed[1].closed
    assert {each.score for each in closed.scores} == {1.0}
    assert set(images) - {trials[3].image_id} == {
        each.image_id for each in driver.session.threads[0].closed[0].closed.scores
    }


def test_a_trial_that_is_told_after_its_lease_counts_as_any_other() -> None:
    driver = Driver()
    driver.open()
    first = driver.ask()
    driver.wait(LEASE)
    driver.ask()
    assert driver.tell(*(scored(trial.trial_id) for trial in first)).late == 0
    assert driver.session.threads[0].state == ThreadState.EVOLVING


def test_a_dry_run_makes_up_scores_and_keeps_what_was_said() -> None:
    driver = Driver()
    driver.open()
    trials = driver.ask()
    driver.tell(*(scored(trial.trial_id, 5.0) for trial in trials[:2]), judge=lambda trial, _image: None)
    assert driver.session.threads[0].state == ThreadState.OPEN
    again = driver.ask()
    assert {trial.image_id for trial in again} == {trial.image_id for trial in trials[:2]}
    driver.tell(*(scored(each.trial_id, 5.0) for each in [*trials[2:], *again]), judge=lambda *_: 7.0)
    assert {each.score for each in driver.session.threads[0].closed[0].closed.scores} == {7.0}
    telling = driver.session.trials[trials[2].trial_id].telling
    assert telling is not None
    assert telling.report.score == 5.0


# Missing trials -------------------------------------------------------------------------------------------------------


def test_a_failed_image_is_shown_again_until_it_has_had_its_chances() -> None:
    driver = Driver(missing=SHOW_AGAIN, max_shows=3)
    driver.open()
    first = driver.ask()
    bad = first[0].image_id
    driver.tell(failed(first[0].trial_id), *(scored(trial.trial_id) for trial in first[1:]))
    for repetition in (1, 2):
        (again,) = driver.ask()
        assert (again.image_id, again.repetition) == (bad, repetition)
        driver.tell(failed(again.trial_id))
    assert driver.session.threads[0].closed[0].closed.dropped == (bad,)


@pytest.mark.parametrize("missing", [SHOW_AGAIN, CARRY_OVER, DROP])
def test_what_is_shown_again_in_vain_pauses_the_session(missing: search_pb2.MissingPolicy) -> None:
    driver = Driver(missing=missing, max_shows=2)
    images = driver.open()
    (first, *_) = driver.ask(1)
    driver.tell(scored(first.trial_id))
    showings = 0
    while driver.session.state == SessionState.ACTIVE:
        trials = driver.ask()
        driver.tell(*(failed(trial.trial_id) for trial in trials))
        showings += len(trials)
        assert showings <= 1000
    assert showings == (len(images) - 1) * MOST_IN_VAIN * (2 if missing == SHOW_AGAIN else 1)
    reason = session_message("a", driver.session).pause_reason
    assert f"generation 0 of thread 0 were shown again {MOST_IN_VAIN} times without a new score" in reason
    assert state_of(driver.reloaded()) == state_of(driver.session)
    # Somebody looks, and it goes on with the scores that it has.
    driver.add(StateChanged(SessionState.ACTIVE.value))
    assert session_message("a", driver.session).pause_reason == ""
    driver.tell(*(scored(trial.trial_id) for trial in driver.ask()))
    assert len(driver.session.threads[0].closed[0].closed.scores) == len(images)


def test_a_new_score_begins_the_count_of_showings_in_vain_anew() -> None:
    driver = Driver(missing=DROP, min_scored=1.0)
    driver.open(count=3)
    for _ in range(2):
        for _ in range(MOST_IN_VAIN - 2):
            driver.tell(*(failed(trial.trial_id) for trial in driver.ask()))
        one, *others = driver.ask()
        driver.tell(scored(one.trial_id), *(failed(trial.trial_id) for trial in others))
    assert driver.session.state == SessionState.ACTIVE


def test_a_session_that_somebody_paused_has_no_reason_of_its_own() -> None:
    driver = Driver()
    driver.open()
    driver.add(StateChanged(SessionState.PAUSED.value))
    assert session_message("a", driver.session).pause_reason == ""


def test_a_failed_image_is_carried_over_with_its_id() -> None:
    driver = Driver(missing=CARRY_OVER)
    driver.open()
    first = driver.ask()
    bad = first[0].image_id
    driver.tell(failed(first[0].trial_id), *(scored(trial.trial_id) for trial in first[1:]))
    assert driver.session.threads[0].closed[0].closed.carried == (bad,)
    assert driver.open()[-1] == bad
    driver.play(lambda image_id: 9.0 if image_id == bad else 1.0)
    assert {each.image_id: each.score for each in driver.session.threads[0].closed[1].closed.scores}[bad] == 9.0


def test_scores_of_a_carried_image_go_with_it() -> None:
    driver = Driver(missing=CARRY_OVER, repetitions=2, min_scored=0.1)
    driver.open()
    first = driver.ask()
    bad = first[0].image_id
    driver.tell(scored(first[0].trial_id, 4.0), *(scored(trial.trial_id) for trial in first if trial.image_id != bad))
    driver.tell(*(failed(trial.trial_id) for trial in first[1:] if trial.image_id == bad))
    driver.open()
    trials = driver.ask()
    (once,) = [trial for trial in trials if trial.image_id == bad]
    driver.tell(*(scored(trial.trial_id, 6.0 if trial is once else 1.0) for trial in trials))
    assert {each.image_id: each.score for each in driver.session.threads[0].closed[1].closed.scores}[bad] == 5.0


def test_a_failed_image_is_left_out_where_the_policy_says_so() -> None:
    driver = Driver(missing=DROP)
    driver.open()
    first = driver.ask()
    driver.tell(failed(first[0].trial_id), *(scored(trial.trial_id) for trial in first[1:]))
    closed = driver.session.threads[0].closed[0].closed
    assert (closed.dropped, closed.carried, len(closed.scores)) == ((first[0].image_id,), (), 3)


@pytest.mark.parametrize("missing", [SHOW_AGAIN, CARRY_OVER, DROP])
def test_too_few_scores_show_the_others_again_whatever_the_policy(missing: search_pb2.MissingPolicy) -> None:
    driver = Driver(missing=missing, max_shows=1, min_scored=0.5)
    driver.open()
    first = driver.ask()
    driver.tell(scored(first[0].trial_id), *(failed(trial.trial_id) for trial in first[1:]))
    assert driver.session.threads[0].state == ThreadState.OPEN
    again = driver.ask()
    assert {trial.image_id for trial in again} == {trial.image_id for trial in first[1:]}
    driver.tell(scored(again[0].trial_id), *(failed(trial.trial_id) for trial in again[1:]))
    assert driver.session.threads[0].state == ThreadState.EVOLVING


def test_an_abandoned_trial_counts_for_nothing() -> None:
    driver = Driver(missing=DROP)
    driver.open()
    first = driver.ask()
    driver.tell(*(abandoned(trial.trial_id) for trial in first))
    assert {trial.image_id for trial in driver.ask()} == {trial.image_id for trial in first}
    assert driver.session.threads[0].state == ThreadState.OPEN


def test_an_optimizer_is_told_of_one_score_at_least() -> None:
    driver = Driver(min_scored=1e-12)
    driver.open()
    trials = driver.ask()
    driver.tell(end=[0])
    assert driver.session.threads[0].state == ThreadState.OPEN
    driver.tell(scored(trials[0].trial_id), end=[0])
    assert driver.session.threads[0].state == ThreadState.EVOLVING


@pytest.mark.parametrize(("missing", "dropped", "carried"), [(SHOW_AGAIN, 1, 0), (CARRY_OVER, 0, 1), (DROP, 1, 0)])
def test_an_open_generation_says_what_will_become_of_a_failed_image(
    missing: search_pb2.MissingPolicy, dropped: int, carried: int
) -> None:
    driver = Driver(missing=missing, max_shows=1)
    driver.open()
    driver.tell(failed(driver.ask()[0].trial_id))
    current = session_message("a", driver.session).threads[0].current
    assert (current.dropped, current.carried, current.closed) == (dropped, carried, False)


def test_ending_a_generation_treats_what_has_no_score_by_the_policy() -> None:
    for missing, dropped in ((SHOW_AGAIN, False), (CARRY_OVER, False), (DROP, True)):
        driver = Driver(missing=missing)
        driver.open()
        trials = driver.ask()
        driver.tell(*(scored(trial.trial_id) for trial in trials[:2]), end=[0])
        closed = driver.session.threads[0].closed[0].closed
        left = {trial.image_id for trial in trials[2:]}
        assert (set(closed.dropped), set(closed.carried)) == ((left, set()) if dropped else (set(), left))


def test_ending_a_generation_with_too_few_scores_shows_the_others_again() -> None:
    driver = Driver(missing=DROP)
    driver.open()
    trials = driver.ask()
    driver.tell(scored(trials[0].trial_id), end=[0])
    assert driver.session.threads[0].state == ThreadState.OPEN
    assert {trial.image_id for trial in driver.ask()} == {trial.image_id for trial in trials[1:]}


def test_ending_a_generation_a_second_time_by_the_same_request_ends_no_other() -> None:
    driver = Driver(min_scored=0.25)
    driver.open()
    reports = [scored(trial.trial_id) for trial in driver.ask()[:2]]
    driver.tell(*reports, end=[0])
    images = driver.open()
    driver.tell(scored("mine", image_id=images[0]))
    driver.tell(*reports, end=[0])
    assert driver.session.threads[0].state == ThreadState.OPEN


def test_what_is_left_of_the_last_generation_is_dropped() -> None:
    driver = Driver(threads=({"max_generations": 1},), missing=CARRY_OVER)
    driver.open()
    trials = driver.ask()
    driver.tell(*(scored(trial.trial_id) for trial in trials[:3]), end=[0])
    assert driver.session.threads[0].closed[0].closed.dropped == (trials[3].image_id,)
    assert driver.session.threads[0].state == ThreadState.FINISHED
    assert driver.session.finished()


# States ---------------------------------------------------------------------------------------------------------------


def test_a_thread_that_fails_leaves_the_others() -> None:
    driver = Driver(threads=({}, {}))
    driver.open(1)
    driver.add(ThreadFailed(0, 13, "singular"))
    assert [thread.state for thread in driver.session.threads] == [ThreadState.FAILED, ThreadState.OPEN]
    assert not driver.session.finished()
    assert driver.session.finished([0])
    assert not driver.session.finished([0, 1])
    assert len(driver.ask()) == 4


def test_nothing_new_is_told_to_a_closed_session() -> None:
    driver = Driver()
    driver.open()
    one, two, *_ = driver.ask()
    driver.tell(scored(one.trial_id))
    driver.add(StateChanged(SessionState.CLOSED))
    assert driver.tell(scored(one.trial_id)).repeated == 1
    with pytest.raises(ApiError, match="closed") as caught:
        driver.tell(scored(two.trial_id))
    assert code_of(caught) == grpc.StatusCode.FAILED_PRECONDITION


def test_no_generation_of_a_closed_session_is_ended() -> None:
    driver = Driver(min_scored=0.25)
    driver.open()
    trial, *_ = driver.ask()
    driver.tell(scored(trial.trial_id))
    driver.add(StateChanged(SessionState.CLOSED))
    length = len(driver.log)
    with pytest.raises(ApiError, match="closed") as caught:
        driver.tell(end=[0])
    assert code_of(caught) == grpc.StatusCode.FAILED_PRECONDITION
    # A request that has come a second time is answered as the first was.
    assert driver.tell(scored(trial.trial_id), end=[0]).repeated == 1
    assert len(driver.log) == length


@pytest.mark.parametrize(("minimize", "expected"), [(False, 3.0), (True, 0.0)])
def test_the_best_image_is_the_one_with_the_highest_or_the_lowest_score(minimize: bool, expected: float) -> None:
    driver = Driver(threads=({"minimize": minimize},))
    driver.open()
    driver.play(lambda image_id: float(image_id[-1]))
    thread = session_message("a", driver.session).threads[0]
    assert thread.best_score == thread.current.best_score == expected
    assert thread.current.mean_score == 1.5
    assert thread.best_image_id.endswith(f"{int(expected)}")


def test_a_session_is_what_its_log_adds_up_to() -> None:
    driver = Driver(threads=({}, {"max_generations": 1}), references=("a",), repetitions=2, missing=CARRY_OVER)
    driver.open(0)
    driver.open(1)
    trials = driver.ask(9, "one")
    driver.tell(failed(trials[0].trial_id), abandoned(trials[1].trial_id), scored(trials[2].trial_id, 0.1, note="ö"))
    driver.wait(LEASE + 1)
    driver.ask(3)
    driver.ask(9, "one") if not any(driver.session.trials[t.trial_id].telling for t in trials) else None
    driver.play(lambda image_id: len(image_id) / 7)
    driver.add(StateChanged(SessionState.PAUSED))
    assert state_of(driver.reloaded()) == state_of(driver.session)


def test_events_must_follow_each_other() -> None:
    driver = Driver()
    entry = driver.log[0]
    with pytest.raises(ValueError, match="event 3 does not follow event 1"):
        driver.session.apply(Entry(3, entry.time, entry.event))
