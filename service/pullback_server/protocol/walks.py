"""Plans of walks, and how walks end: said between server and worker. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pullback_server.stored_files import StoredFile


@dataclass(frozen=True)
class WalkAxis:
    """A direction to walk along.

    Attributes:
        vector: The unit vector, shape (n,).
        space: The space that it lies in.
        unit: Length of a step of 1, in units of the latent.
        layers: Layers of a style-based generator on which steps along it act; empty = all.
    """

    vector: NDArray[np.float64]
    space: str
    unit: float = 1.0
    layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class CurvePlan:
    """What is asked of an Iterative Curve-Traversal.

    Attributes:
        pieces: How many to each side.
        rank: Of the local axis along which it departs, where no axis guides it.
        jitter: Of the lengths of its pieces.
        seed: Of the jitter.
        layers: Layers into which it is written; empty = all.
    """

    pieces: int
    rank: int
    jitter: float
    seed: int
    layers: tuple[int, ...]


@dataclass(frozen=True)
class MaskPlan:
    """What is asked of a masked edit: which channels of a layer follow the walk.

    Attributes:
        subset: Which of the subsets of channels, from 0, the largest.
        subsets: How many there are.
        layer: Name of the layer.
        samples: Draws of the prior from which walks lead to where channels are compared.
        reach: How far these walks lead, in units of the axis.
        seed: Of the draws and of the clustering.
    """

    subset: int
    subsets: int
    layer: str
    samples: int
    reach: float
    seed: int


@dataclass(frozen=True)
class WalkPlan:
    """A walk that is asked for, defaults filled in.

    Attributes:
        generator: Name of the generator.
        distance: Name of the distance in which frames are measured.
        kind: How it goes: `linear`, `spherical`, `density_preserving`, `curve`, `subspace`, `metric_uniform` or
            `geodesic`.
        latent: Where it starts, shape (dim,).
        space: The space of `latent`.
        axes: Along what: two for a subspace, none for a curve that is not guided or where there is an end, else one.
        first: Where it begins, in units of the axes; 0 where there is an end.
        last: Where it ends; 1 where there is an end.
        frames: How many; for a subspace along each axis.
        image_format: PNG or JPEG; of sounds WAV.
        strip: Whether all frames side by side are wanted.
        animation: Whether an animation is wanted.
        curve: What is asked of a curve; None for other walks.
        mask: Which channels follow the walk; None = all.
        end: The latent to which it leads, shape (dim,), in `space`; None for walks along axes.
        tuning: File of tuned weights that take the place of the generator's own; None for none.
        noise_maps: Noise maps in the place of the generator's own, shape (height, width) each; none for these.
    """

    generator: str
    distance: str
    kind: str
    latent: NDArray[np.float32]
    space: str
    axes: tuple[WalkAxis, ...]
    first: float
    last: float
    frames: int
    image_format: str
    strip: bool
    animation: bool
    curve: CurvePlan | None = None
    mask: MaskPlan | None = None
    end: NDArray[np.float32] | None = None
    tuning: StoredFile | None = None
    noise_maps: tuple[NDArray[np.float32], ...] = ()


@dataclass(frozen=True)
class Walked:
    """The end of a `Traverse` call.

    Attributes:
        space: The space of the frames' latents.
        strip: All frames side by side, a PNG file; empty where it was not wanted.
        strip_size: Its width and height.
        animation: GIF file; empty where it was not wanted.
    """

    space: str
    strip: bytes = b""
    strip_size: tuple[int, int] = (0, 0)
    animation: bytes = b""
