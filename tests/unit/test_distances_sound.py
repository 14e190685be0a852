"""Distances of sounds, and the metric that they pull back through a generator of sounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian
from torch.func import jvp, vmap

from pullback.distances import EmbeddingDistance, MultiScaleStft, entry, load
from pullback.distances.stft import EPSILON, WINDOWS, spectrogram
from pullback.errors import InvalidInputError
from pullback.geometry import global_metric, metric_tensor
from toys_sound import Chirp, Fixed

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

LENGTHS = [512, 700, 64, 4099]


def sounds(count: int, seed: int, length: int = 512, channels: int = 1) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, length, generator=rng, dtype=torch.float64) * 2 - 1


def stft_distance() -> EmbeddingDistance:
    found = load("stft", dtype=torch.float64)
    assert isinstance(found, EmbeddingDistance)
    return found


def full_spectrum(batch: Tensor, size: int) -> Tensor:
    """Magnitudes at all frequencies by torch.stft, of sounds with three quarters of a window of silence around them."""
    hop = size // 4
    silence = batch.new_zeros(*batch.shape[:-1], size - hop)
    rest = batch.new_zeros(*batch.shape[:-1], -batch.shape[-1] % hop)
    padded = torch.cat([silence, batch, rest, silence], dim=-1)
    # Four overlapping squared Hann windows add up to 3/2, and an unnormalised transform multiplies energy by `size`.
    window = torch.hann_window(size, dtype=batch.dtype) / (1.5 * size) ** 0.5
    spectrum = torch.stft(
        padded.flatten(0, 1), size, hop, window=window, center=False, onesided=False, return_complex=True
    )
    power = spectrum.real.square() + spectrum.imag.square()
    return (power + EPSILON).sqrt().unflatten(0, batch.shape[:2])


def oracle_stft(a: Tensor, b: Tensor) -> Tensor:
    """The distance, written anew."""
    total = torch.zeros(len(a), dtype=a.dtype)
    for size in (64, 128, 256, 512, 1024, 2048):
        if size <= a.shape[-1]:
            total = total + (full_spectrum(a, size) - full_spectrum(b, size)).square().sum(dim=(1, 2, 3))
    return total / a[0].numel()


def oracle_mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean(dim=(1, 2))


ORACLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"stft": oracle_stft, "mse": oracle_mse}


def oracle_metric(name: str, generator: Chirp, latent: Tensor) -> Tensor:
    """The Hessian of z ↦ D(G(z₀), G(z)) at z₀, by double backward."""
    here = generator.synthesize(latent[None])
    return hessian(lambda z: ORACLES[name](here, generator.synthesize(z[None])).sum(), latent)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_value_is_that_of_torchs_own_transform(length: int):
    a, b = sounds(2, 0, length, 2), sounds(2, 1, length, 2)
    torch.testing.assert_close(stft_distance()(a, b), oracle_stft(a, b))


@pytest.mark.parametrize("size", WINDOWS)
@pytest.mark.parametrize("length", LENGTHS)
def test_every_scale_keeps_energy(size: int, length: int):
    batch = sounds(2, 2, length)
    energy = spectrogram(batch, size).square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(energy, batch.square().sum(dim=(1, 2)), rtol=1e-6, atol=0)


def test_every_scale_is_at_most_the_mean_squared_error_and_phase_hardly_counts():
    a = sounds(3, 3, 4096)
    b = a + 0.3 * sounds(3, 4, 4096)
    distance, mse = stft_distance(), load("mse", dtype=torch.float64)
    assert (distance(a, b) < len(WINDOWS) * mse(a, b)).all()
    # The other sign is the same sound, though its waveform is as far off as can be.
    assert (distance(a, -a) == 0).all()


def test_windows_longer_than_a_sound_are_left_out():
    short = MultiScaleStft(entry("stft"), [64, 128])
    a, b = sounds(1, 5, 200), sounds(1, 6, 200)
    torch.testing.assert_close(stft_distance()(a, b), short(a, b))


def test_sounds_shorter_than_the_shortest_window_are_refused():
    with pytest.raises(InvalidInputError, match="'stft' takes sounds of at least 64 samples, but 63 came"):
        stft_distance().embed(torch.zeros(1, 1, 63))


@pytest.mark.parametrize("windows", [[], [62], [0]], ids=str)
def test_windows_are_multiples_of_four(windows: list[int]):
    with pytest.raises(InvalidInputError, match=r"windows of distance 'stft' are positive multiples of 4 samples, but"):
        MultiScaleStft(entry("stft"), windows)


@pytest.mark.parametrize("name", ORACLES)
def test_forward_mode_under_vmap_is_the_transpose_of_backward_mode(name: str):
    distance = load(name, dtype=torch.float64)
    assert isinstance(distance, EmbeddingDistance)
    sound, directions = sounds(1, 7), sounds(3, 8)
    columns = vmap(lambda v: jvp(distance.embed, (sound,), (v[None],))[1])(directions)
    # ⟨u, J v⟩ = ⟨Jᵀ u, v⟩
    u = torch.randn(columns.shape[1:], generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    leaf = sound.clone().requires_grad_()
    (pulled,) = torch.autograd.grad(distance.embed(leaf), leaf, u)
    torch.testing.assert_close((columns * u).sum(dim=(1, 2)), (pulled * directions).sum(dim=(1, 2)))


@pytest.mark.parametrize("name", ORACLES)
def test_second_derivatives_can_be_taken_for_many_directions_at_once(name: str):
    distance = load(name, dtype=torch.float64)
    leaf, other = sounds(1, 10).requires_grad_(), sounds(1, 11)
    (gradient,) = torch.autograd.grad(distance(leaf, other).sum(), leaf, create_graph=True)
    directions = sounds(3, 12)[:, None]
    (together,) = torch.autograd.grad(gradient, leaf, directions, is_grads_batched=True, retain_graph=True)
    apart = [torch.autograd.grad(gradient, leaf, v, retain_graph=True)[0] for v in directions]
    torch.testing.assert_close(together, torch.stack(apart))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("level", [0.0, 1.0], ids=["silence", "constant"])
def test_derivatives_at_silence_and_constants_are_finite(level: float, dtype: torch.dtype):
    distance = load("stft", dtype=dtype)
    leaf = torch.full((1, 1, 512), level, dtype=dtype, requires_grad=True)
    other, direction = sounds(1, 13).to(dtype), sounds(1, 14).to(dtype)
    (gradient,) = torch.autograd.grad(distance(leaf, other).sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad((gradient * direction).sum(), leaf)
    assert torch.isfinite(gradient).all()
    assert torch.isfinite(second).all()


def test_float32_agrees_with_float64():
    a, b = sounds(2, 15, 4096), sounds(2, 16, 4096)
    torch.testing.assert_close(load("stft")(a.float(), b.float()).double(), stft_distance()(a, b), rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-8), (torch.float32, 1e-3)], ids=str)
def test_the_metric_of_a_generator_of_sounds_is_the_hessian(name: str, dtype: torch.dtype, rtol: float):
    latent = torch.tensor([0.5, -1.0, 0.3, 1.2, -0.7, 0.1], dtype=torch.float64)
    expected = oracle_metric(name, Chirp().double(), latent)
    found = metric_tensor(Chirp().to(dtype), load(name, dtype=dtype), latent, "z")
    torch.testing.assert_close(found, expected, rtol=rtol, atol=rtol * float(expected.abs().max()))


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize(("method", "samples", "tolerance"), [("gram", 2, 1e-8), ("sketch", 4000, 0.1)])
def test_the_global_metric_over_one_place_is_the_metric_there(name: str, method: str, samples: int, tolerance: float):
    latent = torch.tensor([0.4, 0.2, -0.9, 0.6, 1.1, -0.3])
    generator = Chirp(Fixed(latent)).double()
    expected = oracle_metric(name, generator, latent.double()).numpy()
    basis = global_metric(generator, load(name, dtype=torch.float64), "z", method=method, samples=samples, seed=1)
    assert np.linalg.norm(basis.metric - expected) <= tolerance * np.linalg.norm(expected)


def test_the_global_metrics_of_sounds_differ_by_distance():
    generator = Chirp().double()
    bases = [
        global_metric(generator, load(name, dtype=torch.float64), "z", method="gram", samples=10, seed=2)
        for name in ORACLES
    ]
    # A change of phase moves the waveform and not the spectrogram.
    traces = [np.trace(basis.metric) for basis in bases]
    assert traces[0] < len(WINDOWS) * traces[1]
    assert not np.allclose(bases[0].metric / traces[0], bases[1].metric / traces[1], rtol=0.05)
