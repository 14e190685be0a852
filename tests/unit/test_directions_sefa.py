"""SeFa, against the singular value decomposition of weights that are read from the network's own parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pullback import generators
from pullback.directions import sefa
from pullback.errors import InvalidInputError, UnknownNameError
from pullback.generators import Generator
from tiny import write_catalogue
from tiny_style import SHAPE, tiny_style
from toys import Smooth


def by_decomposition(weights: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Squared singular values, and right singular vectors as rows, of weights whose rows are made unit vectors."""
    rows = weights.double().numpy()
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    _, values, right = np.linalg.svd(rows, full_matrices=False)
    return values**2, right


def assert_same_lines(rows: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.abs(np.sum(rows * expected, axis=1)), 1, atol=1e-7)


def style_weights(layers: list[int]) -> Tensor:
    """Those of the convolutions conv1, convs and the last to_rgb, in the order of their w."""
    network = tiny_style().network
    names = ["conv1", *(f"convs.{index}" for index in range(SHAPE.layers - 2)), f"to_rgbs.{SHAPE.layers // 2 - 2}"]
    return torch.cat([network.get_parameter(f"{names[layer]}.conv.modulation.weight") for layer in layers]).detach()


def test_the_first_convolution_of_a_dcgan_is_what_meets_its_latent(tiny_generator: Generator) -> None:
    found = sefa(tiny_generator, 8, space="z")
    kernel = tiny_generator.get_parameter("main.0.weight")  # (in, out, 4, 4)
    values, vectors = by_decomposition(kernel.permute(1, 2, 3, 0).reshape(-1, 8))
    np.testing.assert_allclose(found.values, values, rtol=1e-6)
    assert_same_lines(found.vectors, vectors)
    assert (np.take_along_axis(found.vectors, np.abs(found.vectors).argmax(axis=1)[:, None], axis=1) > 0).all()
    assert found.layers == ()
    assert (found.origin.space, found.origin.method) == ("z", "sefa")


def test_a_dcgans_first_weights_make_its_first_map(tiny_generator: Generator) -> None:
    latents = tiny_generator.space("z").sample(3, 0)
    first = tiny_generator.get_submodule("main.0")(latents[:, :, None, None])
    torch.testing.assert_close(latents @ tiny_generator.first_weights("z").T, first.flatten(1))


def test_a_block_of_the_input_has_the_weights_of_its_own_coordinates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(write_catalogue(tmp_path, conditional=True)))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    conditional = generators.load("tiny")
    whole = conditional.first_weights("full")
    torch.testing.assert_close(conditional.first_weights("noise"), whole[:, :5])
    torch.testing.assert_close(conditional.first_weights("class"), whole[:, 5:])
    values, vectors = by_decomposition(whole[:, :5])
    found = sefa(conditional, 2, space="noise")
    np.testing.assert_allclose(found.values, values[:2], rtol=1e-6)
    assert_same_lines(found.vectors, vectors[:2])


@pytest.mark.parametrize("layers", [[], [0], [1, 4], [5]])
def test_styles_of_the_chosen_layers_are_taken_together(layers: list[int]) -> None:
    found = sefa(tiny_style(), 3, space="w", layers=layers)
    values, vectors = by_decomposition(style_weights(layers or list(range(6))))
    np.testing.assert_allclose(found.values, values[:3], rtol=1e-5)
    assert_same_lines(found.vectors, vectors[:3])
    assert found.layers == tuple(layers)


def test_styles_are_the_first_weights_and_a_bias_of_one() -> None:
    network = tiny_style().network
    w = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    styles = [network.get_submodule(f"{name}.conv.modulation")(w) for name in ("conv1", "convs.0")]
    torch.testing.assert_close(w @ tiny_style().first_weights("w", (0, 1)).T + 1, torch.cat(styles, dim=1))


def test_z_meets_the_first_layer_of_the_mapping_network() -> None:
    found = sefa(tiny_style(), 6, space="z")
    values, vectors = by_decomposition(tiny_style().network.get_parameter("style.1.weight").detach())
    np.testing.assert_allclose(found.values, values, rtol=1e-5)
    assert_same_lines(found.vectors, vectors)


def test_units_that_no_latent_reaches_are_left_out() -> None:
    generator = tiny_style()
    expected = sefa(generator, 2, space="z")
    with torch.no_grad():
        generator.network.style[1].weight[3] = 0
    weights = generator.network.get_parameter("style.1.weight").detach()
    values, _ = by_decomposition(weights[[0, 1, 2, 4, 5]])
    np.testing.assert_allclose(sefa(generator, 2, space="z").values, values[:2], rtol=1e-5)
    assert not np.allclose(expected.values, values[:2])


def test_what_has_no_first_weights_is_refused(tiny_generator: Generator) -> None:
    with pytest.raises(InvalidInputError, match="'toy' does not say which weights first meet a latent of space 'z'"):
        sefa(Smooth(), 2, space="z")
    with pytest.raises(InvalidInputError, match=r"space 'w\+' with layers \[\] came"):
        sefa(tiny_style(), 2, space="w+")
    with pytest.raises(InvalidInputError, match=r"space 'z' with layers \[1\] came"):
        sefa(tiny_style(), 2, space="z", layers=[1])
    with pytest.raises(InvalidInputError, match=r"are 0 to 5, but \[2, 6\] came"):
        sefa(tiny_style(), 2, space="w", layers=[6, 2])
    with pytest.raises(InvalidInputError, match=r"has no layers that take a latent each, but layers \[0\] came"):
        sefa(tiny_generator, 2, space="z", layers=[0])
    with pytest.raises(InvalidInputError, match="between 1 and 8 directions of space 'z' can be had, but 9 came"):
        sefa(tiny_generator, 9, space="z")
    with pytest.raises(UnknownNameError, match="no space of generator 'tiny' is named 'w'"):
        sefa(tiny_generator, 2, space="w")
