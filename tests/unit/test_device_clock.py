"""The clock of devices: each key's part of the time of workers."""

from __future__ import annotations

from pullback_server.jobs.device_clock import DeviceClock


def test_jobs_that_share_a_worker_share_its_time_and_nobody_s_is_not_told() -> None:
    now = 0.0
    clock = DeviceClock(lambda: now)
    clock.began("a", "ada", 0)
    now = 10.0
    clock.began("b", "bob", 0)
    clock.began("c", "", 0)
    clock.began("d", "ada", 1)
    now = 16.0
    # Ada: 10 alone, a third of 6, and 6 of another worker.
    assert clock.taken() == {"ada": 18.0, "bob": 2.0}
    clock.ended("a")
    now = 20.0
    clock.ended("b")
    clock.ended("never there")
    now = 30.0
    assert clock.taken() == {"bob": 2.0, "ada": 14.0}
    clock.ended("d")
    now = 40.0
    assert clock.taken() == {}
