"""Spectral normalisation folded into weights, against torch's own layers in evaluation mode."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import spectral_norm

from pullback.errors import WeightsError
from pullback.generators.spectral_norm import fold_iterated_norm, fold_spectral_norm

pytestmark = pytest.mark.filterwarnings("ignore:.*spectral_norm.* is deprecated:FutureWarning")


def layers() -> nn.Sequential:
    """A few layers, one training step away from their beginning, so that u and v have not converged."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = nn.Sequential(
            spectral_norm(nn.ConvTranspose2d(6, 4, 3)),
            spectral_norm(nn.Conv2d(4, 5, 3, bias=False)),
            nn.Flatten(),
            spectral_norm(nn.Linear(5, 3)),
            nn.Linear(3, 2),
        )
        made(torch.randn(2, 6, 1, 1))
    return made.eval()


def plain() -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(6, 4, 3), nn.Conv2d(4, 5, 3, bias=False), nn.Flatten(), nn.Linear(5, 3), nn.Linear(3, 2)
    ).eval()


def test_plain_layers_with_the_folded_weights_compute_what_the_normalised_ones_do():
    normalised, folded = layers(), plain()
    folded.load_state_dict(fold_spectral_norm(normalised.state_dict(), transposed={"0"}), strict=True)
    inputs = torch.randn(3, 6, 1, 1, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(folded(inputs), normalised(inputs))


def test_what_has_no_spectral_norm_stays_as_it_is():
    state = nn.Linear(3, 2).state_dict()
    assert fold_spectral_norm(state) == dict(state)


@pytest.mark.parametrize("lost", ["weight_u", "weight_v"])
def test_a_weight_without_its_vectors_is_refused_by_name(lost: str):
    state = dict(layers().state_dict())
    del state[f"1.{lost}"]
    with pytest.raises(WeightsError, match=rf"'1\.weight_orig' came without '1\.{lost}'"):
        fold_spectral_norm(state, transposed={"0"})


def test_vectors_of_other_sizes_are_refused():
    # A transposed convolution that is not said to be one.
    with pytest.raises(WeightsError, match=r"'0': a weight of shape \(6, 4, 3, 3\) needs u and v of 6 and 36 numbers"):
        fold_spectral_norm(layers().state_dict())


def iterated(weight: torch.Tensor, u: torch.Tensor) -> float:
    """σ as BigGAN-PyTorch computes it in evaluation mode, vector by vector and in double precision."""
    matrix = weight.double().reshape(len(weight), -1)
    v = u.double() @ matrix
    v = v / v.norm()
    better = matrix @ v[0]
    better = better / better.norm()
    return float(v[0] @ (matrix.T @ better))


def test_one_more_power_iteration_gives_the_norm_of_biggans_layers():
    rng = torch.Generator().manual_seed(0)
    state = {
        # Not of norm 1: an average of unit vectors.
        "conv.weight": torch.randn(4, 3, 3, 3, generator=rng),
        "conv.u0": 0.3 * torch.randn(1, 4, generator=rng),
        "conv.sv0": torch.tensor([7.0]),
        "conv.bias": torch.randn(4, generator=rng),
        "linear.weight": torch.randn(5, 6, generator=rng),
        "linear.u0": torch.randn(1, 5, generator=rng),
        "linear.u1": torch.randn(1, 5, generator=rng),
        "linear.sv1": torch.tensor([1.0]),
        "shared.weight": torch.randn(2, 3, generator=rng),
    }
    folded = fold_iterated_norm(state)
    assert folded.keys() == {"conv.weight", "conv.bias", "linear.weight", "shared.weight"}
    for layer in ("conv", "linear"):
        weight = state[f"{layer}.weight"]
        torch.testing.assert_close(folded[f"{layer}.weight"], weight / iterated(weight, state[f"{layer}.u0"]))
    assert torch.equal(folded["shared.weight"], state["shared.weight"])


def test_a_singular_vector_that_fits_no_weight_is_refused_by_name():
    with pytest.raises(WeightsError, match=r"'conv\.u0' came without 'conv\.weight'"):
        fold_iterated_norm({"conv.u0": torch.ones(1, 4)})
    with pytest.raises(WeightsError, match=r"'conv': a weight of shape \(4, 3\) needs a u0 of shape \(1, 4\)"):
        fold_iterated_norm({"conv.u0": torch.ones(1, 3), "conv.weight": torch.ones(4, 3)})
