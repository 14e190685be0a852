"""Threads of OpenMP soon sleep at barriers, and the library that torch brings along does as it is told."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pullback_server.processes import openmp

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    # Copied, so that what is set here ends with the test.
    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if name not in SETTINGS})


def test_threads_sleep_unless_the_operator_wants_them_to_spin() -> None:
    openmp.wait_with_short_spins()
    assert [os.environ.get(name) for name in SETTINGS] == [None, "20000", "0"]
    for name in SETTINGS[1:]:
        del os.environ[name]
    os.environ["OMP_WAIT_POLICY"] = "ACTIVE"
    openmp.wait_with_short_spins()
    assert [os.environ.get(name) for name in SETTINGS] == ["ACTIVE", None, None]


@pytest.mark.skipif(sys.platform != "linux", reason="there torch brings GNU's library")
def test_the_library_that_torch_brings_does_as_it_is_told() -> None:
    code = "from pullback_server.processes.openmp import wait_with_short_spins; wait_with_short_spins(); import torch"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    ).stderr
    if "GOMP_SPINCOUNT" not in shown:
        pytest.skip("this torch brings another library")
    assert "GOMP_SPINCOUNT = '20000'" in shown
