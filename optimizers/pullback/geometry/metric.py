"""The metric of a latent space: at one latent, and on average."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float64
from torch import Tensor

from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.generators.generator import Generator
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.geometry.estimator import EstimatorState, MetricEstimator, StoppedError, check_same_place
from pullback.geometry.gram import MeanGram, gram_metric
from pullback.geometry.sketch import GradientSketch

ESTIMATORS: dict[str, type[MetricEstimator]] = {kind.method: kind for kind in (GradientSketch, MeanGram)}
_POINTWISE = {MeanGram.method: gram_metric}


def metric_tensor(
    generator: Generator,
    distance: Distance,
    latent: Tensor,
    space: str,
    method: str = "gram",
    *,
    context: Tensor | None = None,
) -> Float64[Tensor, "n n"]:
    """The metric that the distance pulls back onto the latent space, at one latent.

    H(z₀) = ∂²D(G(z₀), G(z))/∂z² at z = z₀, which is 2 JᵀJ: Wang & Ponce (ICLR 2021), Eq. 3, without its ½.

    Args:
        generator: The generator G.
        distance: The image distance D, on the same device and in the same precision.
        latent: z₀, shape (n,).
        space: Name of the latent's space.
        method: `gram`, by forward-mode derivatives (see `gram_metric`).
        context: Complete input, shape (m,), that fills the coordinates outside `space`; the generator's default
            context when omitted.

    Returns:
        H, shape (n, n), float64, symmetric, on the generator's device.

    Raises:
        UnknownNameError: No such method, or no such space.
        InvalidInputError: The latent or the context has another shape, the latent is not finite, or generator and
            distance live on different devices or in different precisions.
        PullbackError: A derivative of the distance is not finite.
    """
    if method not in _POINTWISE:
        raise UnknownNameError("method of a metric tensor", method, _POINTWISE)
    dim = generator.space(space).dim
    if latent.shape != (dim,):
        raise InvalidInputError(
            f"a latent of space {space!r} of generator {generator.name!r} has shape ({dim},), "
            f"but shape {tuple(latent.shape)} came"
        )
    if not latent.isfinite().all():
        raise InvalidInputError("a latent is finite, but this one holds NaN or infinity")
    whole = generator.space(generator.input_space).dim
    if context is not None and context.shape != (whole,):
        raise InvalidInputError(f"a context has shape ({whole},), but shape {tuple(context.shape)} came")
    check_same_place(generator, distance)
    latent = latent.detach().to(generator.device, generator.dtype)
    metric = _POINTWISE[method](generator, distance, latent, space, context)
    if not metric.isfinite().all():
        raise PullbackError(
            f"the derivative of distance {distance.name!r} at this image of generator {generator.name!r} is not "
            "finite; use another distance, or another latent if this is a rare image"
        )
    return metric


def metric_estimator(
    generator: Generator,
    distance: Distance,
    space: str,
    *,
    method: str = "sketch",
    samples: int | None = None,
    seed: int = 0,
    batch_size: int | None = None,
) -> MetricEstimator:
    """An estimator of the global metric, to be driven step by step; the arguments are those of `global_metric`."""
    if method not in ESTIMATORS:
        raise UnknownNameError("method of a global metric", method, ESTIMATORS)
    return ESTIMATORS[method](generator, distance, space, samples=samples, seed=seed, batch_size=batch_size)


def global_metric(
    generator: Generator,
    distance: Distance,
    space: str,
    *,
    method: str = "sketch",
    samples: int | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    state: EstimatorState | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Eigenbasis:
    """The eigenbasis of the metric's average over a latent space.

    Args:
        generator: The generator G.
        distance: The image distance D, on the same device and in the same precision.
        space: Name of the latent space; latents come from its prior. Where it covers only a block of the
            input, the other coordinates come from the prior of the whole input.
        method: `sketch` (see `GradientSketch`; the default, by far the faster) or `gram` (see `MeanGram`).
        samples: Probes (`sketch`, 2,000 by default) or positions (`gram`, 100 by default), at least 1.
        seed: Any integer ≥ 0. The same seed and batch size give the same result on one machine.
        batch_size: Images that are carried through the generator at once.
        state: Where to go on from, as a `StoppedError` carries it; the beginning when omitted.
        progress: Called after every step with the number of samples so far and in all.
        should_stop: Asked after every step but the last; true ends the computation with `StoppedError`.

    Returns:
        The eigenbasis, with its provenance.

    Raises:
        UnknownNameError: No such method, or no such space.
        InvalidInputError: A number is out of range, or generator and distance live on different devices or in
            different precisions, or the images do not change with these latents.
        StoppedError: `should_stop` said so. An average of fewer samples than asked for must not pass for the
            whole, so none is returned.
        PullbackError: A derivative of the distance is not finite.
    """
    estimator = metric_estimator(
        generator, distance, space, method=method, samples=samples, seed=seed, batch_size=batch_size
    )
    if state is None:
        state = estimator.init()
    while not estimator.done(state):
        state = estimator.step(state)
        if progress is not None:
            progress(state.samples, estimator.samples)
        if should_stop is not None and not estimator.done(state) and should_stop():
            raise StoppedError(state, estimator.samples)
    return estimator.result(state)
