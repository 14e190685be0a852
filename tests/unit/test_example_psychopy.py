"""The PsychoPy-shaped example, run headless against the real server."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from in_process import InProcessServer
from pullback_api.v1 import search_pb2

EXAMPLE = Path(__file__).parents[2] / "clients" / "examples" / "psychopy_evolution.py"


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("psychopy_evolution", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def population(server: InProcessServer) -> int:
    (thread,) = server.sessions["sessions/1"].spec.threads
    return thread.optimizer.population


def closed(server: InProcessServer) -> int:
    """How many generations the session's thread has closed."""
    (thread,) = server.sessions["sessions/1"].threads
    return thread.current.generation + thread.current.closed


def test_the_experiment_runs_headless(
    example: ModuleType, server: InProcessServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--headless", "--target", server.target, "--optimizer", "cma", "--generations", "30"]
    example.main([*command, "--out", str(tmp_path / "out")])
    assert closed(server) == 30
    told = server.told()
    outcomes = [report.outcome for report in told.values()]
    assert outcomes.count(search_pb2.OUTCOME_SCORED) >= 29 * population(server)
    assert outcomes.count(search_pb2.OUTCOME_FAILED) > 0
    onsets = [report.t_onset for report in told.values()]
    assert onsets == sorted(set(onsets))
    assert (tmp_path / "out" / "session.npz").is_file()
    assert "best: thread000_gen" in capsys.readouterr().out


def test_it_goes_on_with_a_session_after_a_crash(example: ModuleType, server: InProcessServer) -> None:
    command = ["--headless", "--target", server.target, "--optimizer", "cma", "--generations", "2"]

    class Crashing(example.Observer):  # type: ignore[misc, name-defined]
        left = 2

        def respond(self, image: Image.Image) -> float | None:
            if self.left == 0:
                raise RuntimeError("the amplifier is off")
            self.left -= 1
            return 1.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example, "Observer", Crashing)
        with pytest.raises(RuntimeError, match="the amplifier is off"):
            example.main(command)
    told = server.told()
    outcomes = [report.outcome for report in told.values()]
    assert outcomes == [search_pb2.OUTCOME_SCORED] * 2 + [search_pb2.OUTCOME_ABANDONED] * (population(server) - 2)
    example.main(["--headless", "--target", server.target, "--session", "sessions/1"])
    assert closed(server) == 2


def test_the_simulated_observer_likes_warm_bright_images(example: ModuleType) -> None:
    observer = example.Observer(seed=0)

    def mean(colour: str) -> float:
        spikes = [observer.respond(Image.new("RGB", (16, 16), colour)) for _ in range(200)]
        return float(np.mean([each for each in spikes if each is not None]))

    assert mean("red") > mean("grey") > mean("blue")
