"""Search by a Gaussian process whose kernel measures distances between images, by the metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float16, Float64

from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search.methods.eigenframe import Eigenframe, needed_eigenbasis, scales_of
from pullback.search.methods.gaussian_process import GaussianProcess, likeliest_noise
from pullback.search.methods.method import Beginning, Drawn, Method
from pullback.search.methods.recombination import falling
from pullback.search.spaces import SearchSpace

# Points that are remembered at most, and numbers that are: a generation's state takes 1 MB or less.
_MOST_POINTS, _MOST_NUMBERS = 1500, 500_000
# What float16 holds.
_GREATEST = 6e4
# The noise is estimated from so many of the last points.
_JUDGED = 600
# Of how far points may be from the prior's mean, the first step at most.
_MOST_STEP = 1.5
# Variance of the noise, in units of the process' own, below which steps end shorter.
_NOISY = 0.04
# Steps by which the posterior's mean is climbed, the first of this share of the way that is allowed.
_CLIMBS, _FIRST_CLIMB = 25, 0.2
# Updates over which the step size falls where moves are shrunk in full; where over fewer, as much less.
_FULLY_SHRUNK = 60


@dataclass(frozen=True, eq=False)
class HessianGPState(Eigenframe):
    """What was seen, along eigenvectors, and where the next is sought.

    Attributes:
        widths: How far apart along each axis images are one unit apart, in units of y, shape (k,).
        mean: Around it points are drawn; y, shape (k,).
        seen: y of points that have scores, the latest last, shape (m, k).
        scores: Shape (m,); greater is better.
        noise: Variance of the noise of a score, of the process' own.
        updates: Updates so far.
        shrinkage: c of z²/(c + z²), the share that is gone of a way which promises z standard deviations. In states
            that were written before there was any, 1.
    """

    widths: Float64[np.ndarray, " k"]
    mean: Float64[np.ndarray, " k"]
    seen: Float16[np.ndarray, "m k"]
    scores: Float64[np.ndarray, " m"]
    noise: float
    updates: int
    shrinkage: float = 1.0

    constants: ClassVar[tuple[str, ...]] = (*Eigenframe.constants, "widths")


@dataclass(frozen=True)
class HessianGP(Method[HessianGPState]):
    """Draws around the point that a Gaussian process, told all scores, takes for the best within reach.

    An evolution strategy learns from a generation and forgets it; a process remembers. What lets it see through a
    hundred dimensions and more is its kernel, Matérn 5/2 (Rasmussen & Williams, "Gaussian Processes for Machine
    Learning", 4.17) of the distance that the metric gives: z = Λ^½ Uᵀ x, scaled so that draws of the prior lie √(2k)
    apart. The length scale is 4 √k, in more than 100 dimensions k/100 times that; the noise is the likeliest. As in
    trust-region Bayesian optimization (Eriksson et al., NeurIPS 2019) the posterior's mean is climbed from the last
    centre on by σ √k at most, in the steps y that are short where images change fast (`hessian_cma`) if the exponent is
    above 0, and σ falls by the same factor in every update: farther where there is little noise to see through. Of the
    way there, no more is gone than the process is sure of: so noise leads nowhere, and few scores not far. Where σ
    falls over fewer than 60 updates, moves are shrunk as much less: what a long search reaches by many of them, a short
    one would not.

    Attributes:
        space: Within whose bounds the centre stays.
        sigma: First step size σ: that of points around their centre, and what bounds the centre's move. Where bounds
            keep points within a distance d of the prior's mean, it is 1.5 d/√k at most, and `last_sigma` in proportion.
        exponent: p of the steps' covariance U diag(λ^−2p) Uᵀ. Where bounds limit the distance, 0 makes the most of it.
        axes: How many eigenvectors.
        decay_generations: Updates over which the step size falls to `last_sigma`.
        last_sigma: The last step size; where scores are hardly noisy, down to half of it.
    """

    space: SearchSpace
    sigma: float
    exponent: float
    axes: int
    decay_generations: int
    last_sigma: float

    name: ClassVar[str] = "hessian_gp"
    state_type: ClassVar[type[HessianGPState]] = HessianGPState

    def first(self, beginning: Beginning) -> HessianGPState:
        """Around the point, or the prior's mean, along the eigenvectors of the eigenbasis."""
        return self.begin(beginning.centre, needed_eigenbasis(beginning, self.name))

    def begin(self, start: Float64[np.ndarray, " n"], eigenbasis: Eigenbasis) -> HessianGPState:
        """The search around a point.

        Args:
            start: Shape (n,).
            eigenbasis: Of the metric on points.
        """
        scales = scales_of(eigenbasis, self.axes, self.exponent)
        none = np.zeros(self.axes)
        return HessianGPState(
            start,
            eigenbasis.top(self.axes),
            scales,
            widths=scales_of(eigenbasis, self.axes, 0.5) / scales,
            mean=none,
            seen=np.zeros((0, self.axes), np.float16),
            scores=np.zeros(0),
            noise=math.nan,
            updates=0,
            shrinkage=min(1.0, self.decay_generations / _FULLY_SHRUNK),
        )

    def sample(self, state: HessianGPState, n: int, rng: np.random.Generator) -> Drawn:
        """Draws around the centre."""
        drawn = rng.standard_normal((n, state.mean.size))
        return Drawn.sampled(state.points(state.mean + self._sigma(state) * drawn))

    def update(
        self,
        state: HessianGPState,
        points: Float64[np.ndarray, "m n"],
        scores: Float64[np.ndarray, " m"],
        ids: tuple[str, ...],
    ) -> HessianGPState:
        """What a process that knows these, too, says; of points outside the span, their part within counts."""
        del ids
        most = min(_MOST_POINTS, max(_MOST_NUMBERS // self.axes, 1))
        new = state.coordinates(points).clip(-_GREATEST, _GREATEST).astype(np.float16)
        seen = np.concatenate([state.seen, new])[-most:]
        known = np.concatenate([state.scores, scores])[-most:]
        inputs, values = seen / state.widths, _standard(known)
        noise = likeliest_noise(inputs[-_JUDGED:], values[-_JUDGED:], state.noise)
        process = GaussianProcess.told(inputs, values, noise)
        # The step size with which the points were drawn bounds the way that is gone for them.
        reach = self._sigma(state) * math.sqrt(state.mean.size)
        mean, value = self._climbed(state, process, state.mean, reach)
        if process.means.max() > value:
            # Led astray by noise, or by points from elsewhere: it goes on from the best place that is known.
            mean, _ = self._climbed(state, process, seen[process.means.argmax()].astype(np.float64), reach)
        # z²/(c + z²) of a way that promises z standard deviations is gone (c = 1: James & Stein): noise promises, too.
        surety = process.surety(state.mean / state.widths, mean / state.widths) if (mean != state.mean).any() else 0.0
        mean = state.mean + surety**2 / (state.shrinkage + surety**2) * (mean - state.mean)
        return replace(state, mean=mean, seen=seen, scores=known, noise=noise, updates=state.updates + 1)

    def incumbent(self, state: HessianGPState) -> Float64[np.ndarray, " n"]:
        """The centre."""
        mean: Float64[np.ndarray, " n"] = state.points(state.mean[None])[0]
        return mean

    def _climbed(
        self, state: HessianGPState, process: GaussianProcess, centre: Float64[np.ndarray, " k"], reach: float
    ) -> tuple[Float64[np.ndarray, " k"], float]:
        """Where the posterior's mean is greatest, as far as one gets within `reach` of a centre; and that mean."""
        here = self._admitted(state, centre)
        value, slope = process.mean_and_gradient(here / state.widths)
        step = _FIRST_CLIMB * reach
        for _ in range(_CLIMBS):
            # d/dy of what is known of z = y / widths
            uphill = slope / state.widths
            length = float(np.linalg.norm(uphill))
            if length == 0:
                break
            there = here + step / length * uphill
            away = there - centre
            there = centre + away * min(1.0, reach / max(float(np.linalg.norm(away)), 1e-300))
            there = self._admitted(state, there)
            found, slope_there = process.mean_and_gradient(there / state.widths)
            if found > value:
                here, value, slope, step = there, found, slope_there, 1.2 * step
            else:
                step *= 0.4
        return here, value

    def _admitted(self, state: HessianGPState, mean: Float64[np.ndarray, " k"]) -> Float64[np.ndarray, " k"]:
        """The nearest centre that the space's bounds admit."""
        admitted = self.space.points(self.space.latents(state.points(mean[None])))
        coordinates: Float64[np.ndarray, " k"] = state.coordinates(admitted)[0]
        return coordinates

    def _sigma(self, state: HessianGPState) -> float:
        # Where points may not go far, steps of what is still allowed would all end at the same bound.
        most = _MOST_STEP * self.space.reach / math.sqrt(state.mean.size)
        # Steps are as long as differences need to stand out from the noise.
        noise = _NOISY if math.isnan(state.noise) else state.noise
        last = self.last_sigma * min(1.0, math.sqrt(noise / _NOISY))
        size = falling(self.sigma, last, state.updates / self.decay_generations)
        return size * min(1.0, most / self.sigma)


def _standard(scores: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
    """Scores with mean 0 and deviation 1, however large they are; zeros where all are equal."""
    shares = scores / (np.abs(scores).max() or 1.0)
    centred: Float64[np.ndarray, " m"] = shares - shares.mean()
    return centred / (centred.std() or 1.0)
