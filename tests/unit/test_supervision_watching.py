"""The rule by which a worker counts as silent and is given up: what is to be noticed, and what is no false alarm."""

from __future__ import annotations

from collections.abc import Iterable

from pullback_server.executor import watch as watching
from pullback_server.executor.watch import LOOK_SECONDS, Verdict, Watch
from pullback_server.processes.pulse import Beat
from pullback_server.processes.vitals import Vitals

Seen = tuple[Beat, Vitals | None]


def looks(seconds: float) -> range:
    return range(round(seconds / LOOK_SECONDS) + 1)


def judged(seen: Iterable[Seen]) -> list[Verdict]:
    watch = Watch()
    return [watch.look(*each) for each in seen]


def silent(seconds: float, state: str, cpu_share: float) -> list[Verdict]:
    """What is said of a process that has beaten once and then falls silent."""
    return judged((Beat(7, 1.0, 1), Vitals(state, cpu_share * LOOK_SECONDS * look)) for look in looks(seconds))


def given_up_after(verdicts: list[Verdict]) -> float | None:
    return next((number * LOOK_SECONDS for number, verdict in enumerate(verdicts) if verdict.given_up), None)


def test_a_stopped_worker_is_noticed_within_5_s_and_given_up_soon() -> None:
    verdicts = silent(20, "T", 0.0)
    assert (
        next(number for number, verdict in enumerate(verdicts) if verdict.silent) * LOOK_SECONDS
        == watching.SILENT_SECONDS
    )
    assert given_up_after(verdicts) == watching.STOPPED_SECONDS
    # One whose lock is held by what sleeps for ever looks asleep.
    assert given_up_after(silent(20, "S", 0.0)) == watching.STOPPED_SECONDS


def test_what_a_worker_computed_just_before_it_was_stopped_does_not_save_it() -> None:
    # Between the last look that saw a beat and the signal it had .3 s of processor time.
    seen = [(Beat(7, 1.0, 1), Vitals("S", 1.0)), *[(Beat(7, 1.0, 1), Vitals("T", 1.3))] * 40]
    assert given_up_after(judged(seen)) == watching.STOPPED_SECONDS + LOOK_SECONDS


def test_a_long_call_in_c_is_silent_and_goes_on() -> None:
    verdicts = silent(59, "R", 1.0)
    assert verdicts[-1].silent is not None
    assert given_up_after(verdicts) is None


def test_a_call_in_c_that_never_ends_is_given_up() -> None:
    assert given_up_after(silent(100, "R", 1.0)) == watching.HUNG_SECONDS


def test_a_worker_that_gets_no_processor_or_waits_for_a_disk_is_no_false_alarm() -> None:
    # Ready to compute with a twentieth of a processor, swapping, held by a debugger.
    for state, share in (("R", 0.05), ("R", 0.0), ("D", 0.0), ("t", 0.0)):
        assert given_up_after(silent(200, state, share)) is None
        assert given_up_after(silent(400, state, share)) == watching.SILENT_AT_MOST_SECONDS


def test_a_worker_of_a_system_that_tells_no_processor_time_is_given_up_late() -> None:
    verdicts = judged((Beat(7, 1.0, 1), None) for _ in looks(400))
    assert verdicts[round(4 / LOOK_SECONDS)].silent is not None
    assert given_up_after(verdicts) == watching.SILENT_AT_MOST_SECONDS


def test_signs_of_life_end_the_silence() -> None:
    stopped = [(Beat(7, 1.0, 1), Vitals("T", 3.0))] * 14
    going_on = [(Beat(8 + number, 1.0, 1), Vitals("S", 3.0)) for number in range(3)]
    verdicts = judged([*stopped, *going_on])
    assert verdicts[13].silent is not None
    assert verdicts[14:] == [Verdict()] * 3


def test_a_server_that_did_not_look_blames_nobody() -> None:
    # However long the server itself was stopped, it is one look.
    beat, vitals = Beat(7, 1.0, 1), Vitals("S", 3.0)
    assert judged([(beat, vitals), (beat, vitals)]) == [Verdict(), Verdict()]


def test_a_piece_of_work_that_computes_nothing_is_given_up_and_a_long_one_or_none_is_not() -> None:
    def working(seconds: float, share: float, piece: int) -> list[Verdict]:
        return judged((Beat(look, share * LOOK_SECONDS * look, piece), Vitals("S", 0.0)) for look in looks(seconds))

    assert given_up_after(working(400, 0.0, 5)) == watching.STUCK_SECONDS
    # One that computes at first, and then waits for ever.
    begun = [Beat(look, min(5.0, LOOK_SECONDS * look), 5) for look in looks(400)]
    assert given_up_after(judged((beat, Vitals("S", 0.0)) for beat in begun)) == 5.0 + watching.STUCK_SECONDS
    # A download over a slow line, and a long computation.
    assert given_up_after(working(3000, 0.001, 5)) is None
    assert given_up_after(working(4000, 1.0, 5)) == watching.PIECE_AT_MOST_SECONDS
    # Nothing to do is no piece of work.
    assert given_up_after(working(4000, 0.0, 0)) is None
