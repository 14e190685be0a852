"""DP-LaSE: what its training keeps, learns and gives, and that it goes on where it stood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from draining import drained
from pullback.directions.methods.dp_lase.density import Density
from pullback.directions.methods.dp_lase.losses import (
    density_change,
    likelihood,
    monotonicity,
    orthogonality,
    variation,
)
from pullback.directions.methods.dp_lase.training import DpLase, DpLaseState
from pullback.directions.methods.dp_lase.walks import LearntPrior
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import Generator, LatentSpace, StyleGan2
from pullback.generators.generator import Prior
from pullback.generators.priors import StandardNormal
from tiny_style import tiny_style
from toys import Linear

LEARNT = ("directions", "density.first", "density.line", "correction.weights.5")


@pytest.fixture(scope="module")
def style() -> StyleGan2:
    return tiny_style()


@dataclass(frozen=True)
class Scaled(Prior):
    """N(0, I) in units of its own."""

    unit: float

    def sample(self, n: int, dim: int, rng: torch.Generator) -> torch.Tensor:
        return self.unit * torch.randn(n, dim, generator=rng)

    def spread(self) -> float:
        return self.unit


def trained(training: DpLase) -> DpLaseState:
    state = training.init()
    while not training.done(state):
        state = training.step(state)
    return state


def normal_linear(matrix: torch.Tensor) -> Linear:
    """x = ½ + A z with one pixel of so many channels, under N(0, I)."""
    generator = Linear(matrix, (len(matrix), 1, 1))
    generator.spaces = {"z": LatentSpace("z", matrix.shape[1], StandardNormal())}
    return generator


def test_walks_under_a_normal_prior_keep_the_norm(tiny_generator: Generator) -> None:
    training = DpLase(tiny_generator, "z", 3, samples=2)
    starts = tiny_generator.space("z").sample(4, 0)
    steps = torch.linspace(-10, 10, 12).reshape(4, 3)
    for state in (training.init(), trained(training)):
        norms = training.move(state, starts, steps).norm(dim=-1)
        torch.testing.assert_close(norms, starts.norm(dim=-1)[:, None].expand(4, 3))


def test_walks_without_a_step_stay_where_they_are(tiny_generator: Generator, style: StyleGan2) -> None:
    for generator, space, learn in ((tiny_generator, "z", False), (style, "w", True)):
        training = DpLase(generator, space, 2, samples=3, learn_density=learn)
        starts = generator.space(space).sample(3, 0)
        moved = training.move(trained(training), starts, torch.zeros(3, 2))
        torch.testing.assert_close(moved, starts[:, None].expand(-1, 2, -1))


@pytest.mark.parametrize("learn", [False, True])
def test_a_restored_training_goes_on_bit_for_bit(learn: bool, style: StyleGan2) -> None:
    space = "w" if learn else "z"
    training = DpLase(style, space, 3, samples=6, batch=2, learn_density=learn, seed=3)
    through = trained(training)
    state = training.init()
    for _ in range(3):
        state = training.step(state)
    # As a checkpoint keeps it: tensors by name, in any order, taken up by another process.
    state = DpLaseState({name: state.tensors[name].clone() for name in sorted(state.tensors, reverse=True)})
    again = DpLase(style, space, 3, samples=6, batch=2, learn_density=learn, seed=3)
    assert state.step == 3
    while not again.done(state):
        state = again.step(state)
    assert state.tensors.keys() == through.tensors.keys()
    assert all(torch.equal(state.tensors[name], through.tensors[name]) for name in through.tensors)
    np.testing.assert_array_equal(again.result(state).vectors, training.result(through).vectors)


def test_every_step_moves_all_that_is_learnt(style: StyleGan2) -> None:
    training = DpLase(style, "w", 3, learn_density=True)
    before = training.init()
    after = training.step(before)
    assert all(not torch.equal(before.tensors[name], after.tensors[name]) for name in LEARNT)
    assert torch.equal(before.tensors["unit"], after.tensors["unit"])


def test_another_seed_gives_other_directions_and_the_same_one_the_same(tiny_generator: Generator) -> None:
    first, same, other = (
        DpLase(tiny_generator, "z", 2, samples=2, seed=seed).init().tensors["directions"] for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_the_directions_found_are_those_that_change_the_features_most() -> None:
    # Along two of the eight coordinates the image changes ten times as much as along the others.
    strengths = torch.tensor([1.0, 1, 10, 1, 1, 10, 1, 1])
    generator = normal_linear(torch.diag(strengths))
    training = DpLase(generator, "z", 2, samples=150, batch=8, reach=3.0, rate=0.03)
    found = training.result(trained(training))
    shares = (found.vectors[:, [2, 5]] ** 2).sum(axis=1)
    assert shares.min() > 0.95
    assert found.values[0] >= found.values[1] > 0


@pytest.mark.parametrize(("space", "learn"), [("z", False), ("w", True)])
def test_directions_are_orthonormal_whatever_the_density_asks_for(space: str, learn: bool, style: StyleGan2) -> None:
    training = DpLase(style, space, 4, samples=15, rate=0.05, learn_density=learn)
    found = training.result(trained(training))
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(4), atol=1e-9)


def test_a_space_in_other_units_has_the_same_directions() -> None:
    matrix = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    found = []
    for unit in (1.0, 4.0):
        generator = normal_linear(matrix / unit)
        generator.spaces = {"z": LatentSpace("z", 4, Scaled(unit))}
        training = DpLase(generator, "z", 2, samples=10, rate=0.01, learn_density=True)
        found.append(training.result(trained(training)))
    np.testing.assert_allclose(found[0].vectors, found[1].vectors, atol=1e-3)
    np.testing.assert_allclose(found[0].values, found[1].values, rtol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_no_direction_ranks_above_another_for_the_lengths_of_its_walks(seed: int) -> None:
    # Every direction of this generator is as good as any other.
    training = DpLase(normal_linear(torch.eye(40)), "z", 10, samples=1, seed=seed)
    found = training.result(trained(training))
    assert found.values[0] < 1.4 * found.values[-1]


def test_a_result_says_where_it_came_from(style: StyleGan2) -> None:
    training = DpLase(style, "w", 4, samples=1, learn_density=True, layers=[3, 1], seed=5)
    found = training.result(trained(training))
    assert found.vectors.shape == (4, 6)
    assert found.layers == (1, 3)
    assert found.rates is None
    assert list(found.values) == sorted(found.values, reverse=True)
    origin = found.origin
    assert (origin.generator, origin.weights_hash) == (style.name, style.weights_hash)
    assert (origin.space, origin.method) == ("w", "dp_lase")
    assert origin.settings["layer"] == "16 px"
    assert origin.settings["seed"] == "5"
    assert origin.settings["learn_density"] == "True"


def test_layers_on_which_a_step_does_not_act_stay_as_they_are(style: StyleGan2) -> None:
    # The maps at 16 px are made before the last layer, which colours the image.
    behind = DpLase(style, "w", 1, samples=1, learn_density=True, layers=[5])
    assert behind.result(trained(behind)).values == pytest.approx(0, abs=1e-10)
    whole = DpLase(style, "w", 1, samples=1, learn_density=True)
    assert whole.result(trained(whole)).values > 1e-3


def test_others_have_their_turn_while_directions_are_ranked(tiny_generator: Generator) -> None:
    training = DpLase(tiny_generator, "z", 3, samples=2)
    state = trained(training)
    turns, found = drained(training.result_in_pieces(state))
    assert turns == 16
    assert found.to_bytes() == training.result(state).to_bytes()


def test_there_is_no_result_before_the_last_step(style: StyleGan2) -> None:
    training = DpLase(style, "z", 1, samples=2)
    with pytest.raises(InvalidInputError, match="1 of 2 steps are made; make the others first"):
        training.result(training.step(training.init()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 7}, "between 1 and 6 directions of space 'z' can be had, but 7 came"),
        ({"samples": 0}, "samples and batch are 1 or more, but 0 and 1 came"),
        ({"reach": 0.0}, "reach and rate are above 0, finite, but 0.0 and 0.001 came"),
        ({"rate": float("inf")}, "finite, but 10.0 and inf came"),
        ({"space": "w"}, "the prior of space 'w' is not normal; set learn_density"),
        ({"layers": (0,)}, "along a direction of 'w', but this is one of 'z'"),
        ({"space": "w", "learn_density": True, "layers": (6,)}, "has the layers 0 to 5, but 6 came"),
        ({"seed": -1}, "a seed is a whole number from 0 on"),
    ],
)
def test_what_cannot_be_trained_is_refused(options: dict[str, Any], message: str, style: StyleGan2) -> None:
    with pytest.raises(InvalidInputError, match=message):
        DpLase(style, **{"space": "z", "k": 2, **options})


def test_an_unknown_layer_or_a_dead_one_is_refused(style: StyleGan2) -> None:
    with pytest.raises(UnknownNameError, match="known: 4 px, 8 px, 16 px, image"):
        DpLase(style, "z", 2, layer="32 px")
    with pytest.raises(InvalidInputError, match="the features of layer 'image' do not change with 'z'"):
        DpLase(normal_linear(torch.zeros(3, 4)), "z", 1).init()


def test_a_distribution_function_ascends_from_0_to_1() -> None:
    network = Density(torch.Generator().manual_seed(0))
    values = torch.linspace(-20, 20, 2001, dtype=torch.float64)
    found, log_slopes = network.double()(values)
    assert found.min() > 0
    assert found.max() < 1
    assert (found.diff() >= 0).all()
    assert found[0] < 1e-3
    assert found[-1] > 1 - 1e-3
    assert log_slopes.isfinite().all()


def test_the_density_is_the_derivative_of_the_distribution_function() -> None:
    network = Density(torch.Generator().manual_seed(0)).double()
    values = torch.linspace(-3, 3, 50, dtype=torch.float64, requires_grad=True)
    found, log_slopes = network(values)
    (slopes,) = torch.autograd.grad(found.sum(), values)
    torch.testing.assert_close(log_slopes.exp(), slopes)


def test_the_density_of_two_hills_is_learnt() -> None:
    rng = torch.Generator().manual_seed(0)
    drawn = 0.5 * torch.randn(4000, 2, generator=rng) + 1.5 * torch.randn(4000, 2, generator=rng).sign()
    walks = LearntPrior(drawn, 10.0, rng)
    weights = {name: tensor.requires_grad_() for name, tensor in walks.weights().items() if "density" in name}
    adam = torch.optim.Adam(weights.values(), lr=0.04)
    for part in drawn.repeat(4, 1).split(100):
        adam.zero_grad()
        likelihood(walks.log_density(weights, part)).backward()
        adam.step()
    places = torch.linspace(-2.5, 2.5, 11)
    with torch.no_grad():
        # Counted in deviations of the coordinate.
        learnt = walks.log_density(weights, places[:, None].expand(-1, 2).contiguous()).exp() / drawn.std(dim=0)
    hills = [torch.exp(-((places - center) ** 2) / (2 * 0.5**2)) / (2 * torch.pi) ** 0.5 for center in (-1.5, 1.5)]
    torch.testing.assert_close(learnt[:, 0], hills[0] + hills[1], atol=0.06, rtol=0)


def test_a_learnt_correction_keeps_the_density_of_a_prior_that_it_was_not_told() -> None:
    generator = normal_linear(torch.eye(4))
    options: dict[str, Any] = {"reach": 3.0, "rate": 1e-2, "samples": 100, "batch": 64, "learn_density": True}
    training = DpLase(generator, "z", 2, **options)
    starts, steps = generator.space("z").sample(200, 99), torch.full((200, 2), 2.0)
    drifts = []
    for state in (training.init(), trained(training)):
        moved = training.move(state, starts, steps)
        # log N(z_dp; 0, I) − log N(z₀; 0, I)
        drift = (starts.square().sum(dim=-1)[:, None] - moved.square().sum(dim=-1)) / 2
        drifts.append(drift.square().mean().sqrt())
    assert drifts[1] < 0.5 * drifts[0]


def test_the_losses_are_those_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    slopes = rng.uniform(0, 0.05, (3, 5)).astype(np.float32)
    logs = torch.from_numpy(np.log(slopes))
    assert monotonicity(logs) == pytest.approx(np.maximum(0, 0.01 - slopes).sum(axis=1).mean(), rel=1e-4)
    assert likelihood(logs) == pytest.approx(-np.log(slopes).sum(axis=1).mean(), rel=1e-5)
    after = rng.normal(size=(3, 2, 5))
    change = (np.log(slopes).sum(axis=1)[:, None] - after.sum(axis=2)) ** 2
    found = density_change(logs.double(), torch.from_numpy(after))
    assert found == pytest.approx(change.sum(axis=1).mean(), rel=1e-6)
    changes = rng.normal(size=(3, 4, 6))
    expected = 0.0
    for item in changes:
        expected -= (item**2).sum()
        expected += 0.001 * sum((item[j] @ item[h]) ** 2 for j in range(4) for h in range(4) if j != h)
    assert variation(torch.from_numpy(changes)) == pytest.approx(expected / 3)
    directions = rng.normal(size=(2, 5))
    deviation = np.linalg.norm(directions @ directions.T - np.eye(2)) ** 2
    assert orthogonality(torch.from_numpy(directions)) == pytest.approx(deviation)
