"""Table of exactness: how far what our generators make lies from what the public implementations made.

A plugin of pytest, `make exactness`. It lists every comparison that the tests make with a fixture, by the family and
the file that it is of, and the fixtures that nothing was compared with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Comparison:
    """One comparison of a test.

    Attributes:
        family: What the fixture says that it is of.
        fixture: Name of its file.
        difference: The largest absolute difference.
        unit: What that is a share of: the largest output, at least 1.
    """

    family: str
    fixture: str
    difference: float
    unit: float


class Ledger:
    """The comparisons of one process, and the fixture that its present test read last."""

    def __init__(self) -> None:
        self.comparisons: list[Comparison] = []
        self.read: set[str] = set()
        self._opened = ("", "", "")

    def opened(self, file: Path, family: str) -> None:
        """Notes that the present test reads a fixture."""
        self.read.add(file.name)
        self._opened = (_test(), file.name, family)

    def compared(self, difference: float, unit: float) -> None:
        """Notes a comparison; one of a test that has read no fixture is with something else."""
        test, fixture, family = self._opened
        if test and test == _test():
            self.comparisons.append(Comparison(family, fixture, difference, unit))


LEDGER = Ledger()


def _test() -> str:
    """The name of the test that runs, whatever its phase; empty between tests."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]


def table(ledger: Ledger, known: list[str], exact: float) -> Iterator[str]:
    """The lines of the table: by fixture, of the comparison that is worst in its unit.

    Args:
        ledger: What was read and compared.
        known: Names of all fixtures.
        exact: The share that none may exceed.
    """
    comparisons = ledger.comparisons
    yield f"{'family':14} {'fixture':46} {'compared':>8} {'max |difference|':>16} {'of its unit':>11}"
    for family, fixture in sorted({(each.family, each.fixture) for each in comparisons}):
        own = [each for each in comparisons if each.fixture == fixture]
        worst = max(own, key=lambda each: each.difference / each.unit)
        share = worst.difference / worst.unit
        word = "" if share <= exact else f"  more than {exact:g}"
        yield f"{family:14} {fixture:46} {len(own):8} {worst.difference:16.1e} {share:11.1e}{word}"
    for name in sorted(set(known) - {each.fixture for each in comparisons}):
        why = "read; it holds no outputs of its own" if name in ledger.read else "not read"
        yield f"{'':14} {name:46} {'none':>8}  {why}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the table below the tests' own summary."""
    from published import EXACT, fixture_names

    terminalreporter.section("exactness")
    for line in table(LEDGER, fixture_names(), EXACT):
        terminalreporter.write_line(line)
