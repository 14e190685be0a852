"""DCGANs of a few channels, against the layers written out by hand and against autograd."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import jacfwd, jacrev, jvp, vmap
from torch.nn import functional

from pullback.errors import CatalogueError, InvalidInputError, UnknownNameError, WeightsError
from pullback.generators import CatalogueEntry, Generator, OneHot, Product, SpaceEntry, StandardNormal, build, load
from pullback.weights import WeightsSource

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")

SOURCE = WeightsSource("path", "/nowhere/tiny.pth", "ab" * 32)
PLAIN = CatalogueEntry("tiny", "Tiny", "dcgan", (SpaceEntry("z", 8, "standard-normal"),), "z", (3, 16, 16), SOURCE)
CONDITIONAL = CatalogueEntry(
    name="tiny-classes",
    title="Tiny, with classes",
    family="conditional-dcgan",
    spaces=(
        SpaceEntry("full", 8, "product"),
        SpaceEntry("noise", 5, "standard-normal"),
        SpaceEntry("class", 3, "one-hot", 5, ("ant", "bee", "cat"), "bee"),
    ),
    input_space="full",
    image_shape=(3, 16, 16),
    source=SOURCE,
)
# Places of the convolutions: three modules a layer, and a dropout after the first in the conditional network.
PLAIN_PLACES = (0, 3, 6)
CONDITIONAL_PLACES = (0, 4, 7)


def state(places: tuple[int, ...], channels: tuple[int, ...] = (8, 6, 4, 3), seed: int = 0) -> dict[str, Tensor]:
    """A random checkpoint with convolutions at these places and batch normalisation after all but the last."""
    rng = torch.Generator().manual_seed(seed)
    tensors = {}
    for place, width_in, width_out in zip(places, channels[:-1], channels[1:], strict=True):
        tensors[f"main.{place}.weight"] = torch.randn(width_in, width_out, 4, 4, generator=rng) / 2
        if place != places[-1]:
            tensors[f"main.{place + 1}.weight"] = torch.rand(width_out, generator=rng) + 0.5
            tensors[f"main.{place + 1}.bias"] = torch.randn(width_out, generator=rng) / 4
            tensors[f"main.{place + 1}.running_mean"] = torch.randn(width_out, generator=rng) / 4
            tensors[f"main.{place + 1}.running_var"] = torch.rand(width_out, generator=rng) + 0.5
            tensors[f"main.{place + 1}.num_batches_tracked"] = torch.tensor(5)
    return tensors


def by_hand(tensors: dict[str, Tensor], places: tuple[int, ...], inputs: Tensor) -> Tensor:
    """The DCGAN paper's generator, one operation after the other."""
    maps = inputs[:, :, None, None]
    for place in places:
        first = place == places[0]
        kernel = tensors[f"main.{place}.weight"]
        maps = functional.conv_transpose2d(maps, kernel, stride=1 if first else 2, padding=0 if first else 1)
        if place != places[-1]:
            norm = {
                key: tensors[f"main.{place + 1}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
            }
            maps = functional.batch_norm(maps, **norm).relu()
    return (maps.tanh() + 1) / 2


@pytest.fixture
def plain() -> Generator:
    return build(PLAIN, state(PLAIN_PLACES))


@pytest.fixture
def conditional() -> Generator:
    return build(CONDITIONAL, state(CONDITIONAL_PLACES))


def test_images_are_those_of_the_layers_written_out(plain: Generator, conditional: Generator):
    inputs = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(plain.render(inputs, "z"), by_hand(state(PLAIN_PLACES), PLAIN_PLACES, inputs))
    torch.testing.assert_close(
        conditional.render(inputs, "full"), by_hand(state(CONDITIONAL_PLACES), CONDITIONAL_PLACES, inputs)
    )


def test_images_have_the_stated_shape_and_lie_in_0_1(plain: Generator):
    images = plain.render(100 * plain.spaces["z"].sample(4, 0), "z")
    assert images.shape == (4, *plain.image_shape)
    assert images.min() >= 0
    assert images.max() <= 1


def test_a_generator_is_frozen_and_in_evaluation_mode(plain: Generator):
    assert not plain.training
    assert not any(parameter.requires_grad for parameter in plain.parameters())
    assert (plain.name, plain.weights_hash) == ("tiny", SOURCE.sha256)


def test_the_class_holds_while_noise_is_rendered_and_the_noise_while_class_is(conditional: Generator):
    noise = torch.randn(2, 5, generator=torch.Generator().manual_seed(2))
    bee = torch.tensor([0.0, 1.0, 0.0]).expand(2, 3)
    torch.testing.assert_close(conditional.default_context, torch.tensor([0, 0, 0, 0, 0, 0, 1.0, 0]))
    torch.testing.assert_close(
        conditional.render(noise, "noise"), conditional.render(torch.cat([noise, bee], 1), "full")
    )
    torch.testing.assert_close(
        conditional.render(bee, "class"), conditional.render(torch.cat([torch.zeros(2, 5), bee], 1), "full")
    )


def test_a_seed_means_the_same_latents_always(conditional: Generator):
    for space in conditional.spaces.values():
        assert torch.equal(space.sample(4, 3), space.sample(4, 3))
        assert not torch.equal(space.sample(20, 3), space.sample(20, 4))
        assert space.sample(4, 3).shape == (4, space.dim)


def test_the_class_prior_draws_every_class_equally_often():
    draws = OneHot().sample(8000, 4, torch.Generator().manual_seed(0))
    assert torch.equal(draws.sum(dim=1), torch.ones(8000))
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    # Three standard deviations of a binomial frequency.
    assert (draws.mean(dim=0) - 0.25).abs().max() < 3 * (0.25 * 0.75 / 8000) ** 0.5


def test_the_product_prior_puts_its_parts_side_by_side(conditional: Generator):
    drawn = conditional.spaces["full"].sample(6, 9)
    assert conditional.spaces["full"].prior == Product(((StandardNormal(), 5), (OneHot(), 3)))
    assert torch.equal(drawn[:, :5], conditional.spaces["noise"].sample(6, 9))
    assert torch.equal(drawn[:, 5:].sum(dim=1), torch.ones(6))


def test_forward_mode_agrees_with_backward_mode_and_vmap(plain: Generator):
    generator = plain.double()
    z = generator.spaces["z"].sample(1, 5).double()

    def image(latent: Tensor) -> Tensor:
        return generator.render(latent, "z")

    forward, backward = jacfwd(image)(z), jacrev(image)(z)
    torch.testing.assert_close(forward, backward)
    columns = vmap(lambda v: jvp(image, (z,), (v[None],))[1])(torch.eye(8, dtype=torch.float64))
    torch.testing.assert_close(columns.movedim(0, -1), forward[..., 0, :])


def test_second_derivatives_are_right(plain: Generator):
    generator = plain.double()
    z = generator.spaces["z"].sample(1, 6).double().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda latent: generator.render(latent, "z")[:, :, ::5, ::5], (z,))


def test_precision_and_device_follow_the_generator(plain: Generator):
    generator = plain.to(dtype=torch.float64)
    assert generator.dtype == torch.float64
    assert generator.default_context.dtype == torch.float64
    assert generator.render(torch.zeros(1, 8, dtype=torch.float64), "z").dtype == torch.float64


def test_latents_of_another_dimension_are_refused(plain: Generator):
    with pytest.raises(InvalidInputError, match=r"have shape \(batch, 8\), but shape \(2, 7\) came"):
        plain.render(torch.zeros(2, 7), "z")
    with pytest.raises(UnknownNameError, match="no space of generator 'tiny' is named 'w'; known: z"):
        plain.render(torch.zeros(2, 8), "w")


def test_weights_of_another_architecture_are_refused():
    with pytest.raises(
        WeightsError, match=r"are not a dcgan: no tensor is named main\.0\.weight\. Its tensors are layer"
    ):
        build(PLAIN, {"layer.weight": torch.zeros(3)})
    with pytest.raises(WeightsError, match=r"are not a dcgan: the file has, besides, extra"):
        build(PLAIN, {**state(PLAIN_PLACES), "extra": torch.zeros(1)})
    with pytest.raises(WeightsError, match="are not a conditional-dcgan"):
        build(CONDITIONAL, state(PLAIN_PLACES))


def test_a_catalogue_that_disagrees_with_the_weights_is_refused():
    with pytest.raises(InvalidInputError, match="'z' is stated to have 8 dimensions, but the weights take 7"):
        build(PLAIN, state(PLAIN_PLACES, (7, 6, 4, 3)))
    with pytest.raises(InvalidInputError, match=r"stated to be \(3, 16, 16\), but the weights give \(1, 16, 16\)"):
        build(PLAIN, state(PLAIN_PLACES, (8, 6, 4, 1)))
    with pytest.raises(InvalidInputError, match=r"but the weights give \(3, 8, 8\)"):
        build(PLAIN, state(PLAIN_PLACES[:2], (8, 6, 3)))


def test_a_users_generator_loads_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    torch.save(state(PLAIN_PLACES), tmp_path / "tiny.pth")
    digest = hashlib.sha256((tmp_path / "tiny.pth").read_bytes()).hexdigest()
    (tmp_path / "extra.toml").write_text(
        f"""
        [tiny]
        family = "dcgan"
        input_space = "z"
        image_shape = [3, 16, 16]
        spaces = [{{ name = "z", dim = 8, prior = "standard-normal" }}]
        source = {{ kind = "path", location = "tiny.pth", sha256 = "{digest}" }}
        [other]
        family = "transformer"
        input_space = "z"
        image_shape = [3, 16, 16]
        spaces = [{{ name = "z", dim = 8, prior = "standard-normal" }}]
        source = {{ kind = "path", location = "none.pth", sha256 = "{digest}" }}
        """
    )
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(tmp_path / "extra.toml"))
    loaded = load("tiny", device=None, dtype=torch.float64)
    assert (loaded.weights_hash, loaded.dtype) == (digest, torch.float64)
    with pytest.raises(
        CatalogueError,
        match=r"entry 'other': key 'family': expected one of .*conditional-dcgan, dcgan, .* got 'transformer'",
    ):
        load("other")
