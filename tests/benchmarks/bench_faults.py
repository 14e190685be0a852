"""Benchmark of faults: what a server does with what is wrong with its requests, its machine and itself.

Parts, of which `ONLY` names some: `fuzz` (requests that are nearly right, `FAULTS` of them), `kills` (`FAULTS_KILLS` of
them), `bombs` (files whose reading would take much) and `causes` (of not being well). All that is drawn follows from
`FAULTS_SEED`, or else from a seed that is drawn and told. Ends with status 1 where a figure is missed.
"""

from __future__ import annotations

import os
import secrets
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reporting import Report
from under_bombs import bench_bombs
from under_causes import bench_causes
from under_fuzz import bench_fuzz
from under_kills import bench_kills

SEED = int(os.environ.get("FAULTS_SEED", "0")) or secrets.randbelow(2**31)


def main() -> int:
    report = Report("faults")
    report.note(seed=SEED)
    parts = {"fuzz": bench_fuzz, "kills": bench_kills, "bombs": bench_bombs, "causes": bench_causes}
    report.run({name: partial(part, report, SEED) for name, part in parts.items()})
    return 1 if report.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
