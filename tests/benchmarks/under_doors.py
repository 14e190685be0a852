"""Who is not let in, and learns nothing: the tests that are the table of these cases, run and counted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from reporting import Figure, Report

TESTS = Path(__file__).resolve().parents[1]
# Certificates (none, another's, expired); tokens and keys (none, wrong, expired, revoked, another's resources); paths,
# pickles and what else a file may try; web pages that call, by whatever name.
CASES = {
    "certificates": ("unit/test_tls.py",),
    "tokens and keys": ("unit/test_access.py", "unit/test_client_tokens.py", "unit/test_access_page.py"),
    "others' hosts, headers, paths and sizes": ("unit/test_http_limits.py", "unit/test_watching_metrics.py"),
    "pickles and archives": ("unit/test_directions_import.py", "unit/test_disposable.py"),
}


def bench_doors(report: Report, seed: int) -> None:
    """Each group of cases."""
    del seed  # Nothing is drawn.
    for what, names in CASES.items():
        files = [str(TESTS / name) for name in names if (TESTS / name).exists()]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
        ended = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
        counted = {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed|error)", ended.stdout)}
        failed = counted.get("failed", 0) + counted.get("error", 0)
        if failed or not counted.get("passed"):
            report.note(group=what, said=ended.stdout[-2_000:])
        refused = ended.returncode == 0
        detail = f"{counted.get('passed', 0)} cases pass"
        report.add(Figure(f"{what}: cases that are not as promised", failed, "0", refused, detail))
