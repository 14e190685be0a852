"""The metric averaged over a space: sketch, means over positions, steps, checkpoints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from pullback.errors import InvalidInputError, PullbackError, UnknownNameError
from pullback.geometry import EstimatorState, StoppedError, global_metric, metric_estimator, metric_tensor
from pullback.geometry.seeding import derive_seed
from toys import Bounded, Curved, Euclidean, Linear, Poisoned, Smooth

METHODS = ["sketch", "gram"]
POINTWISE = ["gram", "gram_iteration", "gauss_newton", "full_backprop", "backward_iteration", "forward_iteration"]


def linear(dim: int = 5) -> Linear:
    scales = torch.tensor([3.0, 1.0, 0.5, 0.2, 0.1, 0.05])[:dim]
    return Linear(torch.randn(12, dim, generator=torch.Generator().manual_seed(0)) * scales, (3, 2, 2))


def test_gram_of_a_linear_generator_is_its_constant_metric() -> None:
    generator = linear()
    basis = global_metric(generator, Euclidean(), "z", method="gram", samples=3)
    matrix = generator.matrix.double().numpy()
    np.testing.assert_allclose(basis.metric, 2 * matrix.T @ matrix, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", POINTWISE)
def test_it_is_the_mean_of_the_metrics_at_draws_from_the_prior(method: str) -> None:
    generator, distance = Smooth(), Curved()
    basis = global_metric(generator, distance, "z", method=method, samples=4, seed=9)
    latents = [generator.space("z").sample(1, derive_seed(9, i, 0))[0] for i in range(4)]
    mean = torch.stack([metric_tensor(generator, distance, z, "z", method, seed=9) for z in latents]).mean(dim=0)
    np.testing.assert_allclose(basis.metric, mean.numpy(), rtol=1e-9, atol=1e-12)
    assert (basis.provenance.method, basis.provenance.samples) == (method, 4)


def test_an_iteration_averages_the_eigenpairs_that_are_asked_for() -> None:
    generator = linear()
    basis = global_metric(generator, Euclidean(), "z", method="gram_iteration", samples=2, k=2)
    exact = np.linalg.eigvalsh(2 * generator.matrix.double().numpy().T @ generator.matrix.double().numpy())[::-1]
    np.testing.assert_allclose(basis.eigenvalues, [*exact[:2], 0, 0, 0], rtol=1e-5, atol=1e-5)


def test_a_distance_without_embedding_is_averaged_by_second_derivatives_and_has_no_sketch() -> None:
    basis = global_metric(Smooth(), Bounded(), "z", method="full_backprop", samples=3)
    euclidean = global_metric(Smooth(), Euclidean(), "z", method="full_backprop", samples=3)
    np.testing.assert_allclose(basis.metric, euclidean.metric, rtol=1e-4, atol=1e-5)
    for method in METHODS:
        with pytest.raises(
            InvalidInputError, match=r"'bounded' has no embedding, .*: gauss_newton, full_backprop, backward_it"
        ):
            global_metric(Smooth(), Bounded(), "z", method=method, samples=3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_sketch_converges_to_a_constant_metric_at_the_rate_of_theory(seed: int) -> None:
    generator, probes = linear(), 3000
    basis = global_metric(generator, Euclidean(), "z", samples=probes, seed=seed, batch_size=100)
    matrix = generator.matrix.double().numpy()
    exact = 2 * matrix.T @ matrix
    # For ε ~ N(0, I) the mean of N terms 2ggᵀ has E‖Ĥ − H‖² = (‖H‖² + (tr H)²) / N (Wishart); for signs, not more.
    expected = np.sqrt((np.linalg.norm(exact) ** 2 + np.trace(exact) ** 2) / probes)
    error = np.linalg.norm(basis.metric - exact)
    assert error < 3 * expected


def test_the_sketch_and_the_mean_gram_estimate_the_same_metric() -> None:
    generator, distance = Smooth(), Curved()
    sketch = global_metric(generator, distance, "z", samples=4000, batch_size=200)
    gram = global_metric(generator, distance, "z", method="gram", samples=100)
    # Over z as well as ε the fourth moment of g is bounded by 3 (tr H)² here; both averages err.
    spread = np.trace(gram.metric) * (np.sqrt(3 / 4000) + np.sqrt(1 / 100))
    assert np.linalg.norm(sketch.metric - gram.metric) < 2 * spread


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_reproduces_it_exactly_and_another_seed_does_not(method: str) -> None:
    def run(seed: int) -> bytes:
        return global_metric(Smooth(), Curved(), "z", method=method, samples=10, seed=seed).to_bytes()

    assert run(3) == run(3)
    assert run(3) != run(4)


@pytest.mark.parametrize("method", METHODS)
def test_stopping_storing_and_going_on_gives_the_uninterrupted_result(method: str) -> None:
    def options() -> dict[str, Any]:
        return {"method": method, "samples": {"sketch": 51, "gram": 11}[method], "seed": 5, "batch_size": 3}

    whole = global_metric(Smooth(), Curved(), "z", **options())
    calls = iter([False, True])
    with pytest.raises(StoppedError, match=r"stopped after (32 of 51|2 of 11) samples") as stopped:
        global_metric(Smooth(), Curved(), "z", should_stop=lambda: next(calls), **options())
    stored = load(save(stopped.value.state.to_tensors()))
    state = EstimatorState.from_tensors(stored)
    assert len(state.shards) == 2
    assert global_metric(Smooth(), Curved(), "z", state=state, **options()).to_bytes() == whole.to_bytes()


@pytest.mark.parametrize(("method", "steps"), [("sketch", [16, 32, 35]), ("gram", [1, 2, 3])])
def test_progress_counts_samples_and_the_last_shard_is_what_is_left(method: str, steps: list[int]) -> None:
    seen: list[tuple[int, int]] = []
    options: dict[str, Any] = {"method": method, "samples": steps[-1], "batch_size": 3}
    basis = global_metric(Smooth(), Curved(), "z", progress=lambda *counts: seen.append(counts), **options)
    assert seen == [(step, steps[-1]) for step in steps]
    assert basis.provenance.samples == steps[-1]


def test_the_batch_size_of_a_sketch_changes_no_draw() -> None:
    one, many = (global_metric(Smooth(), Curved(), "z", samples=40, batch_size=size).metric for size in (1, 16))
    np.testing.assert_allclose(one, many, rtol=1e-5, atol=1e-6)


def test_a_stop_after_the_last_step_is_too_late() -> None:
    basis = global_metric(Smooth(), Curved(), "z", samples=4, batch_size=4, should_stop=lambda: True)
    assert basis.provenance.samples == 4


def test_a_partial_result_counts_the_samples_it_holds() -> None:
    estimator = metric_estimator(Smooth(), Curved(), "z", samples=100)
    state = estimator.step(estimator.init())
    assert not estimator.done(state)
    assert estimator.result(state).provenance.samples == 16
    # One shard has no halves to compare.
    assert estimator.result(state).provenance.agreement is None


def test_provenance_says_what_it_was_computed_from() -> None:
    provenance = global_metric(Smooth(), Curved(), "z", samples=8, seed=2).provenance
    assert provenance.to_dict() == {
        "generator": "toy",
        "weights_hash": "0" * 64,
        "space": "z",
        "distance": "curved",
        "distance_hash": "",
        "method": "sketch",
        "samples": "8",
        "seed": "2",
        "version": provenance.version,
    }


# The variance of one sample: 4 Var(c²ε²) = 32 for the sketch, 4 Var(c²) = 8 for the Gram matrix.
@pytest.mark.parametrize(("method", "samples", "variance"), [("sketch", 2000, 32), ("gram", 200, 8)])
def test_around_a_block_of_the_input_the_rest_is_drawn_from_its_prior(
    method: str, samples: int, variance: float
) -> None:
    # x = ½ + c z with c the second block: the mean metric of z is 2 E[c²] = 2, but 0 at the default context.
    class Product(Linear):
        def synthesize(self, inputs: torch.Tensor) -> torch.Tensor:
            return (0.5 + inputs[:, :1] * inputs[:, 1:]).reshape(-1, 1, 1, 1)

    generator = Product(torch.zeros(1, 2), (1, 1, 1), [("noise", 1), ("class", 1)])
    basis = global_metric(generator, Euclidean(), "noise", method=method, samples=samples, batch_size=250)
    assert abs(basis.eigenvalues[0] - 2) < 4 * np.sqrt(variance / samples)


def test_a_sketch_of_fewer_probes_than_dimensions_has_their_rank() -> None:
    basis = global_metric(Smooth(), Curved(), "z", samples=2)
    assert np.linalg.matrix_rank(basis.metric) == 2
    assert basis.condition_number == float("inf")


def test_a_gradient_that_is_not_finite_is_an_error_that_names_the_draw() -> None:
    for method in METHODS:
        with pytest.raises(PullbackError, match=r"distance 'poisoned' .*\(space 'z', seed 6, shard 0\)"):
            global_metric(Smooth(), Poisoned(-1.0), "z", method=method, samples=2, seed=6)


def test_images_that_do_not_change_have_no_metric() -> None:
    with pytest.raises(InvalidInputError, match="do not change with these latents"):
        global_metric(Linear(torch.zeros(12, 3), (3, 2, 2)), Euclidean(), "z", samples=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "at least 1 sample, but samples = 0 came"),
        ({"batch_size": 0}, "at least 1 image, but batch_size = 0 came"),
        ({"seed": -1}, "from 0 on, but -1 came"),
        ({"samples": "enough"}, "a whole number or 'auto', but 'enough' came"),
        ({"samples": "auto", "max_samples": 0}, "at least 1 sample, but samples = 0 came"),
        ({"samples": 5, "max_samples": 9}, "max_samples bounds samples = 'auto'"),
        ({"samples": "auto", "tolerance": 0.0}, "between 0 and 1, but 0.0 came"),
        ({"max_memory": 0}, "from 1 on, but 0 came"),
        ({"k": 3}, "'sketch' computes the whole metric, but k = 3 came"),
        ({"k": 3, "method": "gram"}, "'gram' computes the whole metric, but k = 3 came"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        global_metric(Smooth(), Curved(), "z", **options)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match="no method of a global metric is named 'exact'; known: sketch, gram, gram_it"
    ):
        global_metric(Smooth(), Curved(), "z", method="exact")
    with pytest.raises(UnknownNameError, match="known: z"):
        global_metric(Smooth(), Curved(), "w")


def test_a_state_of_another_space_or_without_its_tensors_is_refused() -> None:
    estimator = metric_estimator(Smooth(), Curved(), "z")
    other = metric_estimator(Smooth(dim=3), Curved(), "z").init()
    with pytest.raises(InvalidInputError, match="has 6 dimensions, but the state has 3"):
        estimator.step(other)
    with pytest.raises(InvalidInputError, match="lacks nodes, passes, agreement"):
        EstimatorState.from_tensors({"totals": torch.zeros(1, 6, 6)})
    with pytest.raises(InvalidInputError, match="no sample yet"):
        estimator.result(estimator.init())
