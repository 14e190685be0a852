"""The command line against the server in this process."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest
from rich.console import Console

import pullback_client.cli.console
from commands import Run
from in_process import Failure, InProcessServer
from pullback_api.v1 import generators_pb2, jobs_pb2

COMMANDS = (
    "serve",
    "generators",
    "distances",
    "eigenbasis",
    "invert",
    "directions",
    "traverse",
    "edit",
    "report",
    "demo",
    "jobs",
    "status",
)


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version") == (0, f"pullback {importlib.metadata.version('pullback')}\n", "")


@pytest.mark.parametrize(
    "command",
    [(), *((name,) for name in COMMANDS)],
)
def test_every_command_explains_itself(run: Run, command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.code == 0
    assert "Usage: pullback" in result.out


def test_generators_are_a_table(run: Run) -> None:
    result = run("generators")
    assert result.code == 0
    for word in ("eyes", "pictures of faces", "z (5)", "16 × 16 × 3", "here, MIT"):
        assert word in result.out
    assert result.err == ""


def test_what_of_the_catalogue_cannot_be_used_is_told_beside_the_rest(run: Run, server: InProcessServer) -> None:
    faults = [
        generators_pb2.CatalogueFault(generator="generators/mine", reason="c.toml: entry 'mine': key 'dim': missing"),
        generators_pb2.CatalogueFault(reason="d.toml: cannot be read"),
    ]
    server.changes["ListGenerators"] = lambda answer: answer.faults.extend(faults)
    result = run("generators")
    assert result.code == 0
    assert "pictures of faces" in result.out
    assert result.err.splitlines() == [
        "warning: mine cannot be used: c.toml: entry 'mine': key 'dim': missing",
        "warning: part of the catalogue cannot be used: d.toml: cannot be read",
    ]


def test_distances_are_a_table_and_where_their_weights_come_from(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path))
    result = run("distances")
    assert result.code == 0
    rows = {cells[1].strip(): cells[2:] for line in result.out.splitlines() if len(cells := line.split("│")) > 3}
    title, takes, weights, preconditioner = (cell.strip() for cell in rows["lpips-alex"])
    assert title.endswith("(the default of all but inversions)")
    assert (takes, preconditioner) == ("images", "")
    assert weights.startswith("to download, BSD")
    assert [cell.strip() for cell in rows["mse"]][1:] == ["images, sounds", "not needed", ""]
    assert "@SIDE" in result.out
    assert "images resized to SIDE × SIDE px first, 32 to 1024\n" in result.out
    assert "mse@SIDE" not in result.out
    assert "Weights come from:\n  lpips-alex: " in result.out


def test_the_target_option_goes_before_the_environment(run: Run) -> None:
    result = run("generators", "--target", "127.0.0.1:1")
    assert result.code == 1
    assert "no answer from a Pullback server at 127.0.0.1:1" in result.err


def test_an_eigenbasis_is_described_and_saved(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "basis.npz"
    result = run("eigenbasis", "faces", "--samples", 50, "--method", "gram", "--out", path)
    assert result.code == 0
    for word in ("faces, z under lpips-alex", "gram, 50 samples, seed 0", "5; 2 hold 90 %", f"saved {path}"):
        assert word in result.out
    with np.load(path) as saved:
        assert saved["eigenvectors"].shape == (5, 5)


def test_the_bound_of_memory_reaches_the_server(run: Run, server: InProcessServer) -> None:
    assert run("eigenbasis", "faces", "--max-memory-mib", 64).code == 0
    (request,) = server.called("ComputeEigenbasis")
    assert request.spec.max_memory_mib == 64


def test_an_eigenbasis_is_not_overwritten_without_being_asked(
    run: Run, server: InProcessServer, tmp_path: Path
) -> None:
    path = tmp_path / "basis.npz"
    path.write_bytes(b"mine")
    result = run("eigenbasis", "faces", "--out", path)
    assert result.code == 1
    assert "would be overwritten: use --force" in result.err
    assert path.read_bytes() == b"mine"
    assert server.calls == []
    assert run("eigenbasis", "faces", "--out", path, "--force").code == 0


def test_an_eigenbasis_is_saved_as_npz_only(run: Run, server: InProcessServer, tmp_path: Path) -> None:
    result = run("eigenbasis", "faces", "--out", tmp_path / "basis.pt")
    assert result.code == 1
    assert "--out must be an .npz file, got" in result.err
    assert server.calls == []


@pytest.mark.parametrize(
    "command",
    [
        ["invert"],
        ["nonsense"],
        ["generators", "--nonsense"],
        ["eigenbasis", "faces", "--method", "guess"],
        ["jobs", "x"],
    ],
)
def test_a_wrong_command_line_exits_with_2(run: Run, command: list[str]) -> None:
    result = run(*command)
    assert result.code == 2
    assert "Error" in result.err


def test_jobs_are_listed_and_chosen_by_state(run: Run, server: InProcessServer) -> None:
    run("eigenbasis", "faces")
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, "the worker [died]"))
    run("eigenbasis", "eyes")
    both = run("jobs", "list").out
    assert "succeeded" in both
    assert "the worker [died]" in both
    assert "jobs/2" not in run("jobs", "list", "--state", "succeeded").out
    result = run("jobs", "list", "--state", "done")
    assert result.code == 1
    assert "known: queued, running, succeeded, failed, cancelled" in result.err


@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_of_a_table_is_cut(
    run: Run, server: InProcessServer, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(pullback_client.cli.console, "out", Console(width=80, force_terminal=terminal, no_color=True))
    reason = "unfinished" * 20
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, reason))
    run("eigenbasis", "faces")
    listed = run("jobs", "list").out
    cells = [[cell.strip() for cell in line.split("│")] for line in listed.splitlines() if "│" in line]
    assert reason in "".join(row[-2] for row in cells)
    assert (len(cells) == 1) == (not terminal)


def test_a_job_is_watched_to_its_end(run: Run, server: InProcessServer) -> None:
    run("eigenbasis", "faces")
    result = run("jobs", "watch", "1")
    assert result.code == 0
    assert result.out.startswith("jobs/1 succeeded: generators/faces/eigenbases/")
    server.fail_jobs(Failure(grpc.StatusCode.INTERNAL, "the worker died"))
    assert run("eigenbasis", "eyes").code == 1
    result = run("jobs", "watch", "jobs/2")
    assert (result.code, result.err) == (1, "error: jobs/2 failed: the worker died\n")


def test_a_job_is_cancelled(run: Run, server: InProcessServer) -> None:
    server.bench.hold = True
    with pullback_client.Client(server.target) as client:
        job = client.submit_eigenbasis("faces")
    assert run("jobs", "cancel", job.name) == (0, "jobs/1 is cancelled\n", "")
    assert run("jobs", "cancel", "nobody").code == 1


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(server: InProcessServer) -> None:
    server.bench.hold = True
    command = [sys.executable, "-m", "pullback_client", "eigenbasis", "faces", "--target", server.target]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not server.called("WatchJob"):
            assert process.poll() is None
            threading.Event().wait(0.05)
        threading.Event().wait(0.3)  # for the first event to arrive
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "jobs/1 goes on running on the server" in err
    assert "pullback jobs watch jobs/1" in err
    assert "pullback jobs cancel jobs/1" in err
    assert "Traceback" not in err
    assert server.jobs["jobs/1"].state == jobs_pb2.JOB_STATE_RUNNING


@pytest.mark.skipif(os.name != "posix", reason="replaces the process")
def test_serve_becomes_the_server_and_hands_its_options_through(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    commands: list[list[str]] = []

    def execute(path: str, command: list[str]) -> None:
        commands.append(command)
        assert path == command[0]
        raise SystemExit(0)

    monkeypatch.setattr("os.execv", execute)
    monkeypatch.setattr("pullback_client.cli.server.serve.server_command", lambda *arguments: ["server", *arguments])
    run("serve", "--data", "d", "--workers", "2", "--log-level=debug")
    run("serve", "--listen", "127.0.0.1:7")
    assert commands == [
        ["server", "--listen", "127.0.0.1:50051", "--data", "d", "--workers", "2", "--log-level=debug"],
        ["server", "--listen", "127.0.0.1:7"],
    ]


def test_serve_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
    result = run("serve")
    assert result.code == 1
    assert "the server needs torch" in result.err
    assert "pip install 'pullback[service]'" in result.err


@pytest.mark.skipif(os.name != "posix", reason="replaces the process")
def test_what_is_said_of_a_new_generator_is_handed_through(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    commands: list[list[str]] = []

    def execute(path: str, command: list[str]) -> None:
        commands.append(command[1:])
        raise SystemExit(0)

    monkeypatch.setattr("os.execv", execute)
    run(
        "generators",
        "add",
        "mine",
        "a.pt",
        "--option",
        "a=1",
        "--option",
        "b=-1",
        "--bounds=-1,1",
        "--dim",
        8,
        "--replace",
    )
    run("generators", "check", "mine", "--device", "cuda")
    module = ["-m", "pullback.generators.adding"]
    said = ["--bounds=-1,1", "--dim=8", "--option=a=1", "--option=b=-1", "--replace"]
    assert commands == [
        [*module, "add", *said, "--", "mine", "a.pt"],
        [*module, "check", "--device=cuda", "--", "mine"],
    ]


def test_a_generator_cannot_be_added_without_the_library(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pullback" else object())
    result = run("generators", "add", "mine", "a.pt")
    assert result.code == 1
    assert "what reads files of weights needs pullback" in result.err
    assert "pip install 'pullback[service]'" in result.err


def test_in_a_terminal_there_are_bars(run: Run, server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.bench.pause = 0.05
    assert run("eigenbasis", "faces").err == ""
    with open(os.devnull, "w", encoding="utf-8") as sink:  # noqa: PTH123
        console = Console(file=sink, force_terminal=True, record=True, width=120)
        monkeypatch.setattr("pullback_client.cli.console.err", console)
        assert run("eigenbasis", "eyes").code == 0
    assert "optimizing" in console.export_text()
