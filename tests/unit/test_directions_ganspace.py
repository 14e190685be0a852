"""GANSpace's principal and independent components, against scikit-learn and least squares on stored samples."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from draining import drained
from metrics import rotation
from pullback import generators
from pullback.directions import ganspace_ica, ganspace_pca
from pullback.directions.methods.ganspace.incremental import IncrementalComponents
from pullback.directions.methods.ganspace.samples import GanspaceSamples
from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.generators import Generator
from pullback.generators.generator import LatentSpace, Prior
from tiny import write_catalogue
from tiny_style import tiny_style
from toys import Linear, Normal, ToyGenerator

MIXING = np.array([[3.0, 0.5, 0.0], [0.0, 2.0, 0.4], [1.0, 0.0, 1.0], [0.0, 1.0, 0.7]])


class Mixed(Prior):
    """x = 5 + A s with independent uniform sources s of variance 1."""

    def sample(self, n: int, dim: int, rng: torch.Generator) -> Tensor:
        sources = (torch.rand(n, MIXING.shape[1], generator=rng) - 0.5) * 12**0.5
        return 5 + sources @ torch.as_tensor(MIXING.T, dtype=torch.float32)


class Wide(ToyGenerator):
    """A generator whose layer `wide` is B z + ε: as many features as are asked for, and a little noise."""

    inner: Tensor

    def __init__(self, features: int, dim: int = 4) -> None:
        super().__init__((1, 1, 1), dim)
        rng = torch.Generator().manual_seed(3)
        self.register_buffer("inner", torch.randn(features, dim, generator=rng) * torch.tensor([5.0, 3.0, 2.0, 1.0]))

    def activations(self, inputs: Tensor, until: str = "") -> dict[str, Tensor]:
        del until
        rng = torch.Generator().manual_seed(int(inputs.abs().sum() * 1e4))
        wide = inputs @ self.inner.T
        return {"wide": wide + 0.3 * torch.randn(wide.shape, generator=rng), "image": inputs[:, :1, None, None]}

    def synthesize(self, inputs: Tensor) -> Tensor:
        return inputs[:, :1, None, None]


def mixed_generator(prior: Prior | None = None) -> ToyGenerator:
    """A generator whose latents are drawn from another prior than the normal one."""
    generator = Linear(torch.eye(4), (1, 2, 2))
    generator.spaces = {"z": LatentSpace("z", 4, prior or Mixed())}
    return generator


def stored(samples: GanspaceSamples) -> tuple[np.ndarray, np.ndarray]:
    """All latents and all values."""
    return drained(samples.batch_in_pieces(0, samples.samples))[1]


def assert_same_lines(rows: np.ndarray, expected: np.ndarray, tolerance: float = 1e-8) -> None:
    """Unit vectors that agree but for their signs with vectors of any length."""
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(np.sum(rows * expected, axis=1)), 1, atol=tolerance)


def test_principal_components_of_w_are_those_of_scikit_learn() -> None:
    generator = tiny_style()
    found = ganspace_pca(generator, 4, space="w", samples=1000, seed=3)
    latents, values = stored(GanspaceSamples(generator, "w", "", 1000, 3))
    np.testing.assert_array_equal(latents, values)
    from sklearn.decomposition import PCA

    reference = PCA(4, svd_solver="full").fit(values)
    np.testing.assert_allclose(found.values, reference.explained_variance_, rtol=1e-9)
    assert_same_lines(found.vectors, reference.components_)
    assert (np.take_along_axis(found.vectors, np.abs(found.vectors).argmax(axis=1)[:, None], axis=1) > 0).all()
    assert found.origin.settings == {"k": "4", "layer": "", "samples": "1000", "seed": "3"}


@pytest.mark.parametrize("space", ["z", "w"])
def test_components_of_a_layer_are_carried_back_by_least_squares_on_the_same_samples(space: str) -> None:
    generator = tiny_style()
    found = ganspace_pca(generator, 3, space=space, layer="4 px", samples=400, seed=1)
    latents, values = stored(GanspaceSamples(generator, space, "4 px", 400, 1))
    maps = generator.activations(generator.complete(torch.as_tensor(latents).float(), space))["4 px"]
    np.testing.assert_allclose(values, maps.detach().flatten(1), rtol=1e-4, atol=1e-5)
    from sklearn.decomposition import PCA

    reference = PCA(3, svd_solver="full").fit(values)
    np.testing.assert_allclose(found.values, reference.explained_variance_, rtol=1e-6)
    scores = np.column_stack([reference.transform(values), np.ones(400)])
    steps = np.linalg.lstsq(scores, latents, rcond=None)[0][:3]
    assert_same_lines(found.vectors, steps, 1e-7)


def test_nothing_is_computed_after_the_layer_that_is_asked_for(tiny_generator: Generator) -> None:
    inputs = tiny_generator.space("z").sample(2, 0)
    whole, part = tiny_generator.activations(inputs), tiny_generator.activations(inputs, "layer 1")
    assert (list(whole), list(part)) == (["layer 1", "layer 2", "image"], ["layer 1"])
    torch.testing.assert_close(part["layer 1"], whole["layer 1"])
    style = tiny_style()
    w = style.space("w+").sample(2, 0)
    whole, part = style.activations(w), style.activations(w, "8 px")
    assert (list(whole), list(part)) == (["4 px", "8 px", "16 px", "image"], ["4 px", "8 px"])
    torch.testing.assert_close(part["8 px"], whole["8 px"])
    torch.testing.assert_close(whole["image"], style.synthesize(w))


def test_samples_depend_on_their_seed_alone() -> None:
    generator = tiny_style()
    samples = GanspaceSamples(generator, "w", "", 300, 0)
    batches = [drained(samples.batch_in_pieces(start, 1))[1] for start in range(0, 300, 64)]
    first = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    again = stored(GanspaceSamples(generator, "w", "", 300, 0))
    other = stored(GanspaceSamples(generator, "w", "", 300, 1))
    np.testing.assert_array_equal(first[0], again[0])
    assert len(first[0]) == 300
    assert not np.isclose(first[0], other[0]).all(axis=1).any()


def test_a_block_of_the_input_stands_among_coordinates_of_the_whole_prior(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path, conditional=True)))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    conditional = generators.load("tiny")
    latents, values = stored(GanspaceSamples(conditional, "noise", "layer 1", 500, 0))
    kept = {}
    for label in range(3):
        context = torch.eye(8)[5 + label]
        inputs = conditional.complete(torch.as_tensor(latents).float(), "noise", context)
        kept[label] = conditional.activations(inputs)["layer 1"].flatten(1).numpy()
    classes = [int(np.argmin([np.abs(kept[label][row] - values[row]).sum() for label in kept])) for row in range(500)]
    assert np.bincount(classes, minlength=3).min() > 120
    assert all(np.allclose(values[row], kept[classes[row]][row], atol=1e-5) for row in range(500))
    assert ganspace_pca(conditional, 3, space="noise", layer="layer 1", samples=300).dim == 5


def test_components_of_more_features_than_are_followed_are_close_to_the_exact_ones() -> None:
    generator = Wide(600)
    found = ganspace_pca(generator, 4, space="z", layer="wide", samples=4000)
    latents, values = stored(GanspaceSamples(generator, "z", "wide", 4000, 0))
    covariance = np.cov(values.T)
    exact = np.linalg.eigvalsh(covariance)[::-1][:4]
    np.testing.assert_allclose(found.values, exact, rtol=1e-6)
    reference = np.linalg.eigh(covariance)[1][:, ::-1][:, :4]
    scores = (values - values.mean(axis=0)) @ reference
    assert_same_lines(found.vectors, np.linalg.lstsq(scores, latents - latents.mean(axis=0), rcond=None)[0], 1e-6)


@pytest.mark.parametrize(("features", "kept"), [(6, 6), (30, 20), (900, 8), (40, 40)])
def test_components_batch_by_batch_are_those_of_scikit_learn(features: int, kept: int) -> None:
    rng = np.random.default_rng(features)
    mixing = rng.normal(size=(features, features)) * np.geomspace(5, 0.01, features)
    from sklearn.decomposition import IncrementalPCA

    reference = IncrementalPCA(kept)
    analysis = IncrementalComponents(features, 3, kept)
    seen = []
    for rows in (50, 70, 64, 3):
        latents, values = rng.normal(size=(rows, 3)), 10 + rng.normal(size=(rows, features)) @ mixing.T
        # scikit-learn takes no batch of fewer rows than components.
        if rows >= kept:
            reference.partial_fit(values)
            drained(analysis.add_in_pieces(latents, values))
            seen.append((latents, values))
    latents, values = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    np.testing.assert_allclose(analysis.mean, values.mean(axis=0))
    variances = reference.explained_variance_
    np.testing.assert_allclose(analysis.variances, variances, rtol=1e-9, atol=1e-13 * variances[0])
    np.testing.assert_allclose(np.abs(np.sum(analysis.axes(kept) * reference.components_, axis=1)), 1, rtol=1e-9)
    np.testing.assert_allclose(analysis.axes(kept) @ analysis.axes(kept).T, np.eye(kept), atol=1e-9)
    within = (values - values.mean(axis=0)).T @ (latents - latents.mean(axis=0))
    np.testing.assert_allclose(analysis.covariance, within / (len(values) - 1), atol=1e-9)


def test_components_are_the_same_however_small_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(3, 20, 300))

    def components() -> tuple[int, IncrementalComponents]:
        analysis = IncrementalComponents(300, 2, 10)
        turns = sum(drained(analysis.add_in_pieces(batch[:, :2], batch))[0] for batch in values)
        return turns, analysis

    few, whole = components()
    monkeypatch.setattr("pullback.directions.methods.ganspace.incremental._WORK", 31 * 31 * 40)
    many, cut = components()
    assert few == 9
    assert many > 3 * few
    np.testing.assert_allclose(cut.axes(10), whole.axes(10), atol=1e-12)
    np.testing.assert_allclose(cut.covariance, whole.covariance, atol=1e-12)


@pytest.mark.parametrize("layer", ["", "4 px"])
def test_others_have_their_turn_after_every_few_samples(layer: str) -> None:
    generator = tiny_style()
    at_once = 16 if layer else 64
    turns, found = drained(ganspace_pca.in_pieces(generator, 3, space="w", layer=layer, samples=640))
    assert turns >= 640 // at_once
    expected = ganspace_pca(generator, 3, space="w", layer=layer, samples=640)
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    # The samples are gone through twice.
    turns, found = drained(ganspace_ica.in_pieces(generator, 2, space="w", layer=layer, samples=640))
    assert turns >= 2 * 640 // at_once
    expected = ganspace_ica(generator, 2, space="w", layer=layer, samples=640)
    np.testing.assert_array_equal(found.vectors, expected.vectors)


def test_samples_are_taken_up_only_where_a_batch_ended() -> None:
    with pytest.raises(InvalidInputError, match="drawn 64 at a time, but a batch that begins at 65 came"):
        drained(GanspaceSamples(tiny_style(), "w", "", 300, 0).batch_in_pieces(65, 10))


def test_memory_does_not_grow_with_the_number_of_samples() -> None:
    def peak(samples: int) -> int:
        tracemalloc.start()
        try:
            ganspace_pca(generator, 2, space="z", layer="wide", samples=samples)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    generator = Wide(1500)
    # A batch holds 256 samples; components and means are there from the second one on.
    assert peak(3000) < 1.1 * peak(1000)


def test_independent_components_recover_the_columns_that_mixed_the_sources() -> None:
    found = ganspace_ica(mixed_generator(), 3, space="z", samples=20_000)
    cosines = np.abs(found.vectors @ (MIXING / np.linalg.norm(MIXING, axis=0)))
    assert (cosines.max(axis=1) > 0.999).all()
    assert sorted(cosines.argmax(axis=1)) == [0, 1, 2]
    # The components in descending order of the variance that they add, ‖a‖².
    powers = (MIXING**2).sum(axis=0)
    assert list(cosines.argmax(axis=1)) == list(np.argsort(-powers))
    np.testing.assert_allclose(found.values, np.sort(powers)[::-1], rtol=0.03)
    assert found.origin.settings["ica_vectors"] == "mixing"


def test_unmixing_rows_read_one_source_each_and_are_other_vectors() -> None:
    mixing = ganspace_ica(mixed_generator(), 3, space="z", samples=20_000)
    unmixing = ganspace_ica(mixed_generator(), 3, space="z", samples=20_000, ica_vectors="unmixing")
    np.testing.assert_array_equal(mixing.values, unmixing.values)
    # U A = I: a row is orthogonal to every column but its own.
    products = unmixing.vectors @ mixing.vectors.T
    np.testing.assert_allclose(products - np.diag(np.diag(products)), 0, atol=1e-8)
    np.testing.assert_allclose(
        unmixing.vectors, _unit(np.linalg.pinv(MIXING)[np.argsort(-(MIXING**2).sum(0))]), atol=0.03
    )
    assert np.abs(np.diag(products)).min() < 0.95


def test_independent_components_of_a_layer_are_carried_back_to_the_latent() -> None:
    # x = B z with orthonormal columns, so that what mixes the sources in z is B times what mixes them in x.
    generator = mixed_generator()
    matrix = torch.as_tensor(rotation(4, 5), dtype=torch.float32)
    generator.activations = lambda inputs, until="": {"turned": inputs @ matrix.T}  # type: ignore[method-assign]
    in_x = ganspace_ica(generator, 3, space="z", layer="turned", samples=5000)
    in_z = ganspace_ica(mixed_generator(), 3, space="z", samples=5000)
    np.testing.assert_allclose(in_x.values, in_z.values, rtol=1e-3)
    assert_same_lines(in_x.vectors, in_z.vectors, 1e-4)


def test_sources_that_no_direction_tells_apart_are_an_error_and_no_result() -> None:
    def decompose_some_times() -> None:
        # Few draws of a normal prior: every direction is as independent as any other.
        for seed in range(20):
            ganspace_ica(mixed_generator(Normal()), 4, space="z", samples=60, seed=seed)

    with pytest.raises(PullbackError, match="4 independent components of 60 samples do not settle"):
        decompose_some_times()


def test_more_components_than_the_samples_vary_in_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="the samples vary in 3 directions, but 4 were asked for"):
        ganspace_pca(mixed_generator(), 4, space="z", samples=500)
    with pytest.raises(InvalidInputError, match="3 samples of 6 features have at most 3 components, but 4 were"):
        ganspace_pca(tiny_style(), 4, space="w", samples=3)


def test_what_cannot_be_decomposed_is_refused(tiny_generator: Generator) -> None:
    with pytest.raises(UnknownNameError, match="no layer of generator 'tiny' is named 'x'; known: layer 1, layer 2"):
        ganspace_pca(tiny_generator, 2, space="z", layer="x", samples=100)
    with pytest.raises(UnknownNameError, match="no kind of vectors of an independent component analysis is named 'a'"):
        ganspace_ica(tiny_generator, 2, space="z", samples=100, ica_vectors="a")
    with pytest.raises(UnknownNameError, match="no space of generator 'tiny' is named 'w'"):
        ganspace_pca(tiny_generator, 2, space="w", samples=100)
    with pytest.raises(InvalidInputError, match="between 1 and 8 directions of space 'z' can be had, but 9 came"):
        ganspace_ica(tiny_generator, 9, space="z", samples=100)
    with pytest.raises(InvalidInputError, match="at least 2 samples, but 1 came"):
        ganspace_pca(tiny_generator, 2, space="z", samples=1)
    with pytest.raises(InvalidInputError, match="from 0 on, but -1 came"):
        ganspace_pca(tiny_generator, 2, space="z", samples=100, seed=-1)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Unit rows whose largest entries are positive."""
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    signs = np.sign(np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1))
    return rows * signs
