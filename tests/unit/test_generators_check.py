"""Check of a generator: what does not keep its promises is told apart, and by what it breaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.generators import Generator, LatentSpace, StandardNormal
from pullback.generators.adding.check import check

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


class Stretched(Generator):
    """An image of 4 × 4 pixels of four numbers, by a function of theirs."""

    name, weights_hash, input_space, image_shape = "toy", "ab" * 32, "z", (1, 4, 4)

    def __init__(self, brightness: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.spaces = {"z": LatentSpace("z", 4, StandardNormal())}
        self._brightness = brightness

    @property
    def default_context(self) -> Tensor:
        return torch.zeros(4)

    def synthesize(self, inputs: Tensor) -> Tensor:
        return self._brightness(inputs)[:, None, :, None].expand(-1, 1, 4, 4)


class WrongBackwards(torch.autograd.Function):
    """A sigmoid whose reverse mode is that of another function than its forward mode."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return z.sigmoid()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return 3 * gradient

    @staticmethod
    def jvp(ctx, tangent: Tensor) -> Tensor:
        (output,) = ctx.saved_tensors
        return tangent * output * (1 - output)


class NoForward(torch.autograd.Function):
    """A sigmoid without forward mode."""

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return z.sigmoid()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (output,) = ctx.saved_tensors
        return gradient * output * (1 - output)


def test_a_generator_that_keeps_its_promises_is_measured():
    checked = check(Stretched(torch.sigmoid))
    assert checked.gradient > 0
    assert checked.step_bytes > 0
    assert checked.step_seconds > 0


@pytest.mark.parametrize(
    ("brightness", "message"),
    [
        (lambda z: z, r"drew values from -\d.* but they are to be finite and within \[0, 1\]"),
        (lambda z: z.sigmoid() * torch.nan, "drew values from nan"),
        (lambda z: z.sigmoid()[:, :2], r"drew|size|expand"),
        (lambda z: torch.rand(z.shape), "twice the same latents gave different images: noise has to be fixed"),
        (lambda z: (z - z.mean(0)).sigmoid(), "another image alone than among others: statistics of the batch"),
        (lambda z: z.sigmoid().round(), "the gradient of a distance to an image is zero or not finite"),
        (lambda z: z.detach().sigmoid(), "has no gradient with respect to its latents"),
        (WrongBackwards.apply, "forward and reverse mode disagree"),
        (NoForward.apply, "has no forward derivative with respect to its latents"),
    ],
)
def test_what_a_generator_breaks_is_said(brightness: Callable[[Tensor], Tensor], message: str):
    with pytest.raises((InvalidInputError, RuntimeError), match=message):
        check(Stretched(brightness))
