"""The weight-shuffled control keeps what it should and changes the rest."""

from __future__ import annotations

import torch

from pullback.generators import Generator, shuffle_weights


def sorted_elements(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.flatten().sort().values


def test_every_weight_tensor_keeps_its_elements_and_changes_their_order(tiny_generator: Generator) -> None:
    control = shuffle_weights(tiny_generator, seed=0)
    for (name, before), (_, after) in zip(tiny_generator.named_parameters(), control.named_parameters(), strict=True):
        torch.testing.assert_close(sorted_elements(after), sorted_elements(before), rtol=0, atol=0)
        assert (before.ndim > 1) == (not torch.equal(before, after)), name


def test_the_original_is_left_as_it_is(tiny_generator: Generator) -> None:
    before = [parameter.clone() for parameter in tiny_generator.parameters()]
    shuffle_weights(tiny_generator, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, tiny_generator.parameters(), strict=True))


def test_a_seed_means_one_control_and_the_control_has_an_identity_of_its_own(tiny_generator: Generator) -> None:
    latents = tiny_generator.space("z").sample(2, 0)
    one, same, other = (shuffle_weights(tiny_generator, seed=seed) for seed in (1, 1, 2))
    torch.testing.assert_close(one.render(latents, "z"), same.render(latents, "z"), rtol=0, atol=0)
    assert not torch.equal(one.render(latents, "z"), other.render(latents, "z"))
    assert len({tiny_generator.weights_hash, one.weights_hash, other.weights_hash}) == 3
    assert not any(parameter.requires_grad for parameter in one.parameters())
