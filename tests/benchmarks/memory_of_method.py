"""Prints the seconds of one metric tensor and the peak memory, in MiB, that it adds to its process.

    memory_of_method.py METHOD [BOUND in MiB]

A seeded convolutional generator of 512 dimensions and 256 × 256 pixels, under the default distance.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from pullback.distances import load
from pullback.generators import Generator, LatentSpace, StandardNormal
from pullback.geometry import metric_tensor

DIM, SIZE = 512, 256


class Convolutional(Generator):
    """Transposed convolutions from 512 dimensions to 256 × 256 pixels, with seeded weights."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.weights_hash = "convolutional", "seeded"
        self.spaces: Mapping[str, LatentSpace] = {"z": LatentSpace("z", DIM, StandardNormal())}
        self.input_space, self.image_shape = "z", (3, SIZE, SIZE)
        widths = [DIM, 256, 128, 64, 32, 16, 8, 3]
        layers: list[nn.Module] = []
        for depth, (before, after) in enumerate(pairwise(widths)):
            stride, padding = (1, 0) if depth == 0 else (2, 1)
            layers += [nn.ConvTranspose2d(before, after, 4, stride, padding), nn.Tanh()]
        self.main = nn.Sequential(*layers).requires_grad_(requires_grad=False)

    @property
    def default_context(self) -> Tensor:
        """Zeros."""
        return torch.zeros(DIM)

    def synthesize(self, inputs: Tensor) -> Tensor:
        """Images in [0, 1]."""
        images: Tensor = self.main(inputs[:, :, None, None])
        return (images + 1) / 2


def main() -> None:
    """Measures one method."""
    torch.manual_seed(0)
    generator, distance = Convolutional(), load()
    latent = generator.space("z").sample(1, 0)[0]
    with torch.no_grad():
        distance(generator.render(latent[None], "z"), generator.render(latent[None], "z"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    bound = int(sys.argv[2]) * 2**20 if len(sys.argv) > 2 else None
    began = time.perf_counter()
    metric_tensor(generator, distance, latent, "z", sys.argv[1], max_memory=bound)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux.
    sys.stdout.write(f"{seconds:.2f} {(after - before) / 1024:.1f}\n")


if __name__ == "__main__":
    main()
