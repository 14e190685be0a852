"""What one gets does not hang on its company, bit for bit, whatever kernels the processor is given."""

from __future__ import annotations

import pytest

from company import INSTRUCTIONS, compared_under


# Of two threads each computes chunks by itself, with the kernels of one, but for large networks: one alone adds little.
@pytest.mark.parametrize(("instructions", "threads"), [("as it is", 1), *((each, 2) for each in INSTRUCTIONS)])
def test_no_result_hangs_on_its_company(instructions: str, threads: int) -> None:
    compared = compared_under(instructions, threads)
    assert "faces starts" in compared
    assert "blobs, as if large evaluations" in compared
    assert "style w+ evaluations" in compared
    assert "faces, as on a GPU, evaluations" in compared
    assert sum("basin_cma" in line for line in compared) == 2
