"""Lists on the command line: eighty columns, the newest last, nothing cut; whole in pipes; and taking trials back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from io import StringIO

import grpc
import pytest
from rich.console import Console

import pullback_client.cli.console
import pullback_client.cli.listing
import pullback_client.cli.search.sessions
from in_process import POPULATION, Failure, InProcessServer
from pullback_client import Client
from pullback_client.cli.listing import age, short_ids
from pullback_client.cli.main import main

Run = Callable[..., list[str]]
MODULES = (pullback_client.cli.console, pullback_client.cli.listing, pullback_client.cli.search.sessions)
LONG = ("4f0c" * 8, "4f0d" * 8)


@pytest.fixture
def run(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The lines that a command prints, in a terminal of eighty columns unless said otherwise."""
    monkeypatch.setenv("PULLBACK_TARGET", server.target)

    def run(*arguments: str, terminal: bool = True, width: int = 80) -> list[str]:
        text = StringIO()
        console = Console(file=text, width=width, force_terminal=terminal, no_color=True, markup=False, emoji=False)
        for module in MODULES:
            monkeypatch.setattr(module, "out", console)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert ended.value.code == 0
        # Styles are none of a line's width.
        return [line for line in text.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines() if line]

    return run


@pytest.fixture
def evening(client: Client, server: InProcessServer) -> None:
    """Sessions as they accumulate, of long ids and of short ones."""
    title = "monkey M1, area IT, the slow rig on the third floor behind the workshop"
    for name in (*LONG, "2bcdfghj"):
        server.ids.append(name)
        session = client.evolve(
            "faces",
            optimizer="cma",
            population=8,
            title=title,
            threads=[{}, {}, {}],
            client_name="ada@rig2.lab.example.org/run.py",
        )
        assert len(session.next_batch(5) or ()) == 5


def test_sessions_fit_eighty_columns_the_newest_last_and_nothing_is_cut(run: Run, evening: None) -> None:
    del evening
    lines = run("sessions")
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["session", "title", "state", "gen", "out", "best", "age", "asked", "by"]
    first = [line.split()[0] for line in lines if line[:1] in "42"]
    assert first == ["4f0c4f0c", "4f0d4f0d", "2bcdfghj"]
    text = "".join("".join(line.split()) for line in lines)
    assert "ada@rig2" in text
    assert "5" in lines[1].split()
    assert "…" not in text


def test_in_a_pipe_and_in_a_wide_window_a_list_is_whole(run: Run, evening: None) -> None:
    del evening
    for how in ({"terminal": False}, {"width": 400}):
        text = run("sessions", **how)  # type: ignore[arg-type]
        rows = [line for line in text if "sessions/" in line]
        assert [next(name for name in (*LONG, "2bcdfghj") if f"sessions/{name} " in row) for row in rows] == [
            *LONG,
            "2bcdfghj",
        ]
        assert all("behind the workshop" in row and "ada@rig2.lab.example.org/run.py" in row for row in rows)


def test_jobs_fit_eighty_columns_the_newest_last_and_errors_are_whole(
    run: Run, client: Client, server: InProcessServer
) -> None:
    client.submit_eigenbasis("faces").wait()
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, "unfinished" * 20))
    client.submit_eigenbasis("eyes").wait()
    lines = run("jobs", "list")
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if line[:1] in "12"] == ["1", "2"]
    assert "unfinished" * 20 in "".join(line[50:].strip() for line in lines).replace(" ", "")
    (_, job, failed_job) = [line for line in run("jobs", "list", terminal=False) if "jobs" in line or "kind" in line]
    assert "jobs/1" in job
    assert "unfinished" * 20 in failed_job


def test_generators_fit_eighty_columns(run: Run) -> None:
    lines = run("generators")
    assert max(map(len, lines)) <= 80
    assert any(" faces " in line for line in lines)


def test_trials_are_taken_back_from_whom_one_says(run: Run, client: Client, server: InProcessServer) -> None:
    session = client.evolve(
        "faces", optimizer="cma", population=POPULATION, title="slow rig", client_name="ada@rig2/run.py"
    )
    session.ask(3)
    lines = run("sessions", "reclaim", "slow rig")
    assert lines[0] == f"0 trials of {session.name} taken back"
    assert lines[1].startswith("  3 still out with ada@rig2/run.py, until ")
    assert lines[1].endswith('take them back with --client "ada@rig2/run.py"')
    assert run("sessions", "reclaim", "slow rig", "--client", "ada@rig2/run.py") == [
        f"3 trials of {session.name} taken back"
    ]
    session.ask(1)
    assert run("sessions", "reclaim", "1", "--all") == [f"1 trial of {session.name} taken back"]
    assert len(session.ask()) == 4


def test_how_long_ago_something_was() -> None:
    now = datetime(2026, 1, 2, tzinfo=timezone.utc)
    for seconds, text in ((0, "0 s"), (-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_600, "1 h"), (200_000, "2 d")):
        assert age(now - timedelta(seconds=seconds), now) == text


def test_of_long_ids_so_much_is_shown_that_they_differ() -> None:
    assert short_ids(["sessions/2bcd", *(f"sessions/{name}" for name in ("aaaaaaaaa1z", "aaaaaaaaa2z"))]) == [
        "2bcd",
        "aaaaaaaaa1",
        "aaaaaaaaa2",
    ]
