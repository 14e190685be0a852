"""Shards: partial sums that merge in any order to the same bits, and the average that ends when it has settled."""

from __future__ import annotations

import itertools
import math
import random

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.geometry import (
    EstimatorState,
    Provenance,
    global_metric,
    metric_estimator,
    split_half_agreement,
)
from toys import Curved, Smooth


def metric_of(shard: int) -> Tensor:
    """A matrix whose sums depend on their order."""
    return torch.randn(3, 3, generator=torch.Generator().manual_seed(shard)).double() * 10.0 ** (shard % 7)


def state_of(shards: list[int]) -> EstimatorState:
    state = EstimatorState(3)
    for shard in shards:
        state = state.with_shard(shard, metric_of(shard), 2)
    return state


def same(a: EstimatorState, b: EstimatorState) -> bool:
    one, other = a.to_tensors(), b.to_tensors()
    return all(torch.equal(one[name], other[name]) for name in ("totals", "nodes"))


@pytest.mark.parametrize("count", [1, 2, 3, 8, 21, 64])
def test_shards_add_up_to_the_same_bits_in_any_order(count: int) -> None:
    ordered = state_of(list(range(count)))
    for seed in range(5):
        shuffled = random.Random(seed).sample(range(count), count)
        assert same(state_of(shuffled), ordered)
        assert torch.equal(state_of(shuffled).total, ordered.total)
    assert (ordered.samples, ordered.shards) == (2 * count, frozenset(range(count)))
    torch.testing.assert_close(ordered.total, torch.stack([metric_of(shard) for shard in range(count)]).sum(dim=0))


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_the_parts_of_several_workers_merge_to_the_same_bits_in_any_order(workers: int) -> None:
    whole = state_of(list(range(23)))
    contiguous = [part.tolist() for part in np.array_split(range(23), workers)]
    dealt = [list(range(worker, 23, workers)) for worker in range(workers)]
    for parts in (contiguous, dealt):
        for order in itertools.islice(itertools.permutations(parts), 24):
            assert same(EstimatorState.merge(state_of(part) for part in order), whole)


def test_a_long_run_is_held_in_few_matrices() -> None:
    state = EstimatorState(1)
    for shard in range(300):
        state = state.with_shard(shard, torch.ones(1, 1, dtype=torch.float64), 1)
        assert len(state.sums) <= 2 * math.log2(shard + 1) + 2


def test_the_halves_are_the_even_and_the_odd_shards() -> None:
    state = state_of(list(range(11)))
    for number in (0, 1):
        total, samples = state.half(number)
        expected = [metric_of(shard) for shard in range(number, 11, 2)]
        torch.testing.assert_close(total, torch.stack(expected).sum(dim=0))
        assert samples == 2 * len(expected)


def test_a_shard_counts_once_and_states_of_different_spaces_do_not_merge() -> None:
    state = state_of([0, 1, 2, 3, 4])
    with pytest.raises(InvalidInputError, match="shard 2 was added already"):
        state.with_shard(2, metric_of(2), 2)
    with pytest.raises(InvalidInputError, match="shard 4 was added already"):
        EstimatorState.merge([state, state_of([4, 5])])
    with pytest.raises(InvalidInputError, match="of 3 and of 5 dimensions"):
        EstimatorState.merge([state, EstimatorState(5)])
    with pytest.raises(InvalidInputError, match="at least 1 state"):
        EstimatorState.merge([])


def test_a_state_goes_through_tensors() -> None:
    for state in (EstimatorState(3), state_of([0, 1, 2, 9]), EstimatorState(3, passes=1, agreement=0.75)):
        restored = EstimatorState.from_tensors(load(save(state.to_tensors())))
        assert same(restored, state)
        assert (restored.dim, restored.passes, restored.agreement) == (state.dim, state.passes, state.agreement)


@pytest.mark.parametrize(("method", "samples"), [("sketch", 150), ("gram", 9)])
def test_workers_that_share_a_job_give_what_one_worker_gives(method: str, samples: int) -> None:
    def estimator():
        return metric_estimator(Smooth(), Curved(), "z", method=method, samples=samples, seed=3)

    whole = global_metric(Smooth(), Curved(), "z", method=method, samples=samples, seed=3)
    states = []
    for worker in range(3):
        own, state = estimator(), EstimatorState(6)
        for shard in reversed(range(worker, own.shards, 3)):
            state = own.step(state, shard)
        states.append(state)
    merged = EstimatorState.merge([states[2], states[0], states[1]])
    assert estimator().done(merged)
    assert estimator().result(merged).to_bytes() == whole.to_bytes()


def test_a_shard_that_does_not_exist_is_refused() -> None:
    estimator = metric_estimator(Smooth(), Curved(), "z", samples=40)
    assert estimator.shards == 3
    with pytest.raises(InvalidInputError, match="numbers from 0 to 2, but 3 came"):
        estimator.step(estimator.init(), 3)


@pytest.mark.parametrize("method", ["sketch", "gram"])
def test_an_automatic_average_ends_when_it_has_settled(method: str) -> None:
    seen: list[tuple[int, int]] = []
    basis = global_metric(
        Smooth(), Curved(), "z", method=method, samples="auto", tolerance=0.01, progress=lambda *c: seen.append(c)
    )
    provenance = basis.provenance
    assert provenance.agreement is not None
    assert provenance.agreement >= 0.99
    assert provenance.samples == seen[-1][0] < seen[-1][1]
    # It is the average of as many samples.
    fixed = global_metric(Smooth(), Curved(), "z", method=method, samples=provenance.samples)
    np.testing.assert_array_equal(fixed.metric, basis.metric)
    assert fixed.provenance == provenance


def test_a_stricter_tolerance_takes_more_samples() -> None:
    counts = [
        global_metric(Smooth(), Curved(), "z", samples="auto", tolerance=tolerance).provenance.samples
        for tolerance in (0.1, 0.01, 0.003)
    ]
    assert counts == sorted(set(counts))


def test_an_automatic_average_that_does_not_settle_ends_at_its_cap_and_says_how_far_it_came() -> None:
    provenance = global_metric(Smooth(), Curved(), "z", samples="auto", tolerance=1e-6, max_samples=200).provenance
    assert provenance.samples == 200
    assert provenance.agreement is not None
    assert provenance.agreement < 1 - 1e-6


def test_an_automatic_average_that_is_interrupted_ends_where_the_uninterrupted_one_does() -> None:
    def estimator():
        return metric_estimator(Smooth(), Curved(), "z", samples="auto", tolerance=0.01, seed=1)

    whole = global_metric(Smooth(), Curved(), "z", samples="auto", tolerance=0.01, seed=1)
    state = estimator().init()
    while not estimator().done(state):
        # Everything but the tensors is lost at every step.
        state = EstimatorState.from_tensors(load(save(estimator().step(state).to_tensors())))
    assert estimator().result(state).to_bytes() == whole.to_bytes()


def test_the_agreement_of_halves_foretells_the_agreement_with_the_truth() -> None:
    # Wishart halves of a known metric, as a sketch of a linear generator has them.
    rng = np.random.default_rng(0)
    spectrum = np.logspace(0, -3, 30)
    n, probes = len(spectrum), 2000

    def sample(count: int) -> np.ndarray:
        gradients = rng.standard_normal((count, n)) * np.sqrt(spectrum)
        return gradients.T @ gradients / count

    def shortfall(metric: np.ndarray) -> float:
        # 1 − C^H_log against the truth, by the definition of the paper.
        vectors = np.linalg.eigh(metric)[1][:, ::-1]
        action = np.einsum("nk,n,nk->k", vectors, spectrum, vectors)
        energy = min(action[:k].sum() / spectrum[:k].sum() for k in (5, 10, 20))
        return max(1 - np.corrcoef(np.log(action), np.log(spectrum))[0, 1], 1 - energy)

    foretold, true = [], []
    for _ in range(20):
        halves = sample(probes // 2), sample(probes // 2)
        foretold.append(1 - split_half_agreement(*halves))
        true.append(shortfall((halves[0] + halves[1]) / 2))
    assert 0.5 < np.mean(foretold) / np.mean(true) < 2


def test_halves_that_agree_wholly_or_not_at_all() -> None:
    metric = np.diag([4.0, 3.0, 2.0, 1.0])
    assert split_half_agreement(metric, metric) == pytest.approx(1)
    assert split_half_agreement(metric, metric[::-1, ::-1].copy()) == 0
    assert split_half_agreement(metric, np.zeros((4, 4))) == 0
    assert split_half_agreement(np.ones((1, 1)), np.ones((1, 1))) == 0


def test_provenance_keeps_the_agreement_and_reads_files_that_have_none() -> None:
    provenance = global_metric(Smooth(), Curved(), "z", samples=64).provenance
    assert provenance.agreement is not None
    assert Provenance.from_dict(provenance.to_dict()) == provenance
    old = {name: text for name, text in provenance.to_dict().items() if name != "agreement"}
    assert Provenance.from_dict(old).agreement is None
    assert "agreement" not in Provenance.from_dict(old).to_dict()
    with pytest.raises(InvalidInputError, match=r"agreement in the provenance .* is a number, but 'good' came"):
        Provenance.from_dict(old | {"agreement": "good"})
