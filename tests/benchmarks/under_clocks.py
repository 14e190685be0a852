"""What becomes of leases and jobs when the server's clock on the wall is set an hour forward, and an hour back."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from reporting import Figure, Report

from live_server import LiveServer
from pullback_api.v1 import jobs_pb2, search_pb2
from requests_for_tiny import ask, begin_search, invert_tiny, tell_scores
from tiny import write_catalogue

HOUR = 3600
LEASE_SECONDS = 20
# A lease is over that long after its time at the latest; a loaded machine takes its time.
_PATIENCE_SECONDS = 20.0
# Has the server process tell the time with the seconds that a file says added, as if somebody had set the clock.
CLOCK = """
import datetime, os, time
_file, _time, _datetime = os.environ["CLOCK_FILE"], time.time, datetime.datetime
def _jump():
    with open(_file) as said:
        return float(said.read() or 0)
class _Set(_datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
    @classmethod
    def utcnow(cls):
        return cls.fromtimestamp(time.time(), datetime.timezone.utc).replace(tzinfo=None)
time.time = lambda: _time() + _jump()
datetime.datetime = _Set
"""


def bench_clocks(report: Report, seed: int) -> None:
    """Both jumps, with trials out and a job under way."""
    del seed  # Nothing is drawn.
    for hours in (1, -1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            clock = folder / "clock"
            clock.write_text("0", encoding="ascii")
            environment = {
                "PULLBACK_CATALOGUE": str(write_catalogue(folder / "catalogue")),
                "PULLBACK_CACHE": str(folder / "cache"),
                "CLOCK_FILE": str(clock),
            }
            with LiveServer(folder / "data", environment, CLOCK) as server:
                server.wait_until(serving=True)
                _jump(report, server, clock, hours)


def _jump(report: Report, server: LiveServer, clock: Path, hours: int) -> None:
    job = invert_tiny(server, steps=400)
    server.wait_for_step(job.name, 1)
    session = begin_search(server, lease={"seconds": LEASE_SECONDS})
    trials = ask(server, session)
    began = time.monotonic()
    before = _told_time(server)
    clock.write_text(str(hours * HOUR), encoding="ascii")
    moved = _told_time(server) - before
    # All are out: whoever asks gets none before their time, and that one then.
    again: list[search_pb2.Trial] = []
    while not again and time.monotonic() - began < LEASE_SECONDS + _PATIENCE_SECONDS:
        request = search_pb2.AskRequest(session=session.name, wait={"seconds": 1})
        again = list(server.search.Ask(request, timeout=60).trials)
    seconds = time.monotonic() - began
    what = f"clock set {abs(hours)} h {'forward' if hours > 0 else 'back'}"
    kept = bool(again) and seconds >= LEASE_SECONDS - 1
    detail = f"{len(trials)} trials out; the server tells a time {moved / HOUR:+.2f} h away"
    report.add(
        Figure(f"{what}: seconds until a lease of {LEASE_SECONDS} s is over", seconds, "≥ 19, ≤ 40", kept, detail)
    )
    told = tell_scores(server, session, again)
    went_on = told.recorded == len(again) > 0
    done = server.wait(job.name)
    stuck = int(done.state != jobs_pb2.JOB_STATE_SUCCEEDED) + int(not server.is_serving()) + int(not went_on)
    report.add(Figure(f"{what}: jobs stuck, parts unwell, tells refused", stuck, "0", stuck == 0))


def _told_time(server: LiveServer) -> float:
    """The time that the server's clock tells, by a session that it makes."""
    made = begin_search(server)
    server.search.CloseSession(search_pb2.CloseSessionRequest(name=made.name), timeout=60)
    return float(made.create_time.seconds)
