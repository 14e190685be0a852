"""The check of a GPU, on a machine without one: the prepared script runs whole, with small networks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "gpu_check.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=280)


def test_it_runs_whole_on_the_cpu():
    done = run("--small", "--device", "cpu", "--only", "signs")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    figures = {line["name"]: line["value"] for line in lines if "value" in line}
    assert figures.pop("tests marked cuda: exit status") == 0
    timed = {name.split(": ")[-1] for name in figures if ": " in name}
    assert timed == {"inversion step, s", "shard of 16 probes, s", "position of gram, s"}
    assert len(figures) == 7
    assert all(value > 0 for value in figures.values())
    assert "1 passed" in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_a_gpu_it_says_what_to_try():
    done = run()
    assert done.returncode == 2
    assert "no CUDA device here; try --small --device cpu" in done.stderr
