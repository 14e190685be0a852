"""Threads that are kept in step: even blocks, whatever goes missing, and generations that close together."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from pullback_api.v1 import search_pb2
from pullback_server.sessions.decisions.ask import askable
from pullback_server.sessions.state.events import Asking, SessionState, ThreadFailed
from pullback_server.sessions.state.thread import ThreadState
from session_driver import CARRY_OVER, DROP, LEASE, SHOW_AGAIN, Driver, abandoned, failed, scored, session_spec

BLOCK = search_pb2.BALANCE_BLOCK


def begin(threads: int = 3, population: int = 10, each: tuple[dict[str, Any], ...] = (), **options: Any) -> Driver:
    specs = [
        {"optimizer": search_pb2.SearchOptions(population=population), **(each[number] if each else {})}
        for number in range(threads)
    ]
    return Driver(session_spec(specs, balance=BLOCK, **options))


def open_all(driver: Driver, population: int = 10) -> None:
    """What the optimizers do, as soon as they can."""
    for thread in driver.session.evolving:
        carried = thread.closed[-1].closed.carried if thread.closed else ()
        driver.open(thread.number, count=max(1, population - len(carried)))


def shares(trials: list[Asking], threads: int = 3) -> list[int]:
    counts = Counter(trial.thread for trial in trials)
    return [counts[number] for number in range(threads)]


def is_even(trials: list[Asking], threads: int = 3) -> bool:
    return max(shares(trials, threads)) - min(shares(trials, threads)) <= 1


@pytest.mark.parametrize("missing", [SHOW_AGAIN, CARRY_OVER, DROP])
@pytest.mark.parametrize("count", [0, 20, 7])
def test_with_a_tenth_missing_no_block_of_45_holds_more_than_its_share_of_a_thread(missing: Any, count: int) -> None:
    driver = begin(missing=missing, references=("a", "b"), max_shows=5)
    rng = np.random.default_rng(5)
    blocks = []
    while len(blocks) < 45:
        open_all(driver)
        trials = driver.ask(count)
        assert trials
        assert is_even(trials)
        assert all(is_even(trials[:length]) for length in range(len(trials)))
        assert len({(t.thread, t.image_id, t.generation, t.repetition) for t in trials}) == len(trials)
        blocks.append(trials)
        lost = rng.random(len(trials)) < 0.1
        driver.tell(
            *(failed(t.trial_id) if gone else scored(t.trial_id, 1.0) for t, gone in zip(trials, lost, strict=True))
        )
        numbers = {len(thread.closed) for thread in driver.session.threads}
        assert len(numbers) == 1
        # Restarted after any block, the session stands where it stood.
        if len(blocks) % 15 == 0:
            driver.session = driver.reloaded()
    # All that was made was shown.
    shown = {trial.image_id for block in blocks for trial in block}
    for thread in driver.session.threads:
        assert thread.closed
        for generation in thread.closed:
            assert {image.image_id for image in generation.opened.images} <= shown


def test_the_same_blocks_come_again_from_the_same_seed_and_from_a_server_that_restarts() -> None:
    def evolve(restarts: bool) -> list[list[Asking]]:
        driver = begin(seed=3)
        blocks = []
        for number in range(12):
            open_all(driver)
            if restarts:
                driver.session = driver.reloaded()
            blocks.append(driver.ask())
            driver.tell(
                *(
                    failed(trial.trial_id) if (place + number) % 9 == 0 else scored(trial.trial_id, float(place))
                    for place, trial in enumerate(blocks[-1])
                )
            )
        return blocks

    assert evolve(restarts=False) == evolve(restarts=True)


def test_a_thread_that_is_done_shows_its_scored_images_again_and_what_they_get_counts() -> None:
    driver = begin(threads=2, population=4)
    open_all(driver, 4)
    trials = driver.ask()
    lost = next(trial for trial in trials if trial.thread == 0)
    driver.tell(*(failed(t.trial_id) if t is lost else scored(t.trial_id, 1.0) for t in trials))
    assert [thread.state for thread in driver.session.threads] == [ThreadState.OPEN] * 2
    again = driver.ask()
    (missed,) = [trial for trial in again if trial.thread == 0]
    (filler,) = [trial for trial in again if trial.thread == 1]
    assert missed.image_id == lost.image_id
    assert filler.repetition == 1
    driver.tell(scored(missed.trial_id, 5.0), scored(filler.trial_id, 3.0))
    first, second = (thread.closed[0].closed for thread in driver.session.threads)
    assert {each.image_id: each.score for each in first.scores}[missed.image_id] == 5.0
    assert {each.image_id: each.score for each in second.scores}[filler.image_id] == 2.0
    # One image of many that was shown twice says nothing of the noise.
    assert all(each.variance is None for each in second.scores)


def test_fillers_are_spread_over_the_images() -> None:
    driver = begin(threads=2, population=4)
    open_all(driver, 4)
    trials = driver.ask()
    driver.tell(*(failed(t.trial_id) if t.thread == 0 else scored(t.trial_id) for t in trials))
    again = driver.ask()
    assert shares(again, 2) == [4, 4]
    assert len({trial.image_id for trial in again if trial.thread == 1}) == 4


def test_nothing_is_asked_while_a_thread_makes_its_generation() -> None:
    driver = begin(threads=2, population=4)
    driver.open(0)
    assert driver.ask() == []
    driver.open(1)
    assert shares(driver.ask(), 2) == [4, 4]


def test_what_one_asks_in_parts_is_even_over_time() -> None:
    driver = begin(population=4)
    open_all(driver, 4)
    trials = [trial for _ in range(12) for trial in driver.ask(1)]
    assert shares(trials) == [4, 4, 4]
    assert all(is_even(trials[:length]) for length in range(13))
    assert driver.ask(1) == []


def test_a_thread_whose_trials_are_out_is_waited_for_and_not_filled_up() -> None:
    driver = begin(threads=2, population=4)
    open_all(driver, 4)
    trials = driver.ask(client="rig")
    driver.tell(*(failed(t.trial_id) for t in trials if t.thread == 0))
    assert driver.ask() == []
    # Nothing can be asked for, so that who waits is told that trials are out.
    assert askable(driver.session) == []
    driver.reclaim("rig")
    assert shares(driver.ask(), 2) == [4, 4]


def test_trials_that_nobody_tells_come_again_when_their_lease_ends() -> None:
    driver = begin(threads=2, population=4)
    open_all(driver, 4)
    trials = driver.ask()
    driver.tell(*(scored(t.trial_id) for t in trials[1:]))
    assert driver.ask() == []
    driver.wait(LEASE)
    again = driver.ask()
    assert shares(again, 2) == [1, 1]
    assert trials[0].image_id in {trial.image_id for trial in again}


def test_a_larger_thread_gets_the_others_to_repeat_themselves() -> None:
    driver = begin(threads=2)
    driver.open(0, count=2)
    driver.open(1, count=5)
    blocks = []
    while trials := driver.ask():
        blocks.append(shares(trials, 2))
        driver.tell(*(scored(trial.trial_id) for trial in trials))
    assert blocks == [[2, 2], [3, 3]]
    assert [len(thread.closed) for thread in driver.session.threads] == [1, 1]


def test_a_thread_that_has_finished_is_not_waited_for() -> None:
    driver = begin(threads=2, population=4, each=({"max_generations": 1}, {"max_generations": 2}))
    open_all(driver, 4)
    driver.play()
    assert driver.session.threads[0].state == ThreadState.FINISHED
    open_all(driver, 4)
    assert shares(driver.ask(), 2) == [0, 4]


def test_a_thread_that_fails_is_not_waited_for() -> None:
    driver = begin(threads=2, population=4)
    driver.open(0)
    assert driver.ask() == []
    driver.add(ThreadFailed(1, 13, "singular"))
    assert shares(driver.ask(), 2) == [4, 0]


def test_what_waited_for_a_thread_alone_that_fails_closes() -> None:
    driver = begin(threads=2, population=4)
    names = driver.open(0)
    driver.tell(*(scored(f"own-{name}", 1.0, name) for name in names))
    assert driver.session.threads[0].state == ThreadState.OPEN

    def fail(journal: Any) -> None:
        journal.add([ThreadFailed(1, 13, "singular")])
        journal.settle()

    driver.change(fail)
    assert driver.session.threads[0].state == ThreadState.EVOLVING


def test_generations_are_ended_together_or_shown_again() -> None:
    driver = begin(threads=2, population=4, min_scored=0.5)
    open_all(driver, 4)
    trials = driver.ask()
    of = [[trial for trial in trials if trial.thread == number] for number in range(2)]
    driver.tell(*(scored(trial.trial_id) for trial in [*of[0][:3], of[1][0]]), end=[0])
    # The other has too few: none is ended, and what it lacks is shown again.
    assert [len(thread.closed) for thread in driver.session.threads] == [0, 0]
    driver.tell(scored(of[1][1].trial_id), end=[0])
    assert [len(thread.closed) for thread in driver.session.threads] == [1, 1]
    # The same request a second time ends no other generation.
    open_all(driver, 4)
    driver.tell(scored(of[1][1].trial_id), end=[0])
    assert [len(thread.closed) for thread in driver.session.threads] == [1, 1]


def test_an_abandoned_trial_is_asked_again_in_an_even_block() -> None:
    driver = begin(threads=2, population=4)
    open_all(driver, 4)
    trials = driver.ask()
    driver.tell(*(scored(trial.trial_id) for trial in trials[1:]), abandoned(trials[0].trial_id))
    again = driver.ask()
    assert shares(again, 2) == [1, 1]


def test_only_images_that_are_finished_are_handed_out_and_a_block_is_even_all_the_same() -> None:
    driver = begin(threads=2, population=4)
    open_all(driver, 4)
    finished = {"thread000_gen000_000000", "thread000_gen000_000001", "thread001_gen000_000002"}
    trials = driver.ask(ready=finished.__contains__)
    assert shares(trials, 2) == [1, 1]
    assert {trial.image_id for trial in trials} <= finished
    # A thread whose images are being drawn does not show others again instead.
    driver.tell(*(scored(trial.trial_id) for trial in trials))
    assert driver.ask(ready=finished.__contains__) == []


def test_without_it_threads_go_at_their_own_pace() -> None:
    driver = Driver(session_spec([{}, {}]))
    driver.open(0)
    driver.open(1)
    trials = driver.ask()
    driver.tell(*(scored(trial.trial_id) for trial in trials if trial.thread == 0))
    assert [thread.state for thread in driver.session.threads] == [ThreadState.EVOLVING, ThreadState.OPEN]


def test_threads_in_step_of_which_one_is_shown_again_in_vain_are_paused() -> None:
    driver = begin(threads=2, population=4, missing=DROP)
    open_all(driver, 4)
    for _ in range(100):
        if driver.session.state == SessionState.PAUSED:
            break
        reports = [failed(t.trial_id) if t.thread else scored(t.trial_id, 1.0) for t in driver.ask()]
        driver.tell(*reports)
    assert "generation 0 of thread 1 were shown again" in driver.session.pause_reason
