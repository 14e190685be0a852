"""Benchmark of trust: what a server that is open on a network survives, with TLS, and what it does meanwhile.

Parts, of which `ONLY` names some: `fuzz` (requests that are nearly right, `TRUST_REQUESTS` of them), `bombs` (files
whose reading would take much), `kills` (`TRUST_KILLS` of them), `causes` (of not being well), `clocks` (that jump),
`clients` (64, for `TRUST_MINUTES`) and `doors` (who is not let in). Of the causes, those whose names `TRUST_CAUSES`
matches. All that is drawn follows from `TRUST_SEED`, or else from a seed that is drawn and told. Ends with status 1
where a figure is missed.
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
from under_clients import bench_clients
from under_clocks import bench_clocks
from under_doors import bench_doors
from under_fuzz import bench_fuzz
from under_kills import bench_kills

SEED = int(os.environ.get("TRUST_SEED", "0")) or secrets.randbelow(2**31)


def main() -> int:
    report = Report("trust")
    report.note(seed=SEED)
    parts = {
        "fuzz": bench_fuzz,
        "bombs": bench_bombs,
        "kills": bench_kills,
        "causes": bench_causes,
        "clocks": bench_clocks,
        "clients": bench_clients,
        "doors": bench_doors,
    }
    report.run({name: partial(part, report, SEED) for name, part in parts.items()})
    return 1 if report.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
