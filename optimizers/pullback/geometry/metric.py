"""Metric of a latent space: at one latent, and on average."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float64
from torch import Tensor

from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, StoppedError, UnknownNameError
from pullback.generators.generator import Generator
from pullback.geometry.eigenbasis import LARGEST_COMPLETE, Eigenbasis
from pullback.geometry.estimators.estimator import DEFAULT_TOLERANCE, MetricEstimator, State
from pullback.geometry.estimators.mean_metric import MeanMetric
from pullback.geometry.estimators.sketch import GradientSketch
from pullback.geometry.point import Point
from pullback.geometry.pointwise.backward_iteration import BackwardIteration
from pullback.geometry.pointwise.forward_iteration import ForwardIteration
from pullback.geometry.pointwise.full_backprop import FullBackprop
from pullback.geometry.pointwise.gauss_newton import GaussNewton
from pullback.geometry.pointwise.gram import Gram
from pullback.geometry.pointwise.gram_iteration import GramIteration
from pullback.geometry.pointwise.method import PointwiseMethod

POINTWISE_METHODS: dict[str, type[PointwiseMethod]] = {
    kind.name: kind for kind in (Gram, GramIteration, GaussNewton, FullBackprop, BackwardIteration, ForwardIteration)
}
GLOBAL_METHODS = (GradientSketch.method, *POINTWISE_METHODS)


def metric_tensor(
    generator: Generator,
    distance: Distance,
    latent: Tensor,
    space: str,
    method: str = "gram",
    *,
    k: int | None = None,
    context: Tensor | None = None,
    max_memory: int | None = None,
    seed: int = 0,
) -> Float64[Tensor, "n n"]:
    """The metric that the distance pulls back onto the latent space, at one latent.

    H(z₀) = ∂²D(G(z₀), G(z))/∂z² at z = z₀; for a distance D(a, b) = ‖φ(a) − φ(b)‖² it is 2 JᵀJ with J = ∂φ(G(z))/∂z:
    Wang & Ponce (ICLR 2021), Eq. 3, without its ½.

    | method | computes | takes |
    |---|---|---|
    | `gram` | H, by forward-mode derivatives: the fastest | a distance with an embedding |
    | `gram_iteration` | k eigenpairs, by block Lanczos over products with Jᵀ and J | a distance with an embedding |
    | `gauss_newton` | H, by forward mode through G and double backward through D | any distance |
    | `full_backprop` | H, by double backward | any distance |
    | `backward_iteration` | k eigenpairs, by Lanczos over double backward | any distance |
    | `forward_iteration` | k eigenpairs, by Lanczos over differences of gradients: the least precise | any distance |

    Args:
        generator: The generator G.
        distance: The distance D, on the same device and in the same precision.
        latent: z₀, shape (n,).
        space: Name of the latent's space.
        method: One of the above.
        k: How many eigenpairs an iteration computes: at most n, or n − 1 for the two of the paper; 50 when omitted, or
            as many as there are. Not for the other methods.
        context: Complete input, shape (m,), that fills the coordinates outside `space`; the generator's default
            context when omitted.
        max_memory: Bytes that the computation may add at its peak, H included. Blocks of latent directions and of
            features are made as small as it takes, and `gram` and `gauss_newton` do without holding J where that does
            not fit; the network is run on a few directions to see how much they need. When omitted, blocks are those
            that the budget of the device has room for (`pullback.memory`).
        seed: Of what an iteration starts from; any integer ≥ 0.

    Returns:
        H, shape (n, n), float64, symmetric, on the generator's device; U_k Λ_k U_kᵀ of an iteration's k eigenpairs.

    Raises:
        UnknownNameError: No such method, or no such space.
        InvalidInputError: The latent or the context has another shape, the latent is not finite, generator and
            distance live on different devices or in different precisions, the method needs an embedding and the
            distance has none, k is out of range, or `max_memory` does not suffice; the message says what does.
        PullbackError: A derivative of the distance is not finite, or an iteration does not converge.
    """
    kind = _pointwise(method)
    if k is not None and not kind.iterative:
        raise InvalidInputError(f"method {method!r} computes the whole metric, but k = {k} came; leave it out")
    point = Point(generator, distance, latent, space, context)
    return kind(k=k, max_memory=max_memory, seed=seed).metric(point)


def metric_eigenpairs(
    generator: Generator,
    distance: Distance,
    latent: Tensor,
    space: str,
    method: str = "gram_iteration",
    k: int | None = None,
    *,
    context: Tensor | None = None,
    max_memory: int | None = None,
    seed: int = 0,
) -> tuple[Float64[Tensor, " k"], Float64[Tensor, "n k"]]:
    """The leading eigenpairs of the metric at one latent.

    Args:
        generator: As for `metric_tensor`.
        distance: As for `metric_tensor`.
        latent: As for `metric_tensor`.
        space: As for `metric_tensor`.
        method: As for `metric_tensor`.
        k: How many, from 1 to n, or to n − 1 for the two iterations of the paper. When omitted, 50 or as many as there
            are for an iteration, all for the other methods.
        context: As for `metric_tensor`.
        max_memory: As for `metric_tensor`.
        seed: As for `metric_tensor`.

    Returns:
        Eigenvalues, shape (k,), descending, and eigenvectors, shape (n, k), orthonormal columns; float64, on the
        generator's device. The sign of an eigenvector is arbitrary.

    Raises:
        UnknownNameError: As for `metric_tensor`.
        InvalidInputError: As for `metric_tensor`.
        PullbackError: As for `metric_tensor`.
    """
    kind = _pointwise(method)
    point = Point(generator, distance, latent, space, context)
    return kind(k=k, max_memory=max_memory, seed=seed).eigenpairs(point)


def _pointwise(method: str) -> type[PointwiseMethod]:
    if method not in POINTWISE_METHODS:
        raise UnknownNameError("method of a metric tensor", method, POINTWISE_METHODS)
    return POINTWISE_METHODS[method]


def metric_estimator(
    generator: Generator,
    distance: Distance,
    space: str,
    *,
    method: str = "sketch",
    samples: int | str | None = None,
    seed: int = 0,
    k: int | None = None,
    batch_size: int | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    max_samples: int | None = None,
    max_memory: int | None = None,
) -> MetricEstimator:
    """An estimator of the global metric, to be driven step by step; the arguments are those of `global_metric`."""
    options = {
        "samples": samples,
        "seed": seed,
        "batch_size": batch_size,
        "tolerance": tolerance,
        "max_samples": max_samples,
        "max_memory": max_memory,
    }
    if method not in GLOBAL_METHODS:
        raise UnknownNameError("method of a global metric", method, GLOBAL_METHODS)
    kind = POINTWISE_METHODS.get(method)
    small = generator.space(space).dim <= LARGEST_COMPLETE
    if k is not None and small and (kind is None or not kind.iterative):
        raise InvalidInputError(
            f"method {method!r} computes the whole metric, but k = {k} came; leave it out in a space of up to "
            f"{LARGEST_COMPLETE:,} dimensions"
        )
    if kind is None:
        return GradientSketch(generator, distance, space, axes=k, **options)
    return MeanMetric(kind, generator, distance, space, k=k, **options)


def global_metric(
    generator: Generator,
    distance: Distance,
    space: str,
    *,
    method: str = "sketch",
    samples: int | str | None = None,
    seed: int = 0,
    k: int | None = None,
    batch_size: int | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
    max_samples: int | None = None,
    max_memory: int | None = None,
    state: State | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Eigenbasis:
    """The eigenbasis of the metric's average over a latent space.

    Args:
        generator: The generator G.
        distance: The distance D, on the same device and in the same precision.
        space: Name of the latent space; latents come from its prior. Where it covers only a block of the
            input, the other coordinates come from the prior of the whole input.
        method: `sketch` (see `GradientSketch`; the default, by far the fastest), or the mean over positions of any
            method of `metric_tensor`.
        samples: Probes (`sketch`, 2,000 by default) or positions (the others, 100 by default), at least 1. With `auto`
            the average ends when it has settled.
        seed: Any integer ≥ 0. The same seed, batch size and bound of memory give the same result on one machine.
        k: How many eigenpairs an iteration computes, as for `metric_tensor`. Of a space of more than 1,024 dimensions,
            how many the result has: 500 when omitted, and by an iteration at least these.
        batch_size: Probes or latent directions that are carried through the generator at once, at most.
        tolerance: Of `auto`: by how much the agreement of the average with the mean over the whole space may fall
            short of 1, as its halves tell (see `split_half_agreement`), twice in a row.
        max_samples: Of `auto`: where it ends in any case, 50,000 probes or 1,000 positions by default (in a space of
            more than 1,024 dimensions, as many as can be stored in 1 GiB). What was reached stands in the provenance's
            `agreement`.
        max_memory: Bytes that the computation may add at its peak; see `metric_tensor`.
        state: Where to go on from, as a `StoppedError` carries it; the beginning when omitted.
        progress: Called after every step with the number of samples so far and in all (with `auto`, at most).
        should_stop: Asked after every step but the last; true ends the computation with `StoppedError`.

    Returns:
        The eigenbasis, with its provenance: complete for a space of up to 1,024 dimensions.

    Raises:
        UnknownNameError: No such method, or no such space.
        InvalidInputError: A number is out of range, generator and distance live on different devices or in
            different precisions, the method needs an embedding and the distance has none, `max_memory` does not
            suffice, or the images do not change with these latents.
        StoppedError: `should_stop` said so. An average of fewer samples than asked for must not pass for the
            whole, so none is returned.
        PullbackError: A derivative of the distance is not finite, or an iteration does not converge.
    """
    estimator = metric_estimator(
        generator,
        distance,
        space,
        method=method,
        samples=samples,
        seed=seed,
        k=k,
        batch_size=batch_size,
        tolerance=tolerance,
        max_samples=max_samples,
        max_memory=max_memory,
    )
    if state is None:
        state = estimator.init()
    while not estimator.done(state):
        state = estimator.step(state)
        if progress is not None:
            progress(state.samples, estimator.samples)
        if should_stop is not None and not estimator.done(state) and should_stop():
            raise StoppedError(state, state.samples, estimator.samples)
    return estimator.result(state)
