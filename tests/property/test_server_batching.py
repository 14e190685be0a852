"""Who may run where, with whom, and for how long: whatever jobs come, in whatever order."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pullback_server.protocol.batching import (
    BATCH_ROWS,
    HELD_ROWS,
    LARGE_ROWS,
    MEASUREMENT,
    SLACK_SECONDS,
    Candidate,
    Load,
    Slot,
    has_room,
    place,
    together,
)
from pullback_server.worker.shares import Shares

INVERSIONS = st.builds(Load, st.sampled_from(["faces adam", "faces lbfgs", "eyes adam"]), st.integers(1, HELD_ROWS))
LOADS = st.one_of(st.just(MEASUREMENT), INVERSIONS)
WORKERS = st.lists(st.one_of(st.none(), st.lists(LOADS, max_size=3)), min_size=1, max_size=3)
CANDIDATES = st.lists(st.tuples(st.integers(1, HELD_ROWS), st.floats(0, 100)), min_size=1, max_size=12).map(
    lambda pairs: [Candidate(f"job{number}", rows, used) for number, (rows, used) in enumerate(pairs)]
)


def small_rows(held: list[Load]) -> int:
    return sum(load.rows for load in held if load.slot == Slot.SMALL)


# Where jobs start ---------------------------------------------------------------------------------------------------


@given(st.lists(LOADS, max_size=12))
def test_workers_that_began_empty_never_hold_more_than_they_have_room_for(waiting: list[Load]) -> None:
    held: list[Load] = [waiting[number] for number, _ in place(waiting, [[]])]
    slots = Counter(load.slot for load in held)
    assert slots[Slot.MEASUREMENT] <= 1
    assert slots[Slot.LARGE] <= 1
    assert small_rows(held) <= HELD_ROWS


@given(st.lists(LOADS, max_size=12), WORKERS)
def test_no_job_starts_before_an_older_one_that_needs_the_same_kind_of_room(
    waiting: list[Load], workers: list[list[Load] | None]
) -> None:
    placed = dict(place(waiting, workers))
    for slot in Slot:
        started = [number in placed for number, load in enumerate(waiting) if load.slot == slot]
        assert started == sorted(started, reverse=True)


@given(st.lists(LOADS, min_size=1, max_size=12), WORKERS)
def test_a_job_waits_only_while_no_worker_has_room(waiting: list[Load], workers: list[list[Load] | None]) -> None:
    placed = place(waiting, workers)
    holds = [None if held is None else list(held) for held in workers]
    for number, worker in placed:
        held = holds[worker]
        assert held is not None
        assert has_room(held, waiting[number])
        held.append(waiting[number])
    for slot in Slot:
        left = [load for number, load in enumerate(waiting) if load.slot == slot and number not in dict(placed)]
        assert not (left and any(held is not None and has_room(held, left[0]) for held in holds))


@given(INVERSIONS)
def test_a_job_that_fits_nowhere_else_finds_an_empty_worker(load: Load) -> None:
    assert place([load], [None, []]) == [(0, 1)]


@given(st.integers(1, LARGE_ROWS), st.lists(st.integers(LARGE_ROWS + 1, HELD_ROWS), min_size=1, max_size=4))
def test_a_small_job_never_waits_for_large_ones_or_for_measurements(rows: int, large: list[int]) -> None:
    waiting = [MEASUREMENT, MEASUREMENT, *(Load("faces adam", each) for each in large), Load("eyes adam", rows)]
    assert len(waiting) - 1 in dict(place(waiting, [[]]))


def test_an_idle_worker_is_better_than_company_and_company_of_the_same_batch_than_any_other() -> None:
    faces, eyes = Load("faces adam", 4), Load("eyes adam", 4)
    assert place([faces], [[faces], []]) == [(0, 1)]
    assert place([faces], [[eyes], [faces, faces]]) == [(0, 1)]
    assert place([faces], [[eyes, eyes], [eyes]]) == [(0, 1)]


# Which jobs are computed together -----------------------------------------------------------------------------------


@given(CANDIDATES)
def test_the_job_that_had_least_is_always_among_those_that_go_on(ready: list[Candidate]) -> None:
    chosen = together(ready)
    by_name = {each.job: each for each in ready}
    least = min(each.used for each in ready)
    assert by_name[chosen[0]].used == least
    assert len(set(chosen)) == len(chosen)
    assert all(by_name[job].used <= least + SLACK_SECONDS for job in chosen)
    assert len(chosen) == 1 or sum(by_name[job].rows for job in chosen) <= BATCH_ROWS


@given(st.lists(st.integers(1, 4), min_size=1, max_size=BATCH_ROWS // 4))
def test_jobs_that_had_the_same_go_on_together(rows: list[int]) -> None:
    ready = [Candidate(str(number), each, 7.0) for number, each in enumerate(rows)]
    assert together(ready) == [each.job for each in ready]


# Whose turn it is ---------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["faces", "eyes", "basis"]), min_size=1, max_size=8), st.floats(0.01, 10))
def test_every_batch_and_every_job_of_it_gets_the_same_share(batches: list[str], cost: float) -> None:
    shares, had = Shares(), Counter[str]()
    for number, batch in enumerate(batches):
        shares.add(f"{batch} {number}", batch)
    for _ in range(200):
        used = shares.next_batch()
        job = min(used, key=lambda each: used[each])
        shares.charge(job, cost)
        had[job] += 1
    for batch in set(batches):
        mine = [had[f"{batch} {number}"] for number, each in enumerate(batches) if each == batch]
        assert max(mine) - min(mine) <= 1
        assert abs(sum(mine) - 200 / len(set(batches))) <= 1


@given(st.integers(1, 1000))
def test_a_job_that_comes_late_is_next_but_does_not_make_up_for_the_time_before(turns: int) -> None:
    shares = Shares()
    for job in ("old", "other"):
        shares.add(job, job)
    for _ in range(turns):
        shares.charge(next(iter(shares.next_batch())), 1.0)
    shares.add("new", "new")
    had = Counter[str]()
    for _ in range(30):
        (job,) = shares.next_batch()
        shares.charge(job, 1.0)
        had[job] += 1
    assert 9 <= had["new"] <= 11


def test_a_batch_whose_jobs_are_gone_has_no_turn() -> None:
    shares = Shares()
    shares.add("a", "faces")
    shares.add("b", "eyes")
    shares.charge("b", 5.0)
    shares.remove("a")
    assert dict(shares.next_batch()) == {"b": 5.0}
