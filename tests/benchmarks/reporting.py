"""What every benchmark prints: a table for people, and one JSON object a line for programs."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

QUICK = os.environ.get("QUICK", "") not in {"", "0"}


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: The measurement.
        target: What it should reach, in words; empty where it is only reported.
        reached: Whether it does; None where it is only reported.
        detail: What the value was made of.
    """

    name: str
    value: float
    target: str = ""
    reached: bool | None = None
    detail: str = ""


class Report:
    """Figures as they come in: a JSON line each at once, a table at the end."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._figures: list[Figure] = []
        machine = {"cores": os.cpu_count(), "torch": torch.__version__, "threads": torch.get_num_threads()}
        self._line(
            {"benchmark": title, "quick": QUICK, "machine": platform.processor() or platform.machine()} | machine
        )

    def add(self, figure: Figure) -> None:
        """Takes one figure."""
        self._figures.append(figure)
        self._line(vars(figure))

    @property
    def missed(self) -> list[Figure]:
        """Figures that do not reach what they should."""
        return [figure for figure in self._figures if figure.reached is False]

    def note(self, **values: Any) -> None:
        """Writes down something that is no figure."""
        self._line(values)

    def run(self, parts: Mapping[str, Callable[[], None]], usual: Iterable[str] | None = None) -> None:
        """Runs the parts that $ONLY names, with the seconds of each, and prints the table.

        Args:
            parts: Every part by its name.
            usual: Names of those that run where nothing else is asked for; all when omitted.
        """
        for name in os.environ.get("ONLY", ",".join(parts if usual is None else usual)).split(","):
            began = time.perf_counter()
            parts[name]()
            self.note(part=name, seconds=round(time.perf_counter() - began, 1))
        self.print_table()

    def print_table(self) -> None:
        """Prints the table."""
        table = Table("figure", "measured", "to reach", "", "made of", title=self._title)
        marks = {True: "reached", False: "missed", None: ""}
        for figure in self._figures:
            table.add_row(figure.name, f"{figure.value:.4g}", figure.target, marks[figure.reached], figure.detail)
        Console(width=160).print(table)

    @staticmethod
    def _line(values: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()
