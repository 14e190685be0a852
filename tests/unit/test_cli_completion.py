"""Completion in the shell, by the protocol that the shells speak: of a process with `_PULLBACK_COMPLETE`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from in_process import InProcessServer
from pullback_client import Client
from pullback_client.cli import main

PROGRAM = "from pullback_client.cli import main; main()"
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(scope="module")
def server() -> Iterator[InProcessServer]:
    with InProcessServer() as server:
        with Client(server.target) as client:
            client.compute_eigenbasis("faces")
            client.evolve("faces")
            server.bench.hold = True
            client.submit_eigenbasis("eyes")
        yield server


def complete(line: str, shell: str = "bash", target: str = "127.0.0.1:1") -> list[str]:
    """What a shell is told that the line may go on with."""
    words = line.split(" ")
    protocol = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **protocol, "_PULLBACK_COMPLETE": f"complete_{shell}", "PULLBACK_TARGET": target},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    text = done.stdout.removeprefix("_arguments '*: :((").removesuffix("))'\n") if shell == "zsh" else done.stdout
    return [each.strip('"').split("\t")[0] for each in text.split()]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """`complete` for bash, in this process."""

    def run(line: str, target: str = "127.0.0.1:1") -> list[str]:
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        monkeypatch.setenv("_PULLBACK_COMPLETE", "complete_bash")
        monkeypatch.setenv("PULLBACK_TARGET", target)
        with pytest.raises(SystemExit):
            main()
        told = capsys.readouterr()
        assert told.err == ""
        return told.out.split()

    return run


@pytest.mark.parametrize("shell", SHELLS)
def test_words_of_a_method_are_completed_in_every_shell_without_a_server(shell: str) -> None:
    assert complete("pullback invert --method hessian", shell) == ["hessian_adam", "hessian_basin_cma"]


def test_generators_are_completed_in_a_shell(server: InProcessServer) -> None:
    assert complete("pullback traverse f", "zsh", server.target) == ["faces", "faces32"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("pullback invert --generator ", ["eyes", "faces", "faces32"]),
        ("pullback evolve e", ["eyes"]),
        ("pullback invert --generator eyes --space ", ["noise", "class", "full"]),
        ("pullback invert --generator eyes --class b", ["blue", "brown"]),
        ("pullback invert --generator eyes --class f", ["free"]),
        ("pullback eigenbasis faces --distance m", ["mse"]),
        ("pullback invert --distance lpips-alex@2", ["lpips-alex@224", "lpips-alex@256"]),
        ("pullback report faces --compare mse@", []),
        ("pullback export ", ["sessions/1"]),
        ("pullback export 1", ["1"]),
        ("pullback sessions close sess", ["sessions/1"]),
        ("pullback jobs cancel ", ["jobs/2"]),
        ("pullback traverse faces --kind den", ["density_preserving"]),
        ("pullback jobs list --state r", ["running"]),
        ("pullback sessions --state pa", ["paused"]),
        ("pullback bridge --naming xd", ["xdream"]),
        ("pullback directions faces --format sty", ["styleclip"]),
        ("pullback eigenbasis faces --samples ", ["auto"]),
        ("pullback invert --center", ["--center-crop"]),
    ],
)
def test_what_the_server_and_the_commands_know_is_completed(
    server: InProcessServer, here: Callable[..., list[str]], line: str, expected: list[str]
) -> None:
    assert here(line, server.target) == expected


def test_resource_names_of_eigenbases_are_completed(server: InProcessServer, here: Callable[..., list[str]]) -> None:
    names = here("pullback invert --generator faces --eigenbasis generators/f", server.target)
    assert names
    assert all(name.startswith("generators/faces/eigenbases/") for name in names)


def test_the_server_that_the_line_names_is_asked(server: InProcessServer, here: Callable[..., list[str]]) -> None:
    assert here(f"pullback evolve --target {server.target} f") == ["faces", "faces32"]


@pytest.mark.parametrize("line", ["pullback traverse f", "pullback export ", "pullback invert --generator no --space "])
def test_without_a_server_nothing_is_completed_and_nothing_is_said(line: str, here: Callable[..., list[str]]) -> None:
    assert here(line) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_that_a_shell_loads_can_be_shown(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "_PULLBACK_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert f"complete_{shell}" in done.stdout
    assert "pullback" in done.stdout


def test_completion_is_installed_for_the_shell_of_a_home(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pullback_client", "--install-completion", "bash"]
    environment = {**os.environ, "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    subprocess.run(command, env=environment, capture_output=True, timeout=120, check=True)
    written = tmp_path / ".bash_completions" / "pullback.sh"
    assert "_PULLBACK_COMPLETE=complete_bash" in written.read_text("utf-8")
    assert str(written) in (tmp_path / ".bashrc").read_text("utf-8")
