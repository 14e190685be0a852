"""Spaces that are not blocks of the generator's input: metrics, inversion and search in z, w and w+ of a StyleGAN2."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import jacrev

from inverting import drive
from pullback.analysis.metric_analysis import MetricAnalysis
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import CatalogueEntry, SpaceEntry, StyleGan2, shuffle_weights
from pullback.geometry import global_metric, metric_tensor
from pullback.geometry.seeding import derive_seed
from pullback.inversion import (
    BasinCMA,
    LevenbergMarquardt,
    LossWeights,
    Problem,
    Query,
    StartBank,
    draw_starts,
    evaluate,
    invert,
    make_bank,
    make_starts,
    mean_starts,
)
from pullback.inversion.problems.blocks import moving_blocks
from pullback.inversion.problems.classes import class_space
from pullback.inversion.problems.residual import residual_of
from pullback.search import catalogue_space, measured_blocks
from pullback.weights import WeightsSource
from pullback_server.specs.classes import preconditioning_space
from pullback_server.specs.eigenbasis import blocks_of
from tiny_style import NAME, SPACES, tiny_style
from toys import Curved, Euclidean

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

WITH_SPACES = pytest.mark.parametrize("space", ["z", "w", "w+"])
LAYERS, DIM = 6, 6
SOURCE = WeightsSource("path", "/nowhere/style.pt", "1" * 64)
ENTRY = CatalogueEntry(NAME, "Seeded styles", "stylegan2", SPACES, "w+", (3, 16, 16), SOURCE)
# w ↦ w in every layer
REPEATED = torch.eye(DIM).repeat(LAYERS, 1).double()


def generator64() -> StyleGan2:
    return tiny_style().double()


def problem_in(space: str, images: int = 1, *, single: bool = False, **options: object) -> Problem:
    """Targets that the generator can render."""
    generator = tiny_style() if single else generator64()
    distance = Euclidean(0.01) if single else Euclidean(0.01).double()
    z = generator.space("z").sample(images, seed=5).to(generator.dtype)
    return Problem(generator, distance, space, generator.render(z, "z"), **options)


# Metrics -------------------------------------------------------------------------------------------------------------


@WITH_SPACES
@pytest.mark.parametrize("method", ["gram", "gauss_newton", "full_backprop"])
def test_the_metric_at_a_latent_is_that_of_autograds_jacobian(space: str, method: str):
    generator, distance = generator64(), Curved().double()
    latent = generator.space(space).sample(1, seed=2)[0].double()
    jacobian = jacrev(lambda z: distance.embed(generator.render(z[None], space))[0])(latent)
    found = metric_tensor(generator, distance, latent, space, method)
    torch.testing.assert_close(found, 2 * jacobian.T @ jacobian, rtol=1e-8, atol=1e-10)


def test_metrics_of_the_spaces_are_pulled_back_from_one_to_the_other():
    generator, distance = generator64(), Curved().double()
    z = generator.space("z").sample(1, seed=2)[0].double()
    w = generator.map(z[None], "z")[0]
    of_z, of_w, of_plus = (
        metric_tensor(generator, distance, latent, space)
        for latent, space in ((z, "z"), (w, "w"), (w.repeat(LAYERS), "w+"))
    )
    # H_w = Rᵀ H_w+ R and H_z = Mᵀ H_w M, M = ∂w/∂z
    torch.testing.assert_close(of_w, REPEATED.T @ of_plus @ REPEATED, rtol=1e-9, atol=1e-11)
    mapping = jacrev(lambda each: generator.map(each[None], "z")[0])(z)
    torch.testing.assert_close(of_z, mapping.T @ of_w @ mapping, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("method", "samples"), [("gram", 3), ("sketch", 40)])
def test_an_average_over_w_is_the_pulled_back_average_over_w_plus(method: str, samples: int):
    generator, distance = generator64(), Curved().double()
    of_w, of_plus = (
        global_metric(generator, distance, space, method=method, samples=samples, seed=3).metric
        for space in ("w", "w+")
    )
    repeated = REPEATED.numpy()
    np.testing.assert_allclose(of_w, repeated.T @ of_plus @ repeated, rtol=1e-8, atol=1e-9)


def test_an_average_over_z_is_that_of_metrics_at_its_draws():
    generator, distance = generator64(), Curved().double()
    draw = generator.space("z").sample(1, derive_seed(4, 0, 0))[0].double()
    basis = global_metric(generator, distance, "z", method="gram", samples=1, seed=4)
    expected = metric_tensor(generator, distance, draw, "z")
    np.testing.assert_allclose(basis.metric, expected, rtol=1e-9, atol=1e-11)
    assert (basis.provenance.space, basis.dim) == ("z", DIM)


def test_nothing_is_drawn_around_a_space_that_leaves_no_coordinate_open(monkeypatch: pytest.MonkeyPatch):
    generator, distance = tiny_style(), Euclidean()

    def drawn(*_: object) -> Tensor:
        raise AssertionError("a context was drawn")

    monkeypatch.setattr(type(generator.space("w+").prior), "sample", drawn)
    assert global_metric(generator, distance, "z", samples=20).dim == DIM


@WITH_SPACES
def test_a_whole_analysis_is_made_of_every_space_and_walks_its_axes_in_units_of_the_priors_spread(space: str):
    generator = tiny_style()
    analysis = MetricAnalysis(generator, Euclidean(), space, positions=2, control_positions=2)
    state = analysis.init()
    while not analysis.done(state):
        state = analysis.step(state)
    found = analysis.result(state)
    assert found.spectrum.eigenvalues.shape == (2, generator.space(space).dim)
    assert [layer.layer for layer in found.layers] == ["4 px", "8 px", "16 px", "image"]
    assert found.axes[0].steps[-1] == pytest.approx(3 * generator.space(space).prior.spread())


def test_the_shuffled_control_has_the_same_spaces():
    control = shuffle_weights(tiny_style(), seed=0)
    latents = tiny_style().space("w").sample(2, seed=0)
    assert control.render(latents, "w").shape == (2, 3, 16, 16)
    assert not torch.equal(control.render(latents, "w"), tiny_style().render(latents, "w"))


# Inversion -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def banks() -> dict[str, StartBank]:
    """Banks of all spaces."""
    return {space: make_bank(tiny_style(), Euclidean(0.01), space, size=200, rank=16) for space in ("z", "w", "w+")}


@WITH_SPACES
def test_the_default_method_with_a_bank_finds_images_that_the_generator_can_draw(
    space: str, banks: dict[str, StartBank]
):
    problem = problem_in(space, 2, single=True)
    basis = global_metric(problem.generator, problem.distance, space, samples=200)
    found = invert(problem, eigenbasis=basis, bank=banks[space], restarts=2, steps=80)
    drawn = evaluate(problem, Query(draw_starts(problem, 16), gradient=False)).loss
    assert (found.losses < 0.05 * drawn.mean(dim=1)).all()
    assert (found.losses < found.trace_loss[:, :, 0].amin(dim=1)).all()
    torch.testing.assert_close(problem.generator.render(found.latents, space), found.images, rtol=1e-4, atol=1e-4)
    assert found.latents.shape == (2, problem.latent_dim)


@WITH_SPACES
def test_the_loss_holds_the_penalty_of_the_spaces_own_prior(space: str):
    problem = problem_in(space, weights=LossWeights(distance=0.7, l2=0.0, prior=0.3))
    points = draw_starts(problem, 3, seed=1)
    evaluation = evaluate(problem, Query(points))
    latents = points[0].clone().requires_grad_()
    images = problem.generator.render(latents, space)
    distances = problem.distance(images, problem.targets.expand_as(images))
    losses = 0.7 * distances + 0.3 * problem.generator.space(space).prior.penalty(latents)
    torch.testing.assert_close(evaluation.loss[0], losses.detach())
    torch.testing.assert_close(evaluation.gradient[0], torch.autograd.grad(losses.sum(), latents)[0])


@WITH_SPACES
def test_starts_are_drawn_from_the_spaces_prior_around_its_mean_or_from_its_bank(
    space: str, banks: dict[str, StartBank]
):
    problem = problem_in(space, single=True)
    prior = problem.generator.space(space)
    starts = mean_starts(problem, 3, seed=2)
    assert torch.equal(starts[0, 0], prior.prior.mean(prior.dim))
    assert (starts[0, 1:] - starts[0, 0]).abs().amax() < 0.5 * (draw_starts(problem, 2)[0] - starts[0, 0]).abs().amax()
    from_bank = make_starts(problem, 4, start="bank", bank=banks[space])
    assert from_bank.shape == (1, 4, prior.dim)
    assert all((banks[space].latents == start).all(dim=1).any() for start in from_bank[0, 1:])
    with pytest.raises(InvalidInputError, match="the bank was made for something else: space"):
        make_starts(problem, 4, start="bank", bank=banks["w" if space == "z" else "z"])


@pytest.mark.parametrize("space", ["w", "w+"])
def test_a_truncation_holds_w_within_standard_deviations_of_its_mean(space: str):
    problem = problem_in(space, truncation=0.5)
    found = invert(problem, "adam", restarts=2, steps=20, learning_rate=0.3)
    prior = problem.generator.prior
    offsets = (found.latents.reshape(-1, DIM) - prior.center).abs() / prior.deviations
    assert offsets.max() == pytest.approx(0.5)


@WITH_SPACES
def test_the_gram_matrix_of_a_residual_has_the_curvature_of_the_spaces_prior(space: str):
    problem = problem_in(space, weights=LossWeights(prior=0.2))
    points = draw_starts(problem, 1, seed=4)
    jacobian = jacrev(residual_of(problem, points[0, 0], 0))(points[0, 0])
    prior = problem.generator.space(space).prior
    curvature = torch.autograd.functional.hessian(prior.penalty, points[0, 0])
    gram = evaluate(problem, Query(points, gram="residual")).gram
    torch.testing.assert_close(gram[0, 0], jacobian.T @ jacobian + 0.1 * curvature, rtol=1e-4, atol=1e-6)


def test_levenberg_marquardt_ends_where_the_gradient_with_the_prior_of_w_vanishes():
    problem = problem_in("w", weights=LossWeights(prior=0.01))
    found, _ = drive(LevenbergMarquardt(steps=15), problem, mean_starts(problem, 1))
    evaluation = evaluate(problem, Query(found.latents[:, None]))
    assert evaluation.gradient.norm() < 1e-5


@pytest.mark.parametrize("space", ["w", "w+"])
def test_basin_cma_draws_candidates_in_units_of_the_priors_spread(space: str):
    problem = problem_in(space)
    solver = BasinCMA(population=200, outer=1, inner=0, final=0, sigma=0.5, clamp=None)
    starts = mean_starts(problem, 1)
    candidates = solver.ask(problem, solver.init(problem, starts)).points
    deviation = (candidates - starts).square().mean().sqrt()
    assert float(deviation) == pytest.approx(0.5 * problem.generator.prior.spread(), rel=0.15)


def test_a_space_that_is_mapped_moves_in_no_other():
    for moves, space in (("w", "w+"), ("z", "w"), ("z", "w+")):
        with pytest.raises(
            InvalidInputError, match=rf"space '{moves}' is no part of space '{space.replace('+', '.')}'"
        ):
            problem_in(space, moves=moves)
    with pytest.raises(UnknownNameError, match="known: z, w, w"):
        problem_in("v")


@WITH_SPACES
def test_a_space_that_is_mapped_has_no_blocks_and_no_classes(space: str):
    problem = problem_in(space)
    assert [block.name for block in moving_blocks(problem)] == [space]
    with pytest.raises(InvalidInputError, match="holds no class"):
        class_space(problem)


# Search and the catalogue --------------------------------------------------------------------------------------------


def test_a_search_knows_of_w_and_w_plus_what_their_prior_does() -> None:
    generator = tiny_style()
    assert catalogue_space(ENTRY, "").dim == catalogue_space(ENTRY, "z").dim == DIM
    for space, layers in (("w", 1), ("w+", LAYERS)):
        known = measured_blocks(ENTRY, space, generator)
        searched = catalogue_space(ENTRY, space, measured=known)
        assert searched.searched == DIM * layers
        np.testing.assert_allclose(searched.centre * searched.scale, generator.prior.center.repeat(layers), rtol=1e-6)
        np.testing.assert_allclose(searched.scale, generator.prior.spread(), rtol=1e-6)
        assert not searched.around_zero
    assert measured_blocks(ENTRY, "z", generator) == {}


def test_z_and_w_do_not_tile_w_plus_where_their_dimensions_add_up():
    spaces = (SpaceEntry("z", 6, "standard-normal"), SpaceEntry("w", 6, "mapped", 6), SpaceEntry("w+", 12, "mapped"))
    small = CatalogueEntry(NAME, "4 px", "stylegan2", spaces, "w+", (3, 4, 4), SOURCE)
    assert blocks_of(small, "w+") == {}


def test_the_basis_of_w_serves_w_plus_unless_another_is_named() -> None:
    assert [preconditioning_space(space, ENTRY) for space in ("z", "w", "w+")] == ["z", "w", "w"]
