"""Figures of the study of search: arms against the best peer of each condition, paired over units and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from observers import MEAN_RATE
from pairs import compare
from reporting import Figure, Report
from search_arms.beginning import PEERS
from study import Condition, Evolutions, Found, Study

Rates = NDArray[np.float64]
_FEW_SPIKES = "poisson-10"


@dataclass(frozen=True)
class Compared:
    """The arms under one condition.

    Attributes:
        study: What was run.
        condition: The condition.
        found: What each arm came to.
        scale: How far each unit can be driven beyond draws of the prior: the mean gain of all arms, (units, 1).
    """

    study: Study
    condition: Condition
    found: Mapping[str, Evolutions]
    scale: Rates

    @classmethod
    def under(cls, study: Study, condition: Condition, all_found: Found) -> Compared:
        """Of all that was found, that under a condition."""
        found = {arm: results for (under, arm), results in all_found.items() if under == condition}
        finals = np.mean([results.final for results in found.values()], axis=0)
        scale = finals.reshape(study.units, study.seeds).mean(axis=1, keepdims=True) - MEAN_RATE
        return cls(study, condition, found, np.maximum(scale, 0.05 * MEAN_RATE))

    def gains(self, rates: Rates) -> Rates:
        """Gains of runs over draws of the prior in multiples of their unit's, so that every unit weighs the same.

        Args:
            rates: Shape (runs,) or (runs, generations).

        Returns:
            The shape of `rates`.
        """
        rows = rates.reshape(self.study.units, -1) - MEAN_RATE
        gains: Rates = (rows / self.scale).reshape(rates.shape)
        return gains

    def final(self, arm: str) -> Rates:
        """Gains of an arm's last generation, shape (runs,)."""
        return self.gains(self.found[arm].final)

    @property
    def best_peer(self) -> str:
        """The peer that gains most."""
        return max((arm for arm in self.found if arm in PEERS), key=lambda arm: float(self.final(arm).mean()))


def report_arms(report: Report, title: str, compared: Compared) -> None:
    """What each arm came to."""
    for arm, results in compared.found.items():
        report.note(
            of=title,
            arm=arm,
            final=round(float(results.final.mean()), 1),
            gain=round(float(compared.final(arm).mean()), 3),
            best=round(float(results.best.mean()), 1),
            norm=round(float(results.norms[:, -1].mean()), 1),
            below_start=round(float((results.final < results.first).mean()), 3),
        )


def report_comparisons(report: Report, title: str, compared: Compared) -> None:
    """The default against the best peer, and every arm against it."""
    peer = compared.best_peer
    for arm in compared.found:
        if arm == peer:
            continue
        pair = compare(compared.final(arm), compared.final(peer), higher_is_better=True)
        name = f"{title}: {arm} / {peer}, gain"
        if arm == "default":
            report.add(Figure(name, pair.ratio, "> 1.1, p < 1e-3", pair.ratio > 1.1 and pair.p < 1e-3, str(pair)))
        else:
            report.add(Figure(name, pair.ratio, detail=str(pair)))
    if "default" not in compared.found:
        return
    _report_speed(report, title, compared, peer)
    default = compared.found["default"]
    if compared.condition.noise == _FEW_SPIKES:
        below = float((default.final < default.first).mean())
        name = f"{title}: share of runs of the default that end below their start"
        report.add(Figure(name, below, "0", below == 0, f"{len(default.final)} runs"))


def _report_speed(report: Report, title: str, compared: Compared, peer: str) -> None:
    """Images that the default shows until it is where the best peer ends, on mean curves over units and seeds."""
    ours, theirs = compared.found["default"], compared.found[peer]
    end = float(compared.gains(theirs.means).mean(axis=0)[-1])
    curve = compared.gains(ours.means).mean(axis=0)
    reached = np.flatnonzero(curve >= end)
    needed = int(ours.shown[reached[0]]) if reached.size else int(2 * ours.shown[-1] - ours.shown[-2])
    shown = int(theirs.shown[-1])
    detail = f"{peer} ends at {end:.3f} after {shown} images, the default is there after {needed}"
    if not reached.size:
        detail = f"{peer} ends at {end:.3f} after {shown} images, the default at {curve[-1]:.3f} and never there"
    name = f"{title}: images the default needs to the best peer's end / its"
    report.add(Figure(name, needed / shown, "≤ 0.7", bool(reached.size) and needed / shown <= 0.7, detail))
