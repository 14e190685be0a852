"""Check of a generator: that it draws, that its derivatives are right, and what a step of an inversion takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jvp

from pullback.errors import InvalidInputError
from pullback.generators.adding.sheet import drawn
from pullback.generators.generator import Generator
from pullback.memory import measured_peak

STEPS = 5
# Single precision, over a network's many sums.
_AGREE = 1e-2


@dataclass(frozen=True)
class Checked:
    """What was found of a generator that keeps its promises.

    Attributes:
        gradient: ‖∂L/∂z‖ of L = ½ mean (G(z) − G(z′))² for two draws z, z′ of its first space.
        step_bytes: Bytes that L and its gradient add at their peak, of one image, beside the weights.
        step_seconds: Median time of L and its gradient, of one image.
    """

    gradient: float
    step_bytes: int
    step_seconds: float


def check(generator: Generator) -> Checked:
    """Checks that a generator keeps what `Generator` promises, and measures it.

    Args:
        generator: The generator, on its device.

    Raises:
        InvalidInputError: It does not; the message says in what.
    """
    drawn(generator)
    for space in generator.spaces.values():
        _check_rows(generator, space.name)
    space = next(iter(generator.spaces.values()))
    latents = space.sample(2, seed=1).to(generator.device, generator.dtype)
    with torch.no_grad():
        target = generator.render(latents[1:], space.name)
    # Not from a tie of many values, where what rectifies has no derivative.
    latent = latents[:1]

    def image(z: Tensor) -> Tensor:
        return generator.render(z, space.name)

    def step() -> Tensor:
        z = latent.detach().clone().requires_grad_()
        # L = ½ mean (G(z) − G(z′))²
        loss = (image(z) - target).square().mean() / 2
        (gradient,) = _derived(generator, "gradient", lambda: torch.autograd.grad(loss, z))
        return gradient

    gradient = step()
    if not bool(gradient.isfinite().all()) or not bool(gradient.any()):
        raise InvalidInputError(
            f"generator {generator.name!r}: the gradient of a distance to an image is zero or not finite at a latent "
            f"of space {space.name!r}: every operation from latent to image must be differentiable, and none round"
        )
    _check_forward(generator, image, latent)
    peak = measured_peak(step, generator.device)
    return Checked(float(gradient.norm()), peak, statistics.median(_seconds(generator, step) for _ in range(STEPS)))


def _check_rows(generator: Generator, space: str) -> None:
    """That an image depends on its latent alone: not on the call, and not on the others of a batch."""
    latents = generator.space(space).sample(3, seed=2).to(generator.device, generator.dtype)
    with torch.no_grad():
        together = generator.render(latents, space)
        again = generator.render(latents, space)
        alone = generator.render(latents[1:2], space)
    for found, expected, why in (
        (again, together, "twice the same latents gave different images: noise has to be fixed, and dropout off"),
        (alone, together[1:2], "a latent gave another image alone than among others: statistics of the batch"),
    ):
        difference = float((found - expected).abs().max())
        if not difference <= _AGREE:
            raise InvalidInputError(
                f"generator {generator.name!r}, space {space!r}: {why} (values differ by up to {difference:.3g})"
            )


def _check_forward(generator: Generator, image: Callable[[Tensor], Tensor], latent: Tensor) -> None:
    """That forward and reverse mode are derivatives of one map: ⟨u, J v⟩ = ⟨Jᵀ u, v⟩."""
    rng = torch.Generator().manual_seed(3)
    v = torch.randn(latent.shape, generator=rng).to(latent)
    output, along = _derived(generator, "forward derivative", lambda: jvp(image, (latent,), (v,)))
    u = torch.randn(output.shape, generator=rng).to(latent)
    z = latent.detach().clone().requires_grad_()
    (back,) = torch.autograd.grad(image(z), z, u)
    forward, reverse = float((u * along).sum()), float((back * v).sum())
    size = float(u.norm() * along.norm())
    if not abs(forward - reverse) <= _AGREE * max(size, 1e-12):
        raise InvalidInputError(
            f"generator {generator.name!r}: forward and reverse mode disagree, ⟨u, J v⟩ = {forward:.4g} and ⟨Jᵀ u, v⟩ "
            f"= {reverse:.4g}: an operation works in place, or has a derivative of its own that is wrong"
        )


def _derived(generator: Generator, what: str, call: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    try:
        return call()
    except (RuntimeError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInputError(
            f"generator {generator.name!r} has no {what} with respect to its latents ({type(error).__name__}: {reason})"
        ) from error


def _seconds(generator: Generator, step: Callable[[], Tensor]) -> float:
    begun = time.perf_counter()
    # Reading a number waits for the device.
    float(step().sum())
    return time.perf_counter() - begun
