"""Noise maps as variables of an inversion, noise on latents, ramps, and the preset that puts them together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import entry as entry_of
from pullback.generators.style_based.named_layers import noise_shapes
from pullback.geometry import global_metric
from pullback.inversion import (
    PRESETS,
    Adam,
    InversionResult,
    LossWeights,
    NoiseMaps,
    Problem,
    Query,
    TargetSearches,
    evaluate,
    evaluate_together,
    invert,
    make_solver,
    make_starts,
    preset_of,
)
from tiny_style import tiny_style
from toys import Curved, Linear

SHAPES = ((4, 4), (8, 8), (8, 8), (16, 16), (16, 16))
VALUES = 16 + 2 * 64 + 2 * 256
GENERATOR = tiny_style(strength=0.2)
PROJECTOR = PRESETS["projector"]


def targets(count: int, seed: int = 3) -> Tensor:
    with torch.no_grad():
        return GENERATOR.render(GENERATOR.space("z").sample(count, seed), "z")


def problem_of(count: int = 1, space: str = "w+", **options: Any) -> Problem:
    options = {"weights": PROJECTOR.weights, "noise_maps": True} | options
    return Problem(GENERATOR, Curved(), space, targets(count), **options)


def published_regulariser(maps: list[NDArray[np.float64]]) -> float:
    """Karras et al. (2020), appendix D, by indices instead of rolled maps, scales averaged as their code does it."""
    total = 0.0
    for noise in maps:
        scale = noise
        while True:
            rows, columns = scale.shape
            across = sum(scale[i, j] * scale[i, j - 1] for i in range(rows) for j in range(columns)) / scale.size
            down = sum(scale[i, j] * scale[i - 1, j] for i in range(rows) for j in range(columns)) / scale.size
            total += across**2 + down**2
            if rows <= 8:
                break
            scale = scale.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
    return total


def test_the_regulariser_is_the_published_one() -> None:
    noise = NoiseMaps(((4, 4), (16, 16), (32, 32)))
    flat = torch.from_numpy(np.random.default_rng(0).standard_normal((2, noise.values)))
    found = noise.penalty(flat)
    for row, value in zip(flat, found.tolist(), strict=True):
        assert value == pytest.approx(published_regulariser([each.numpy() for each in noise.split(row)]), rel=1e-12)
    # A map that is one grey is as far from noise as can be: every product is 1, at every scale.
    assert noise.penalty(torch.ones(noise.values).double()).item() == pytest.approx(2 * (1 + 2 + 3))


def test_the_regularisers_gradient_is_its_derivative() -> None:
    noise = NoiseMaps(((4, 4), (16, 16)))
    point = torch.randn(noise.values, generator=torch.Generator().manual_seed(1)).double().requires_grad_()
    assert torch.autograd.gradcheck(noise.penalty, point)


def test_maps_are_normalised_each_by_itself() -> None:
    noise = NoiseMaps(SHAPES)
    maps = noise.split(noise.normalized(3 + 7 * torch.randn(2, VALUES, generator=torch.Generator().manual_seed(2))))
    for each in maps:
        torch.testing.assert_close(each.mean(dim=(1, 2)), torch.zeros(2), atol=1e-5, rtol=0)
        torch.testing.assert_close(each.square().mean(dim=(1, 2)), torch.ones(2), atol=1e-5, rtol=0)
    assert torch.equal(noise.normalized(torch.full((VALUES,), 5.0)), torch.zeros(VALUES))


def test_the_catalogue_knows_the_maps_of_a_network() -> None:
    assert GENERATOR.noise_shapes == SHAPES
    found = noise_shapes(entry_of("faces32"))
    assert found == tuple((side, side) for side in (4, 8, 8, 16, 16, 32, 32))
    assert noise_shapes(entry_of("faces")) == ()


def test_a_generator_draws_with_maps_that_are_given() -> None:
    w, noise = GENERATOR.space("w+").sample(2, 5), NoiseMaps.of(GENERATOR)
    own = torch.cat([each.flatten() for each in GENERATOR.network.fixed_noise()])
    assert torch.equal(GENERATOR.render(w, "w+", None, own.expand(2, -1)), GENERATOR.render(w, "w+"))
    other = noise.draw(4)
    drawn = GENERATOR.render(w, "w+", None, other.expand(2, -1))
    assert not torch.allclose(drawn, GENERATOR.render(w, "w+"), atol=1e-3)
    with_it = GENERATOR.with_noise(noise.split(other))
    torch.testing.assert_close(with_it.render(w, "w+"), drawn)
    torch.testing.assert_close(with_it.activations(w)["image"], drawn)
    # The first has its own as before.
    assert torch.equal(torch.cat([each.flatten() for each in GENERATOR.network.fixed_noise()]), own)
    with pytest.raises(InvalidInputError, match="noise maps of"):
        GENERATOR.with_noise(noise.split(other)[:-1])


@pytest.mark.parametrize(
    "generator", [tiny_style(), Linear(torch.eye(12), (3, 2, 2))], ids=["lets no noise through", "has no maps"]
)
def test_where_noise_changes_nothing_none_is_searched(generator: Any) -> None:
    images = torch.rand(1, *generator.image_shape, generator=torch.Generator().manual_seed(0)).to(generator.dtype)
    with pytest.raises(InvalidInputError, match="no noise maps"):
        Problem(generator, Curved().to(generator.dtype), next(iter(generator.spaces)), images, noise_maps=True)


def test_the_losss_gradient_is_its_derivative_in_latents_and_maps() -> None:
    generator = tiny_style(strength=0.2).double()
    weights = LossWeights(1.0, 0.0, 3.0, 0.01, delta=0.3, noise=2.0)
    problem = Problem(generator, Curved().double(), "w+", targets(1).double(), weights=weights, noise_maps=True)
    point = make_starts(problem, 1, 2)
    found = evaluate(problem, Query(point))
    assert found.gradient is not None
    rng = torch.Generator().manual_seed(3)
    for block in (slice(0, 36), slice(36, None)):
        way = torch.zeros_like(point)
        way[..., block] = torch.randn(way[..., block].shape, generator=rng).double()
        step = 1e-6
        ahead, behind = (evaluate(problem, Query(point + sign * step * way, gradient=False)).loss for sign in (1, -1))
        slope = float((found.gradient * way).sum())
        assert float((ahead - behind) / (2 * step)) == pytest.approx(slope, rel=1e-4)


def test_what_layers_differ_in_is_weighed_in_units_of_how_far_w_lies_from_its_mean() -> None:
    plain, weighed = (problem_of(weights=LossWeights(noise=0.0, delta=delta), noise_maps=False) for delta in (0.0, 0.7))
    points = torch.randn(1, 2, 36, generator=torch.Generator().manual_seed(6))
    added = evaluate(weighed, Query(points)).loss - evaluate(plain, Query(points)).loss
    layers = points.double().numpy().reshape(2, 6, 6)
    deltas = ((layers - layers.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1)
    w = GENERATOR.space("w").sample(200_000, 8).double()
    expected = 0.7 * deltas / float((w - w.mean(dim=0)).square().sum(dim=1).mean())
    np.testing.assert_allclose(added[0].numpy(), expected, rtol=0.03)
    # One w in every layer costs nothing.
    same = points[..., :6].repeat(1, 1, 6)
    assert torch.equal(evaluate(weighed, Query(same)).loss, evaluate(plain, Query(same)).loss)
    with pytest.raises(InvalidInputError, match="take space 'w\\+'"):
        problem_of(space="w", weights=LossWeights(delta=0.1))


def test_the_presets_schedule_is_the_published_one() -> None:
    solver = make_solver("adam", preset="projector")
    assert isinstance(solver, Adam)
    assert (solver.steps, solver.betas, solver.thin) == (1000, (0.9, 0.999), False)
    for step in (0, 1, 25, 50, 300, 749, 750, 760, 900, 999):
        t = step / 1000
        down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1.0 - t) / 0.25))
        assert solver.rate(t) == pytest.approx(0.1 * down * min(1.0, t / 0.05), rel=1e-12)
        assert solver.noise_scale(t) == pytest.approx(0.05 * max(0.0, 1.0 - t / 0.75) ** 2, rel=1e-12, abs=1e-15)
    assert (PROJECTOR.space, PROJECTOR.start, PROJECTOR.restarts) == ("w", "mean", 1)
    assert PROJECTOR.weights == LossWeights(1.0, 0.0, 0.0, 0.0, 0.0, 1e5)
    assert (PROJECTOR.distance_for(256), PROJECTOR.distance_for(1024)) == ("lpips-vgg", "lpips-vgg@256")


def test_a_cosine_is_a_ramp_down_over_all_updates() -> None:
    cosine, ramp = Adam(schedule="cosine"), Adam(ramp_down=1.0)
    assert [cosine.rate(t / 10) for t in range(10)] == pytest.approx([ramp.rate(t / 10) for t in range(10)])


def test_what_is_said_holds_besides_a_preset() -> None:
    solver = make_solver("adam", preset="projector", steps=40, learning_rate=0.02, ramp_up=0.0)
    assert isinstance(solver, Adam)
    assert (solver.steps, solver.learning_rate, solver.ramp_up, solver.ramp_down) == (40, 0.02, 0.0, 0.25)
    along = make_solver("hessian_adam", basis="none", preset="projector", learning_rate=0.3)
    assert isinstance(along, Adam)
    assert (along.learning_rate, along.betas, along.ramp_up) == (0.3, (0.9, 0.999), 0.05)
    with pytest.raises(InvalidInputError, match="'projector' is for method 'adam' or 'hessian_adam', but 'lbfgs' came"):
        make_solver("lbfgs", preset="projector")
    with pytest.raises(UnknownNameError, match="projectr"):
        preset_of("projectr")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ramp_up": 1.1}, "0 to 1"),
        ({"ramp_down": -0.1}, "0 to 1"),
        ({"latent_noise": math.inf}, "not negative"),
        ({"noise_ramp": 0.0}, "above 0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        Adam(**options)  # type: ignore[arg-type]


def test_noise_on_latents_is_as_large_as_published_and_falls_to_nothing() -> None:
    problem = problem_of(space="w", noise_maps=False, weights=LossWeights())
    solver = Adam(steps=4, latent_noise=0.05, seed=3)
    starts = make_starts(problem, 100, start="mean")
    state = solver.init(problem, starts)
    noise = solver.evaluated(problem, state) - starts
    deviation = 0.05 * float(GENERATOR.prior.deviations.square().sum().sqrt())
    assert float(noise.std()) == pytest.approx(deviation, rel=0.12)
    assert torch.unique(noise[0], dim=0).shape[0] == 100
    scales = []
    while not solver.terminate(problem, state):
        noise = solver.evaluated(problem, state) - state.coordinates
        scales.append(float(noise.std()))
        state = solver.step(problem, state)
    expected = [deviation * max(0.0, 1 - t / 4 / 0.75) ** 2 for t in range(5)]
    assert scales == pytest.approx(expected, rel=0.15, abs=1e-6)
    # What is returned is what was evaluated, noise and all.
    found = solver.postprocess(problem, state)
    torch.testing.assert_close(
        evaluate(problem, Query(found.restart_latents, gradient=False)).loss, found.restart_losses
    )


def test_in_layers_noise_is_of_each_by_itself() -> None:
    problem = problem_of(noise_maps=False, weights=LossWeights())
    solver = Adam(latent_noise=0.05)
    starts = make_starts(problem, 300, start="mean")
    noise = (solver.evaluated(problem, solver.init(problem, starts)) - starts)[0].unflatten(1, (6, 6))
    assert float(noise.std()) == pytest.approx(0.05 * float(GENERATOR.prior.deviations.norm()), rel=0.05)
    assert float((noise[:, 0] * noise[:, 1]).mean() / noise.square().mean()) == pytest.approx(0, abs=0.1)


def project(count: int = 2, method: str = "adam", **options: Any) -> tuple[Problem, InversionResult]:
    problem = problem_of(count)
    return problem, invert(problem, method, preset="projector", **({"steps": 12, "restarts": 2} | options))


def test_maps_are_found_with_which_the_images_are_drawn_again() -> None:
    problem, found = project()
    assert found.noise is not None
    assert found.restart_noise is not None
    assert (found.noise.shape, found.restart_noise.shape) == ((2, VALUES), (2, 2, VALUES))
    torch.testing.assert_close(GENERATOR.render(found.latents, "w+", None, found.noise), found.images)
    assert not torch.allclose(GENERATOR.render(found.latents, "w+"), found.images, atol=1e-3)
    assert problem.noise is not None
    for each in problem.noise.split(found.noise):
        torch.testing.assert_close(each.square().mean(dim=(1, 2)), torch.ones(2), atol=1e-4, rtol=0)


def test_what_is_found_for_a_target_is_the_same_in_company() -> None:
    _, both = project()
    alone = invert(
        Problem(GENERATOR, Curved(), "w+", targets(2)[1:], weights=PROJECTOR.weights, noise_maps=True),
        "adam",
        preset="projector",
        steps=12,
        restarts=2,
    )
    for name in ("latents", "noise", "trace_loss"):
        assert torch.equal(getattr(alone, name)[0], getattr(both, name)[1])


def test_a_search_goes_on_from_its_tensors_as_if_it_never_had_been_interrupted() -> None:
    problem, expected = project()
    solver = make_solver("adam", preset="projector", steps=12)
    searches = TargetSearches.begin(solver, problem, make_starts(problem, 2, start="mean"))
    for step in range(13):
        if step in {1, 6}:
            searches = TargetSearches.restore(solver, problem_of(2), searches.to_tensors())
        searches = searches.tell(evaluate_together(*zip(*searches.ask(), strict=True)))
    found = searches.result()
    for name in ("latents", "noise", "losses", "trace_loss", "restart_noise"):
        assert torch.equal(getattr(found, name), getattr(expected, name))


def test_searches_with_and_without_maps_are_evaluated_side_by_side() -> None:
    noisy, plain = problem_of(), problem_of(noise_maps=False)
    plain.distance = noisy.distance
    queries = [Query(make_starts(each, 2, 5)) for each in (noisy, plain)]
    together = evaluate_together([noisy, plain], queries)
    for problem, query, found in zip((noisy, plain), queries, together, strict=True):
        alone = evaluate(problem, query)
        assert torch.equal(found.loss, alone.loss)
        assert found.gradient is not None
        assert alone.gradient is not None
        assert torch.equal(found.gradient, alone.gradient)


def test_along_the_axes_of_the_metric_maps_move_as_they_do_without() -> None:
    basis = global_metric(GENERATOR, Curved(), "w", samples=50)
    problem = problem_of()
    starts = make_starts(problem, 1, start="mean")
    options: Any = {"ramp_up": 0.0, "latent_noise": 0.0, "learning_rate": 0.1}
    states = []
    for method in ("adam", "hessian_adam"):
        eigenbasis = basis if method == "hessian_adam" else None
        solver = make_solver(method, eigenbasis=eigenbasis, preset="projector", **options)
        state = solver.step(problem, solver.init(problem, starts))
        states.append(solver.ask(problem, state).points)
    plain, along = states
    torch.testing.assert_close(along[..., 36:], plain[..., 36:], atol=1e-4, rtol=0)
    assert not torch.allclose(along[..., :36], plain[..., :36], atol=1e-3)
    _, found = project(1, "hessian_adam", eigenbasis=basis, steps=8)
    assert found.losses.isfinite().all()


def test_a_local_metric_is_that_under_the_maps_of_the_search() -> None:
    problem, points = problem_of(), make_starts(problem_of(), 1, 1)
    gram = evaluate(problem, Query(points, gram="embedding")).gram
    other = points.clone()
    other[..., 36:] *= -1
    moved = evaluate(problem, Query(other, gram="embedding")).gram
    assert gram is not None
    assert moved is not None
    assert not torch.allclose(gram, moved, rtol=1e-3)


@pytest.mark.parametrize("method", ["lbfgs", "basin_cma", "levenberg_marquardt"])
def test_other_methods_move_no_maps(method: str) -> None:
    options: Any = {"basis": "none"} if method == "lbfgs" else {}
    with pytest.raises(InvalidInputError, match="noise maps"):
        invert(problem_of(), method, start="mean", **options)


def test_each_restart_starts_with_noise_of_its_own_and_each_target_with_the_same() -> None:
    starts = make_starts(problem_of(2), 3, 9, start="mean")[..., 36:]
    assert torch.equal(starts[0], starts[1])
    assert not torch.allclose(starts[0, 0], starts[0, 1])
    assert torch.equal(make_starts(problem_of(), 1, 9)[0, :, 36:], starts[0, :1])
