"""Pivotal tuning: weights that draw a photograph at the latent that was found for it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from pullback.errors import InvalidInputError, MemoryExhaustedError, WeightsError
from pullback.generators import Generator
from pullback.geometry import global_metric
from pullback.inversion import Problem, invert
from pullback.inversion.tuning import (
    PivotalTuning,
    TunedWeights,
    TuningSettings,
    interpolation_code,
    locality_draw,
)
from pullback.memory import set_budget
from tiny_style import tiny_style
from toys import Euclidean
from toys_photographs import Blobs

QUICK: dict[str, Any] = {"steps": 8, "learning_rate": 3e-3, "threshold": 0.0}


def photographs(generator: Generator, count: int = 1) -> tuple[Tensor, Tensor]:
    """Images that the generator does not draw, and pivots near the latents of what they were made of."""
    pivots = generator.space("w").sample(count, seed=3)
    images = generator.render(pivots, "w")
    return (0.7 * images + 0.3 * torch.rand(images.shape, generator=torch.Generator().manual_seed(1))), pivots


def tuning_of(count: int = 1, **settings: Any) -> PivotalTuning:
    generator = tiny_style()
    targets, pivots = photographs(generator, count)
    return PivotalTuning(
        generator, Euclidean(0.1), "w", targets, pivots, settings=TuningSettings(**QUICK | settings), seed=4
    )


def finished(tuning: PivotalTuning) -> PivotalTuning:
    while not tuning.done:
        tuning.step()
    return tuning


@pytest.mark.parametrize("count", [1, 2])
def test_distances_and_errors_fall_and_the_generator_itself_stays_as_it_is(count: int) -> None:
    tuning = tuning_of(count)
    before = {name: tensor.clone() for name, tensor in tuning.original.state_dict().items()}
    image = tuning.original.render(tuning.pivots, "w")
    found = finished(tuning).result()
    assert found.finished
    assert found.trace.shape == (8 * count, 3)
    assert (found.distances[:, 1] < 0.9 * found.distances[:, 0]).all()
    assert (found.squared_errors[:, 1] < found.squared_errors[:, 0]).all()
    assert all(torch.equal(tensor, before[name]) for name, tensor in tuning.original.state_dict().items())
    assert torch.equal(tuning.original.render(tuning.pivots, "w"), image)
    assert not any(weight.requires_grad for weight in tuning.original.parameters())


def test_what_is_measured_is_what_it_is_called() -> None:
    tuning = finished(tuning_of(2))
    targets, pivots = photographs(tiny_style(), 2)
    found = tuning.result()
    for column, generator in enumerate((tuning.original, tuning.tuned)):
        images = torch.cat([generator.render(pivot[None], "w") for pivot in pivots]).detach()
        expected = (images - targets).square().flatten(1).mean(dim=1)
        torch.testing.assert_close(found.squared_errors[:, column], expected)
        flat = Euclidean(0.1).embed(images) - Euclidean(0.1).embed(targets)
        torch.testing.assert_close(found.distances[:, column], flat.square().sum(dim=1))
    assert float(found.trace[0, 1]) == pytest.approx(float(found.distances[0, 0]))


def test_weights_that_are_kept_draw_the_same_image_bit_for_bit() -> None:
    tuning = finished(tuning_of())
    found = tuning.result()
    kept = TunedWeights.from_bytes(found.weights.to_bytes())
    generator = tiny_style()
    tuned = kept.applied(generator)
    assert torch.equal(tuned.render(tuning.pivots, "w"), found.images)
    assert torch.equal(generator.render(tuning.pivots, "w"), tuning.original.render(tuning.pivots, "w"))
    # A pivot in w asks nothing of the mapping network: it has not changed, and is not kept.
    assert kept.tensors
    assert not any("style." in name and name.startswith("network.style.") for name in kept.tensors)


def test_an_eigenbasis_of_the_generator_serves_the_tuned_one_and_banks_are_not_mistaken() -> None:
    generator = tiny_style()
    tuned = finished(tuning_of(steps=1)).weights().applied(generator)
    assert tuned.weights_hash != generator.weights_hash == tuned.tuned_from
    basis = global_metric(generator, Euclidean(0.1), "w", samples=8)
    targets, _ = photographs(generator)
    problem = Problem(tuned, Euclidean(0.1), "w", targets)
    assert invert(problem, eigenbasis=basis, steps=2, start="prior").finished


def test_the_code_lies_at_its_distance_on_the_way_to_the_draw_and_never_beyond() -> None:
    pivot, draw = torch.zeros(1, 4), torch.tensor([[3.0, 0.0, 4.0, 0.0]])
    assert interpolation_code(pivot, draw, 1.0).tolist()[0] == pytest.approx([0.6, 0.0, 0.8, 0.0])
    assert torch.equal(interpolation_code(pivot, draw, 30.0), draw)
    assert torch.equal(interpolation_code(pivot, pivot, 30.0), pivot)


def test_draws_are_truncated_behind_a_mapping_network() -> None:
    generator = tiny_style()
    mean = generator.space("w").prior.mean(6)
    draws = torch.cat([locality_draw(generator, "w", 4, update) for update in range(64)])
    assert len(draws.unique(dim=0)) == 64
    whole = generator.space("w").sample(4096, 0)
    ratio = (draws - mean).square().sum(dim=1).mean() / (whole - mean).square().sum(dim=1).mean()
    assert float(ratio) == pytest.approx(0.25, rel=0.4)


def test_the_locality_term_is_the_loss_between_both_generators_at_the_code() -> None:
    tuning = tuning_of(locality=0.5, locality_reach=0.5, steps=3)
    tuning.step()
    assert float(tuning.result().trace[0, 2]) == 0  # as yet both are one
    code = interpolation_code(tuning.pivots, locality_draw(tuning.original, "w", 4, 1), 0.5)
    own, kept = (generator.render(code, "w").detach() for generator in (tuning.tuned, tuning.original))
    embedded = Euclidean(0.1).embed(own) - Euclidean(0.1).embed(kept)
    expected = embedded.square().sum() + (2 * (own - kept)).square().mean()
    tuning.step()
    assert float(tuning.result().trace[1, 2]) == pytest.approx(float(expected), rel=1e-4)


def test_locality_keeps_the_images_of_other_latents_nearer() -> None:
    def drift(**settings: Any) -> float:
        tuning = finished(tuning_of(steps=15, **settings))
        others = tuning.original.space("w").sample(16, seed=77)
        apart = tuning.tuned.render(others, "w") - tuning.original.render(others, "w")
        return float(apart.detach().square().mean())

    assert drift(locality=10.0, locality_reach=100.0) < 0.5 * drift()


def test_it_ends_where_every_photograph_is_near_enough() -> None:
    assert finished(tuning_of(2, threshold=1e9)).updates == 1
    tuning = finished(tuning_of(1, threshold=1e9))
    assert tuning.updates == 0
    assert not tuning.result().weights.tensors


@pytest.mark.parametrize("locality", [0.0, 0.3])
def test_a_tuning_goes_on_from_its_state_bit_for_bit(locality: float) -> None:
    whole, first = finished(tuning_of(2, locality=locality)), tuning_of(2, locality=locality)
    for _ in range(5):
        first.step()
    second = tuning_of(2, locality=locality)
    second.restore({name: tensor.clone() for name, tensor in first.to_tensors().items()})
    finished(second)
    expected, found = whole.weights().tensors, second.weights().tensors
    assert expected.keys() == found.keys()
    assert all(torch.equal(tensor, found[name]) for name, tensor in expected.items())
    torch.testing.assert_close(whole.result().trace, second.result().trace, rtol=0, atol=0, equal_nan=True)


def test_what_a_mask_hides_has_no_part_in_it() -> None:
    generator = tiny_style()
    targets, pivots = photographs(generator)
    mask = torch.ones(1, 1, 16, 16)
    mask[..., 8:] = 0
    other = targets.clone()
    other[..., 8:] = 0.5
    made = [
        finished(
            PivotalTuning(generator, Euclidean(0.1), "w", each, pivots, masks=mask, settings=TuningSettings(**QUICK))
        ).weights()
        for each in (targets, other)
    ]
    for name, tensor in made[0].tensors.items():
        torch.testing.assert_close(tensor, made[1].tensors[name])


def test_what_cannot_be_tuned_is_refused() -> None:
    blobs = Blobs()
    targets = blobs.render(blobs.space("z").sample(1, 0), "z")
    with pytest.raises(InvalidInputError, match="do not depend on parameters"):
        PivotalTuning(blobs, Euclidean(0.01), "z", targets, blobs.space("z").sample(1, 0))
    generator = tiny_style()
    targets, pivots = photographs(generator)
    with pytest.raises(InvalidInputError, match=r"pivots have shape \(1, 6\)"):
        PivotalTuning(generator, Euclidean(0.1), "w", targets, pivots[:, :5])
    with pytest.raises(InvalidInputError, match="1 to 30 photographs, but 31"):
        PivotalTuning(generator, Euclidean(0.1), "w", targets.expand(31, -1, -1, -1), pivots.expand(31, -1))
    for wrong in ({"steps": 0}, {"learning_rate": 0.0}, {"l2": -1.0}):
        with pytest.raises(InvalidInputError, match=r"tuning"):
            TuningSettings(**wrong)


def test_weights_of_another_generator_are_refused() -> None:
    weights = finished(tuning_of(steps=1)).weights()
    with pytest.raises(WeightsError, match="no tuned weights"):
        TunedWeights.from_bytes(b"nothing of the kind")
    other = TunedWeights("others", weights.weights_hash, weights.tensors)
    with pytest.raises(WeightsError, match="tuned from generator 'others'"):
        other.applied(tiny_style())
    misfit = TunedWeights(weights.generator, weights.weights_hash, {"network.none": torch.zeros(2)})
    with pytest.raises(WeightsError, match="none of that name"):
        misfit.applied(tiny_style())


def test_a_budget_that_was_given_is_kept_to() -> None:
    try:
        set_budget("cpu", 50_000)
        with pytest.raises(MemoryExhaustedError, match="pivotal tuning"):
            finished(tuning_of(steps=1))
    finally:
        set_budget("cpu", 2**31, given=False)
