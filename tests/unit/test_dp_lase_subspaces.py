"""The refinement of DP-LaSE: channels that make up each other, their subsets, and edits of some of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pullback.directions.methods.dp_lase.clustering import spectral_clusters
from pullback.directions.methods.dp_lase.cut import Cut
from pullback.directions.methods.dp_lase.self_expression import affinity, self_expression
from pullback.directions.methods.dp_lase.subspaces import masked_edit, refine
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import Generator
from tiny_style import tiny_style
from toys import Smooth

# Channels of the first, the second and the third subspace, in no order.
SUBSPACES = np.array([0, 1, 0, 2, 1, 0, 0, 2, 1, 0, 1, 2, 0, 0, 1])


def channels_in_subspaces() -> np.ndarray:
    """400 values of each channel, every subspace of dimension 2."""
    rng = np.random.default_rng(0)
    bases = rng.normal(size=(3, 400, 2))
    return np.stack([bases[subspace] @ rng.normal(size=2) for subspace in SUBSPACES], axis=1)


def gram_of(channels: np.ndarray) -> np.ndarray:
    return channels.T @ channels / len(channels)


def test_channels_are_made_of_others_and_never_of_themselves() -> None:
    found = self_expression(gram_of(channels_in_subspaces()), 0.01)
    np.testing.assert_array_equal(found.diagonal(), 0)
    channels = channels_in_subspaces()
    rebuilt = channels @ found
    assert np.linalg.norm(channels - rebuilt) < 0.05 * np.linalg.norm(channels)


def test_channels_are_made_of_those_of_their_own_subspace() -> None:
    ties = affinity(self_expression(gram_of(channels_in_subspaces())))
    same = SUBSPACES[:, None] == SUBSPACES
    np.testing.assert_array_equal(ties, ties.T)
    assert ties[~same].max() < 0.02 * ties[same].max()


def test_a_self_expression_is_the_least_of_what_it_makes_small() -> None:
    gram = gram_of(channels_in_subspaces())
    gram = gram / gram.diagonal().mean()
    sparsity = 0.3
    found = self_expression(gram, sparsity)
    gradient = 2 * (gram @ found - gram)
    off = ~np.eye(len(gram), dtype=bool)
    # 0 ∈ ∇ + η ∂|R|: the conditions of the lasso.
    moving = off & (found != 0)
    np.testing.assert_allclose(gradient[moving], -sparsity * np.sign(found[moving]), atol=1e-4)
    assert np.abs(gradient[off & (found == 0)]).max() < sparsity + 1e-4


def test_more_sparsity_leaves_fewer_channels() -> None:
    gram = gram_of(channels_in_subspaces())
    counts = [np.count_nonzero(self_expression(gram, sparsity)) for sparsity in (0.01, 0.5, 1.5)]
    assert counts == sorted(counts, reverse=True)
    assert np.count_nonzero(self_expression(gram, 1e3)) == 0


@pytest.mark.parametrize(
    ("gram", "sparsity", "message"),
    [
        (np.zeros((2, 2)), 0.5, "all channels are zero"),
        (np.full((2, 2), np.nan), 0.5, "a Gram matrix is finite, but NaN"),
        (np.eye(2), 0.0, "above 0, finite, but 0.0 came"),
    ],
)
def test_a_self_expression_says_what_it_takes(gram: np.ndarray, sparsity: float, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        self_expression(gram, sparsity)


def test_known_subsets_are_found_the_largest_first() -> None:
    ties = affinity(self_expression(gram_of(channels_in_subspaces())))
    np.testing.assert_array_equal(spectral_clusters(ties, 3), SUBSPACES)
    np.testing.assert_array_equal(spectral_clusters(ties, 3, seed=2**40), SUBSPACES)


def test_weak_ties_between_subsets_do_not_join_them() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], [9, 7, 5])
    ties = np.where(labels[:, None] == labels, 1.0, 0.05) * rng.uniform(0.5, 1, (21, 21))
    ties = (ties + ties.T) / 2
    np.testing.assert_array_equal(spectral_clusters(ties, 3), labels)


def test_what_has_no_ties_belongs_to_no_subset() -> None:
    ties = np.zeros((5, 5))
    ties[:2, :2] = ties[2:4, 2:4] = 1
    labels = spectral_clusters(ties, 2)
    assert labels[4] == -1
    assert labels[0] == labels[1] != labels[2] == labels[3]
    with pytest.raises(InvalidInputError, match="4 of 5 items have ties to others, which make 1 to 4 clusters, but 5"):
        spectral_clusters(ties, 5)


def test_a_layer_is_parted_into_masks_the_largest_first(tiny_generator: Generator) -> None:
    latents = tiny_generator.space("z").sample(20, 0)
    found = refine(tiny_generator, latents, "z", layer="layer 1", subsets=3, sparsity=0.1)
    assert found.layer == "layer 1"
    assert found.masks.shape == (3, 16)
    sizes = found.masks.sum(dim=1).tolist()
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 0
    assert found.masks.sum(dim=0).max() == 1
    again = refine(tiny_generator, latents, "z", layer="layer 1", subsets=3, sparsity=0.1)
    assert torch.equal(found.masks, again.masks)


def test_a_masked_edit_changes_the_channels_of_its_mask_alone(tiny_generator: Generator) -> None:
    starts, moved = tiny_generator.space("z").sample(6, 0).split(3)
    mask = torch.arange(16) % 3 == 0
    images = masked_edit(tiny_generator, starts, moved, "z", mask, layer="layer 1")
    cut = Cut(tiny_generator, "layer 1")
    kept, changed = cut.features(starts), cut.features(moved)
    expected = torch.where(mask[:, None, None], changed, kept)
    # The layers behind `layer 1`, by their published places.
    layers = list(tiny_generator.get_submodule("main"))
    for layer in layers[3:]:
        expected = layer(expected)
    torch.testing.assert_close(images, (expected + 1) / 2)


def test_a_mask_of_all_or_none_gives_the_end_or_the_start(tiny_generator: Generator) -> None:
    starts, moved = tiny_generator.space("z").sample(4, 0).split(2)
    for mask, latents in ((torch.zeros(8), starts), (torch.ones(8), moved)):
        images = masked_edit(tiny_generator, starts, moved, "z", mask.bool(), layer="layer 2")
        torch.testing.assert_close(images, tiny_generator.render(latents, "z"))


def test_a_style_based_generator_is_edited_at_a_resolution() -> None:
    generator = tiny_style()
    starts, moved = generator.space("w").sample(4, 0).split(2)
    nothing = masked_edit(generator, starts, moved, "w", torch.zeros(8, dtype=torch.bool), layer="8 px")
    torch.testing.assert_close(nothing, generator.render(starts, "w"))
    edited = masked_edit(generator, starts, moved, "w", torch.arange(8) < 4, layer="8 px")
    assert (edited - nothing).abs().max() > 1e-3
    # The edit leaves nothing behind.
    torch.testing.assert_close(generator.render(starts, "w"), nothing)


def test_a_cut_takes_the_third_layer_or_the_last_one(tiny_generator: Generator) -> None:
    assert Cut(tiny_generator).layer == "layer 2"
    assert Cut(tiny_style()).layer == "16 px"
    assert Cut(Smooth()).layer == "image"


def test_what_cannot_be_edited_is_refused(tiny_generator: Generator) -> None:
    latents = tiny_generator.space("z").sample(2, 0)
    with pytest.raises(InvalidInputError, match="layer 'layer 1' has 16 channels, but a mask of 3 came"):
        masked_edit(tiny_generator, latents, latents, "z", torch.ones(3, dtype=torch.bool), layer="layer 1")
    with pytest.raises(InvalidInputError, match="computes its layer 'image' in no module of its own"):
        masked_edit(tiny_generator, latents, latents, "z", torch.ones(3, dtype=torch.bool), layer="image")
    with pytest.raises(UnknownNameError, match="known: layer 1, layer 2, image"):
        refine(tiny_generator, latents, "z", layer="layer 9")
