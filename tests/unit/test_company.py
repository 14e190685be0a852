"""What one gets does not hang on its company, bit for bit, whatever kernels the processor is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).parents[1] / "company.py"
# Switches of MKL, ATen and oneDNN, from all that the processor has downwards.
SETTINGS = {
    "as it is": {},
    "AVX2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE4": {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
}


@pytest.mark.timeout(1200)
# Of two threads each computes chunks by itself, with the kernels of one, but for large networks: one alone adds little.
@pytest.mark.parametrize(("setting", "threads"), [("as it is", 1), *((setting, 2) for setting in SETTINGS)])
def test_no_result_hangs_on_its_company(setting: str, threads: int) -> None:
    # As in workers: two threads that wait for each other on a busy machine soon sleep.
    switches = {"GOMP_SPINCOUNT": "20000", "PULLBACK_TEST_THREADS": str(threads), **SETTINGS[setting]}
    environment = {**os.environ, **switches}
    run = subprocess.run([sys.executable, SUITE], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-4000:]
    compared = run.stdout.splitlines()
    assert "faces starts" in compared
    assert "blobs, as if large evaluations" in compared
    assert "style w+ evaluations" in compared
    assert "faces, as on a GPU, evaluations" in compared
    assert sum("basin_cma" in line for line in compared) == 2
