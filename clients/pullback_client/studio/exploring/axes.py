"""Axes under sliders: those of an eigenbasis or of a set of directions, with the step that each is counted in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pullback_client.directions.records import DirectionsInfo
from pullback_client.eigenbasis.basis import EigenbasisInfo
from pullback_client.wire.codec import Array

METHODS = {
    "hessian": "Hessian axes",
    "local_hessian": "Local Hessian axes",
    "local_basis": "Local Basis",
    "jacobian": "Jacobian axes",
    "ganspace_pca": "GANSpace, PCA",
    "ganspace_ica": "GANSpace, ICA",
    "sefa": "SeFa",
    "dp_lase": "DP-LaSE",
    "imported": "Imported",
}
"""Methods of directions by the words of the contract, for people."""


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        index: From 0.
        title: A name that people gave it; may be empty.
        vector: Unit vector, shape (dim,).
        rate: α = vᵀHv of the global metric.
    """

    index: int
    title: str
    vector: Array
    rate: float

    @property
    def unit(self) -> float:
        """α^−½, the length of a step in the latent; 0 along an axis that changes nothing."""
        return 1 / math.sqrt(self.rate) if self.rate > 0 else 0.0


@dataclass(frozen=True, eq=False)
class AxisSet:
    """Axes found together.

    Attributes:
        id: `eigenbases/{id}` or `directions/{id}`.
        space: Latent space that they lie in.
        vectors: One a row, shape (count, dim); of an eigenbasis of a large space only the leading ones.
        rates: α of each, shape (count,).
        titles: Names that people gave, by index.
        layers: Layers of a style-based generator that follow a step; empty = all.
        is_eigenbasis: Whether the rates are the spectrum of the metric.
        distance: The image distance of that metric, by which walks are measured too; empty for the server's default.
    """

    id: str
    space: str
    vectors: Array
    rates: Array
    titles: Mapping[int, str]
    layers: tuple[int, ...]
    is_eigenbasis: bool
    distance: str = ""

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, index: int) -> Axis:
        return Axis(index, self.titles.get(index, ""), self.vectors[index], float(self.rates[index]))

    def share(self, index: int) -> float:
        """Share of an axis in the sum of all rates."""
        total = float(np.maximum(self.rates, 0).sum())
        return float(self.rates[index]) / total if total > 0 else 0.0


def set_id(info: EigenbasisInfo | DirectionsInfo) -> str:
    """What a view calls a set."""
    return info.name.split("/", 2)[-1]


def set_name(generator: str, chosen: str) -> str:
    """The resource name of what a view calls so."""
    return f"generators/{generator}/{chosen}"


def set_title(info: EigenbasisInfo | DirectionsInfo) -> str:
    """What people choose a set by."""
    if isinstance(info, EigenbasisInfo):
        return f"Eigen-axes of {info.space} under {info.distance}" + (", separate" if info.separate else "")
    called = next((each.title for each in info.annotations if each.title), "")
    named = f" “{called}”" if called and info.k == 1 else ""
    return f"{METHODS.get(info.method, info.method)}{named}, {info.k} in {info.space}"
