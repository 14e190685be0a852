"""Generators and distances of a worker, loaded at their first use and kept."""

from __future__ import annotations

from functools import cache

import torch

from pullback import distances, generators
from pullback.distances import Distance
from pullback.generators import Generator


class Models:
    """The models on one device."""

    def __init__(self, device: str) -> None:
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = device
        self.generator = cache(self._load_generator)
        self.distance = cache(self._load_distance)

    def _load_generator(self, name: str) -> Generator:
        return generators.load(name, device=self.device)

    def _load_distance(self, name: str) -> Distance:
        return distances.load(name, device=self.device)
