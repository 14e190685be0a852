"""Spectrum of the axes: the rate of change α along each, with those under sliders, and the one under the hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from pullback_client.studio.exploring.axes import AxisSet


class Spectrum(ui.element, component="spectrum.js"):
    """The drawing.

    Args:
        picked: Takes the axis that is clicked on.
    """

    def __init__(self, picked: Callable[[int], Any]) -> None:
        super().__init__()
        self.on("pick", lambda event: picked(int(event.args)))
        self.props["rates"], self.props["first"], self.props["count"], self.props["eigen"] = [], 0, 0, True

    def show(self, axes: AxisSet, first: int, count: int) -> None:
        """Shows the rates of a set.

        Args:
            axes: The set.
            first: First axis under a slider.
            count: How many are.
        """
        self.props["rates"] = [float(f"{rate:.4g}") for rate in axes.rates]
        self.props["first"], self.props["count"], self.props["eigen"] = first, count, axes.is_eigenbasis
        self.update()
