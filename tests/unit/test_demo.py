"""The demo against a server process that computes nothing, and what it reports."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

import in_process
import pullback_client.demo.run
import pullback_client.local_server
from in_process import InProcessServer
from pullback_api.v1 import specs_pb2
from pullback_client import Client, ClientError, FailedPreconditionError, LocalServer, ServerStartError
from pullback_client.demo.report import RUNS, distance_table, draw
from pullback_client.demo.run import load_photograph, require_extras, run_demo


def command_in_process(*arguments: str) -> list[str]:
    return [sys.executable, str(in_process.__file__), *arguments]


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pullback_client.local_server, "server_command", command_in_process)


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=120)


def text(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_demo_writes_its_figure_and_numbers(faked: None, console: Console, tmp_path: Path) -> None:
    run_demo(tmp_path / "demo", console)
    shown = text(console)
    for word in ("100", "800", "Hessian Adam, as published", "default", "1.5", "eigenbasis", "server start", "in all"):
        assert word in shown
    numbers = json.loads((tmp_path / "demo" / "inversion.json").read_text("utf-8"))
    assert {"adam", "hessian_adam", "default", "eigenbasis"} <= set(numbers)
    # What is done where nothing is said takes one restart, and fewer updates than what is published.
    for run, restarts, places in (("adam", 4, 201), ("hessian_adam", 4, 201), ("default", 1, 121)):
        course = numbers[run]["best_so_far"]
        assert len(numbers[run]["trace"]) == len(course["distance"]) == len(course["evaluations"]) == places
        assert numbers[run]["distance"] == pytest.approx(course["distance"][-1])
        assert numbers[run]["evaluations"] == course["evaluations"][-1] == restarts * places
        assert numbers[run]["settings"]["restarts"] == restarts
    assert numbers["eigenbasis"]["generator"] == "faces"
    with Image.open(tmp_path / "demo" / "inversion.png") as figure:
        assert figure.width > 1000
    assert (tmp_path / "demo" / "data" / "stopped").exists()
    assert "listening on 127.0.0.1:" in (tmp_path / "demo" / "server.log").read_text()


@pytest.mark.parametrize("name", ["inversion.png", "inversion.json"])
def test_files_that_no_demo_made_are_left(faked: None, console: Console, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FailedPreconditionError, match=f"{name} would be overwritten, and no demo made it"):
        run_demo(tmp_path, console)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_what_is_compared_differs_in_nothing_but_the_eigenbasis(
    monkeypatch: pytest.MonkeyPatch, console: Console, tmp_path: Path
) -> None:
    with InProcessServer() as server:
        monkeypatch.setattr(LocalServer, "start", lambda self: setattr(self, "target", server.target))
        run_demo(tmp_path, console)
        adam, hessian, default = server.called("Invert")
        basis, *inversions = reversed(server.jobs.values())
    assert adam.targets[0].image.data == hessian.targets[0].image.data == default.targets[0].image.data
    assert [job.invert.eigenbasis for job in inversions] == ["", basis.result, basis.result]
    assert (hessian.settings.exponent, hessian.settings.schedule) == (0, specs_pb2.SCHEDULE_CONSTANT)  # as published
    assert (adam.settings.start, adam.settings.steps, adam.settings.restarts) == (specs_pb2.START_PRIOR, 200, 4)
    hessian.settings.method = adam.settings.method
    hessian.settings.ClearField("exponent")
    assert adam.settings == hessian.settings
    # What the server does for somebody who says nothing.
    with InProcessServer() as server, Client(server.target) as client:
        client.invert(load_photograph(), "faces")
        (nothing_said,) = server.called("Invert")
    assert default.settings == nothing_said.settings


def test_the_table_holds_what_was_best_after_so_many_evaluations(console: Console) -> None:
    with InProcessServer() as server, Client(server.target) as client:
        short = client.invert(Image.new("RGB", (8, 8)), "faces", method="adam", steps=60, restarts=2)
        late = client.invert(Image.new("RGB", (8, 8)), "faces", method="adam", steps=1, restarts=150)
    console.print(distance_table({"adam": short, "default": late}))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text(console).splitlines() if "│" in line]
    # Two restarts: 100 evaluations are reached by update 49; it has ended at 122, and holds its distance.
    assert rows[0][:3] == ["Adam", f"{short.distance_trace[1, 49]:.4f}", f"{short.distance:.4f}"]
    assert rows[0][3:] == [f"{short.distance:.4f}", f"{short.distance:.4f}", "122", "1.5"]
    assert rows[1][1] == "–"
    assert rows[1][2] == f"{late.distance_trace[149, 0]:.4f}"


def test_every_word_of_the_figure_lies_within_it() -> None:
    with InProcessServer() as server, Client(server.target) as client:
        found = client.invert(Image.new("RGB", (8, 8)), "faces", method="adam", steps=60, restarts=2)
    figure = draw(dict.fromkeys(RUNS, found))
    figure.canvas.draw()
    *pictures, curves = figure.axes
    assert [axes.get_title().splitlines()[0] for axes in pictures] == [
        "photograph",
        *(run.title for run in RUNS.values()),
    ]
    boxes = [axes.title.get_window_extent() for axes in pictures]
    boxes += [axes.get_tightbbox() for axes in (curves, *pictures)]
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert 0 <= box.y0 < box.y1 <= figure.bbox.height
    titles = boxes[: len(pictures)]
    assert not any(left.overlaps(right) for left, right in itertools.pairwise(titles))
    assert boxes[len(pictures)].x0 > max(axes.get_window_extent().x1 for axes in pictures)


def test_the_server_is_stopped_when_something_fails(
    faked: None, monkeypatch: pytest.MonkeyPatch, console: Console, tmp_path: Path
) -> None:
    def fail(*arguments: object) -> None:
        raise ClientError("it failed")

    monkeypatch.setattr(pullback_client.demo.run, "_compute", fail)
    with pytest.raises(ClientError, match="it failed"):
        run_demo(tmp_path, console)
    assert (tmp_path / "data" / "stopped").exists()
    assert not (tmp_path / "inversion.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_is_stopped_by_ctrl_c_and_by_termination(tmp_path: Path, number: signal.Signals) -> None:
    program = """
import sys, time
import pullback_client.demo.run, pullback_client.local_server
import test_demo
from pullback_client.cli import main
pullback_client.local_server.server_command = test_demo.command_in_process
pullback_client.demo.run._compute = lambda *arguments: time.sleep(60)
main(["demo", "--out", sys.argv[1]])
"""
    folders = [str(Path(in_process.__file__).parent), str(Path(__file__).parent), *sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        log = tmp_path / "server.log"
        while not (log.exists() and "listening" in log.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.2)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; the server is down" in err
    assert "Traceback" not in err
    assert (tmp_path / "data" / "stopped").exists()


def test_a_server_that_does_not_come_up_shows_its_last_lines(faked: None, tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "data", tmp_path / "server.log", ["--die"])
    with pytest.raises(ServerStartError, match="ended with exit code 1 before it served") as caught:
        server.start()
    assert "there is no room left on the disk" in caught.value.message
    assert str(tmp_path / "server.log") in caught.value.message


def test_a_server_that_dies_under_way_shows_its_last_lines(
    faked: None, monkeypatch: pytest.MonkeyPatch, console: Console, tmp_path: Path
) -> None:
    def die(target: str, *arguments: object) -> None:
        started[0]._process.kill()  # type: ignore[union-attr]
        started[0]._process.wait()  # type: ignore[union-attr]
        with Client(target) as client:
            client.list_generators()

    started: list[LocalServer] = []
    start = LocalServer.start
    monkeypatch.setattr(LocalServer, "start", lambda self: (started.append(self), start(self)))
    monkeypatch.setattr(pullback_client.demo.run, "_compute", die)
    with pytest.raises(ClientError, match=r"(?s)the server ended with exit code -?\d+.*listening on"):
        run_demo(tmp_path, console)


def test_a_server_serves_a_client_and_stops(faked: None, tmp_path: Path) -> None:
    with LocalServer(tmp_path / "data", tmp_path / "server.log") as server:
        assert server.exit_code is None
        with Client(server.target) as client:
            assert [each.name for each in client.list_generators()] == ["eyes", "faces", "faces32"]
    assert server.exit_code == 0
    server.stop()  # once more changes nothing


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FailedPreconditionError, match="matplotlib and scikit-image: pip install 'pullback") as caught:
        require_extras()
    assert "'pullback[service,demo]'" in caught.value.message


def test_the_photograph_is_a_colour_image_of_the_generators_size() -> None:
    photograph = load_photograph()
    assert (photograph.size, photograph.mode) == ((64, 64), "RGB")
