"""The analysis of walks: its units, what they are made of, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor
from torch.nn import functional

from metrics import rotation
from pullback import distances
from pullback.analysis import mapping_units, variation_units
from pullback.analysis.metric_analysis import AnalysisState
from pullback.analysis.walk_analysis import WalkAnalysis
from pullback.analysis.walk_findings import WalkFindings
from pullback.directions.mapping_basis import mapping_of
from pullback.directions.statistics import Way
from pullback.distances.distance import EmbeddingDistance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators import Generator, LatentSpace
from pullback.generators.priors import StandardNormal
from tiny_style import tiny_style
from toys import Euclidean, Linear


class Blurred(EmbeddingDistance):
    """Images of 2 × 2 pixels: fewer features than images, so that covariances have a plain square root."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "blurred"

    def embed(self, images: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(images, 2).flatten(1)


def moments(rows: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of rows of features."""
    return rows.double().mean(dim=0).numpy(), np.cov(rows.double().numpy().T)


def run(analysis: WalkAnalysis, state: AnalysisState) -> AnalysisState:
    """The state after all units that are left."""
    while not analysis.done(state):
        state = analysis.step(state)
    return state


@pytest.fixture(scope="module", autouse=True)
def few() -> Iterator[None]:
    """Fewer images and pairs than a report has, but several units of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("IMAGES", 40), ("WARPAGE_PAIRS", 20), ("GANSPACE_SAMPLES", 500)):
            patch.setattr(mapping_units, name, value)
        for name, value in (("IMAGES", 40), ("GANSPACE_SAMPLES", 500)):
            patch.setattr(variation_units, name, value)
        yield


@pytest.fixture(scope="module")
def eigenvectors() -> Tensor:
    return torch.from_numpy(rotation(6))


@pytest.fixture(scope="module")
def analysis() -> WalkAnalysis:
    """Of a style-based generator, in z."""
    return WalkAnalysis(tiny_style(), distances.load("mse"), "z", positions=3, seed=4, embedding=Blurred())


@pytest.fixture(scope="module")
def finished(analysis: WalkAnalysis, eigenvectors: Tensor) -> AnalysisState:
    return run(analysis, analysis.init(eigenvectors))


@pytest.fixture(scope="module")
def found(analysis: WalkAnalysis, finished: AnalysisState) -> WalkFindings:
    return analysis.result(finished)


def test_a_stored_analysis_goes_on_where_it_stood(
    analysis: WalkAnalysis, finished: AnalysisState, eigenvectors: Tensor
) -> None:
    state = analysis.init(eigenvectors)
    for number in range(12):
        assert (analysis.made(state), analysis.done(state)) == (number, False)
        state = analysis.step(state)
    # As a checkpoint keeps it: tensors by name, in any order, read by another worker.
    state = AnalysisState({name: state.tensors[name].clone() for name in sorted(state.tensors, reverse=True)})
    again = WalkAnalysis(tiny_style(), distances.load("mse"), "z", positions=3, seed=4, embedding=Blurred())
    state = run(again, state)
    assert again.made(state) == again.total
    assert state.tensors.keys() == finished.tensors.keys()
    for name, tensor in finished.tensors.items():
        assert torch.equal(state.tensors[name].nan_to_num(), tensor.nan_to_num())


def test_phases_say_what_is_measured(analysis: WalkAnalysis, finished: AnalysisState, eigenvectors: Tensor) -> None:
    assert analysis.phase(analysis.init(eigenvectors)) == "distance curves"
    assert analysis.phase(finished) == "statistics"


def test_curves_along_eigenvectors_of_a_linear_generator_are_parabolas() -> None:
    generator, squares = Linear(torch.diag(torch.arange(6.0, 0.0, -1.0)), (6, 1, 1)), 3.0**2
    analysis = WalkAnalysis(generator, distances.load("mse"), "z", positions=2)
    state = analysis.init(torch.eye(6, dtype=torch.float64))
    curves = analysis.result(run(analysis, state)).curves
    assert (curves.distance, curves.steps[0], curves.steps[4]) == ("mse", -3, 0)
    # D(z₀, z₀ + t v) = t² ‖A v‖² / 6 for the mean square; five axes of each kind
    scale = curves.top[0, 0, -1] / (36 * squares)
    for axis in range(5):
        np.testing.assert_allclose(curves.top[:, axis, -1], scale * squares * (6 - axis) ** 2, rtol=1e-4)
        np.testing.assert_allclose(curves.bottom[:, axis, 0], scale * squares * (5 - axis) ** 2, rtol=1e-4)
    assert (curves.random[..., -1] < scale * squares * 36).all()
    assert not np.allclose(curves.random[0], curves.random[1])


def test_straight_walks_lose_density_by_their_norm_and_the_others_keep_it(found: WalkFindings) -> None:
    linear, *others = found.drifts
    assert [drift.traversal for drift in found.drifts] == ["linear", "spherical", "density_preserving"]
    assert (linear.steps[0], linear.steps[10], linear.steps[20]) == (-10, 0, 10)
    # −½(‖z₀ + t u‖² + ‖z₀ − t u‖²) + ‖z₀‖² = −t²
    np.testing.assert_allclose(linear.log_densities[:, 0] + linear.log_densities[:, 20], -100, rtol=1e-5)
    for drift in others:
        np.testing.assert_allclose(drift.log_densities, 0, atol=1e-4)
        np.testing.assert_allclose(drift.norms, 0, atol=1e-5)


def test_warpage_is_that_of_pairs_of_several_draws(found: WalkFindings) -> None:
    warpage = found.warpage
    assert warpage is not None
    assert warpage.far.ks == (1, 2, 5)
    kinds = (
        warpage.random,
        warpage.far,
        warpage.close[0.1],
        warpage.to_global["ganspace_pca"],
        warpage.to_global["sefa"],
    )
    assert all(kind.geodesic.shape == kind.projection.shape == (20, 3) for kind in kinds)
    assert len(np.unique(warpage.far.geodesic[:, 0])) == 20
    assert (warpage.close[0.1].geodesic.mean(axis=0) < warpage.far.geodesic.mean(axis=0)).all()


def test_frechet_distances_are_those_of_the_embedded_images(found: WalkFindings, finished: AnalysisState) -> None:
    tensors = finished.tensors
    mean, covariance = moments(torch.cat([tensors[f"perturbed images/reference/{chunk:04d}"] for chunk in range(2)]))
    sefa = torch.cat([tensors[f"perturbed images/sefa/{chunk:04d}"] for chunk in range(2)], dim=1)
    assert sefa.shape == (5, 40, 12)
    expected = []
    for rows in sefa:
        one, spread = moments(rows)
        root = sqrtm(spread @ covariance).real
        expected.append(((one - mean) ** 2).sum() + np.trace(spread + covariance - 2 * root))
    curve = found.perturbations["sefa"]
    np.testing.assert_allclose([curve.unmoved, *curve.distances], expected, rtol=1e-6)
    assert (curve.embedding, curve.samples, list(curve.strengths)) == ("blurred", 40, [2, 4, 8, 12])
    # One draw for all ways, another for the reference.
    unmoved = [found.perturbations[way].unmoved for way in ("local_basis", "ganspace_pca", "sefa")]
    np.testing.assert_allclose(unmoved, unmoved[0], rtol=1e-4)
    assert unmoved[0] > 0


def test_a_curve_that_ends_early_is_no_number_and_the_other_ways_are(
    found: WalkFindings, monkeypatch: pytest.MonkeyPatch, eigenvectors: Tensor
) -> None:
    assert all(np.isfinite(measured.distances).all() for measured in found.perturbations.values())

    def ended(latents: Tensor, steps: Tensor) -> Tensor:
        raise InvalidInputError(f"a curve from {len(latents)} latents ends before {steps[-1]}")

    monkeypatch.setattr(mapping_units, "along_curve", lambda *_: Way(ended, "w"))
    analysis = WalkAnalysis(tiny_style(), distances.load("mse"), "w", positions=1, embedding=Blurred())
    without = analysis.result(run(analysis, analysis.init(eigenvectors))).perturbations
    assert np.isnan([without["curve"].unmoved, *without["curve"].distances]).all()
    assert all(np.isfinite(without[way].distances).all() for way in ("local_basis", "ganspace_pca", "sefa"))


def test_images_are_varied_at_random_along_each_set_and_compared_with_themselves(
    found: WalkFindings, finished: AnalysisState, eigenvectors: Tensor
) -> None:
    variations = found.variations
    assert variations is not None
    assert (variations.embedding, variations.images, variations.directions) == ("blurred", 40, 6)
    assert variations.spaces == {"hessian": "z"} | dict.fromkeys(
        ("ganspace_pca", "ica_mixing", "ica_unmixing", "random"), "w"
    )
    assert list(variations.strengths) == [3, 6]
    assert all(np.isfinite(distances).all() for distances in variations.distances.values())
    tensors = finished.tensors
    torch.testing.assert_close(tensors["varied directions/hessian"], eigenvectors.T)
    originals = torch.cat([tensors[f"varied images/originals/{chunk:04d}"] for chunk in range(2)])
    mean, covariance = moments(originals)
    for name, measured in variations.distances.items():
        varied = torch.cat([tensors[f"varied images/{name}/{chunk:04d}"] for chunk in range(2)], dim=1)
        for rows, distance in zip(varied, measured, strict=True):
            one, spread = moments(rows)
            root = sqrtm(spread @ covariance).real
            expected = ((one - mean) ** 2).sum() + np.trace(spread + covariance - 2 * root)
            np.testing.assert_allclose(distance, expected, rtol=1e-5, atol=1e-9)


def test_a_varied_image_is_one_step_along_one_direction_of_its_set(
    finished: AnalysisState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The features are those of w + s σ α v for one α in [−1, 1] and one v, whatever the strength s."""
    rendered = []

    def latents_alone(generator: Generator, embedding: EmbeddingDistance, latents: Tensor, space: str) -> Tensor:
        rendered.append((latents, space))
        return latents.float()

    monkeypatch.setattr(variation_units, "embedded_images", latents_alone)
    generator = tiny_style()
    analysis = variation_units.VariationAnalysis(generator, Blurred(), "z", "eigenvectors", seed=1)
    units = analysis.units()
    units["varied images/originals/0000"](finished)
    units["varied images/ganspace_pca/0000"](finished)
    (drawn, first), (moved, second) = rendered
    assert (first, second) == ("z", "w")
    starts = mapping_of(generator)(drawn)
    weak, strong = ((part - starts) / generator.space("w").prior.spread() for part in moved.double().split(20))
    torch.testing.assert_close(strong, 2 * weak, rtol=1e-3, atol=1e-4)
    shares = weak @ finished.tensors["varied directions/ganspace_pca"].T
    # Along one direction of an orthonormal set alone, by at most 3.
    ranked = shares.abs().sort(dim=1, descending=True).values
    assert (ranked[:, 0] <= 3).all()
    assert ranked[:, 1].max() < 1e-3
    assert (shares.abs().argmax(dim=1).unique().numel(), len(ranked[:, 0].unique())) > (2, 19)


class GaussianImages(Linear):
    """One grey pixel for each of 64 independent normal coordinates: x = ½ + z / 10."""

    def __init__(self, image_shape: tuple[int, int, int] = (1, 8, 8)) -> None:
        super().__init__(torch.eye(64) / 10, image_shape)
        self.spaces = {"z": LatentSpace("z", 64, StandardNormal())}


def random_walks(generator: Generator, positions: int) -> WalkFindings:
    """Of walks under MSE, with Fréchet distances of pixels where there are pictures."""
    analysis = WalkAnalysis(generator, distances.load("mse"), "z", positions=positions, embedding=Euclidean())
    return analysis.result(run(analysis, analysis.init(torch.eye(64, dtype=torch.float64))))


def test_image_distances_of_random_walks_follow_the_chord_of_each_kind() -> None:
    found = random_walks(GaussianImages(), 3).walk_distances
    assert found is not None
    steps = found.steps
    assert list(steps) == [2, 4, 6, 8, 10]
    assert all(each.shape == (3, 2, 5) for each in found.distances.values())
    # The mean square over 64 pixels that are z / 10, in [−1, 1].
    squares = {name: 1600 * each for name, each in found.distances.items()}
    np.testing.assert_allclose(squares["linear"], np.broadcast_to(steps**2, (3, 2, 5)), rtol=1e-4)
    # The chord of the arc s, c(s) = (2 r sin(s/2r))², the same in both directions; c(2) and c(4) give the radius r.
    chords = squares["spherical"]
    np.testing.assert_allclose(chords[:, 0], chords[:, 1], rtol=1e-4)
    radii = np.sqrt(chords[..., 0] ** 2 / (4 * chords[..., 0] - chords[..., 1]))
    np.testing.assert_allclose(chords[..., 4], (2 * radii * np.sin(5 / radii)) ** 2, rtol=1e-2)
    # A step as long as the radius (about 8), scaled back, goes less far than its length along the circle.
    assert (squares["density_preserving"][..., 4] < chords[..., 4]).all()


def test_walks_that_keep_the_density_draw_from_the_prior_and_straight_ones_do_not() -> None:
    """What Table 1 states, where it can be computed: N(0, I) is N(0, I) after a random walk that keeps the norm.

    Straight, z + ε u has the covariance (1 + ε²/n) I.
    """
    found = random_walks(GaussianImages(), 10).walk_quality
    assert found is not None
    assert (found.embedding, found.images, list(found.strides)) == ("euclidean", 120, [5, 10])
    for name in ("spherical", "density_preserving"):
        np.testing.assert_allclose(found.distances[name], found.unmoved, rtol=0.1)
    # n ((1 + ε²/n)^½ − 1)² in units of the pixels, on top of what the number of images makes.
    rises = 64 * (np.sqrt(1 + found.strides**2 / 64) - 1) ** 2 / 100
    assert (found.distances["linear"] > found.unmoved + 0.5 * rises).all()
    assert found.distances["linear"][1] > 1.5 * found.unmoved


def test_fewer_positions_take_fewer_images_and_more_take_no_more() -> None:
    for positions, images in ((1, 12), (12, 120)):
        quality = random_walks(GaussianImages(), positions).walk_quality
        assert quality is not None
        assert quality.images == images


def test_what_is_no_picture_has_image_distances_of_random_walks_alone() -> None:
    generator = GaussianImages((64, 1, 1))
    assert not WalkAnalysis.needs_embedding(generator, "z")
    assert WalkAnalysis.needs_embedding(GaussianImages(), "z")
    found = random_walks(generator, 1)
    assert found.walk_distances is not None
    assert found.walk_quality is None


def test_independent_components_that_do_not_settle_are_no_number_and_the_other_sets_are(
    monkeypatch: pytest.MonkeyPatch, eigenvectors: Tensor
) -> None:
    def unsettled(*_: object, **__: object) -> None:
        raise PullbackError("6 independent components of 500 samples do not settle")

    monkeypatch.setattr(variation_units, "ganspace_ica", unsettled)
    analysis = WalkAnalysis(tiny_style(), distances.load("mse"), "w", positions=1, embedding=Blurred())
    found = analysis.result(run(analysis, analysis.init(eigenvectors))).variations
    assert found is not None
    assert found.spaces["hessian"] == "w"
    finite = {name: bool(np.isfinite(each).all()) for name, each in found.distances.items()}
    assert finite == {"hessian": True, "ganspace_pca": True, "ica_mixing": False, "ica_unmixing": False, "random": True}


def test_what_a_generator_lacks_is_not_measured(tiny_generator: Generator) -> None:
    plain = WalkAnalysis(tiny_generator, distances.load("mse"), "z", positions=1, embedding=Blurred())
    result = plain.result(run(plain, plain.init(torch.eye(8, dtype=torch.float64))))
    assert (result.warpage, result.perturbations, result.variations) == (None, {}, None)
    assert len(result.drifts) == 3
    # The prior of w is not normal: its walks keep no density, and the other units are those of z.
    names = {space: set(_names(space)) for space in ("z", "w")}
    assert {name.split("/")[0] for name in names["z"] - names["w"]} == {
        "density drift",
        "distances of random walks",
        "images of random walks",
    }


def _names(space: str) -> list[str]:
    """Phases of an analysis in a space, made by a step each."""
    analysis = WalkAnalysis(tiny_style(), distances.load("mse"), space, positions=1, embedding=Blurred())
    state = analysis.init(torch.from_numpy(rotation(6)))
    names = []
    while not (phase := analysis.phase(state)).startswith("global"):
        names.append(phase)
        state = analysis.step(state)
    return names


def test_what_cannot_be_measured_is_refused(analysis: WalkAnalysis, eigenvectors: Tensor) -> None:
    with pytest.raises(InvalidInputError, match="at least 1 position, but 0 came"):
        WalkAnalysis(tiny_style(), distances.load("mse"), "z", positions=0, embedding=Blurred())
    with pytest.raises(InvalidInputError, match="give the embedding that it is taken in"):
        WalkAnalysis(tiny_style(), distances.load("mse"), "z")
    with pytest.raises(InvalidInputError, match="random walks by a Fréchet distance; give the embedding"):
        WalkAnalysis(GaussianImages(), distances.load("mse"), "z")
    with pytest.raises(InvalidInputError, match=r"distance 'blurred' on cpu in torch\.float64"):
        WalkAnalysis(tiny_style(), distances.load("mse"), "z", embedding=Blurred().double())
    with pytest.raises(InvalidInputError, match=r"6 eigenvectors of 6 coordinates, but shape \(8, 8\) came"):
        analysis.init(torch.eye(8, dtype=torch.float64))
    with pytest.raises(InvalidInputError, match=r"0 of \d+ units are done"):
        analysis.result(analysis.init(eigenvectors))
