"""StyleGAN: the images of its public implementation, spaces, options, and derivatives."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import jacrev, jvp, vmap

from published import EXACT, Published, assert_exact, published
from pullback.errors import CatalogueError, InvalidInputError, WeightsError
from pullback.generators import CatalogueEntry, build
from pullback.generators.style_based.generator import StyleBased
from style_states import small_stylegan1, style_spaces, stylegan1_entry, stylegan1_state

# torch itself calls it when forward mode is first used.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")


def fixture(resolution: int, **options: Any) -> tuple[StyleBased, Published]:
    """The generator of the published outputs, with the noise and the mean of w with which they were made."""
    known = published("stylegan1_fused")
    noises = {f"noises.{name}": known.inputs[name] for name in known.inputs if name.startswith("noise_")}
    kept = {name: noise for name, noise in noises.items() if noise.shape[-1] <= resolution}
    state = {**known.state, **kept, "latent_avg": known.inputs["mean_style"]}
    generator = build(stylegan1_entry(24, resolution, **options), state)
    assert isinstance(generator, StyleBased)
    return generator, known


def assert_renders(found: Tensor, published: Tensor) -> None:
    """Levels are those of published images about [−1, 1], of whose largest value they may differ by half of 1e-5."""
    limit = EXACT * max(1.0, float(published.abs().max())) / 2
    torch.testing.assert_close(found, ((published + 1) / 2).clamp(0, 1), rtol=0, atol=limit)


def test_w_and_images_are_those_of_the_public_implementation():
    generator, known = fixture(128)
    w = known.outputs["w_of_z"]
    assert_exact(generator.map(known.inputs["z"], "z"), w)
    assert_exact(generator.network.synthesis(w[:, None].expand(-1, 6, -1)), known.outputs["image_z_step5"])
    assert_renders(generator.render(known.inputs["z"], "z"), known.outputs["image_z_step5"])
    assert_renders(generator.render(known.inputs["w2"], "w"), known.outputs["image_w_step5"])
    mixed = torch.cat([known.inputs["w2"].repeat(1, 2), w[:1].repeat(1, 4)], dim=1)
    assert_renders(generator.render(mixed, "w+"), known.outputs["image_mix_step5"])


def test_truncation_and_no_noise_are_those_of_the_public_implementation():
    truncated, known = fixture(128, truncation=0.7)
    assert_renders(truncated.render(known.inputs["z"][:1], "z"), known.outputs["image_truncated_step5"])
    silent, known = fixture(128, noise="none")
    assert_renders(silent.render(known.inputs["w2"], "w"), known.outputs["image_w_zero_noise_step5"])


def test_a_smaller_resolution_of_the_same_file_is_that_of_the_public_implementation():
    generator, known = fixture(32)
    assert_renders(generator.render(known.inputs["z"], "z"), known.outputs["image_z_step3"])


# A network of its own, of three scales, the last one fused ------------------------------------------------------------


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_derivatives_of_all_modes_agree(space: str):
    generator = small_stylegan1().double()
    latent = generator.space(space).sample(1, 3)[0].double()

    def image(values: Tensor) -> Tensor:
        return generator.render(values[None], space).flatten()

    jacobian = jacrev(image)(latent)
    assert jacobian.abs().max() > 0.01
    directions = torch.randn(3, len(latent), generator=torch.Generator().manual_seed(4)).double()
    columns = vmap(lambda v: jvp(image, (latent,), (v,))[1])(directions)
    torch.testing.assert_close(columns, directions @ jacobian.T, rtol=1e-9, atol=1e-10)
    leaf, reference = latent.clone().requires_grad_(), image(latent)
    (gradient,) = torch.autograd.grad((image(leaf) - reference).square().sum() / 2, leaf, create_graph=True)
    hessian = torch.stack([torch.autograd.grad(each, leaf, retain_graph=True)[0] for each in gradient])
    torch.testing.assert_close(hessian, jacobian.T @ jacobian, rtol=1e-8, atol=1e-9)


def test_noise_that_no_file_has_is_drawn_once_and_for_all():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        first = small_stylegan1()
        torch.manual_seed(2)
        again = small_stylegan1()
    latents = first.space("z").sample(2, 5)
    assert torch.equal(first.render(latents, "z"), again.render(latents, "z"))
    assert not torch.equal(first.render(latents, "z"), small_stylegan1(noise="none").render(latents, "z"))


def test_each_resolution_takes_a_w_of_its_own():
    generator = small_stylegan1()
    w, other = generator.space("w").sample(2, 1)
    before = generator.activations(w.repeat(3)[None])
    after = generator.activations(torch.cat([w.repeat(2), other])[None])
    same = {name: torch.equal(before[name], after[name]) for name in before}
    assert same == {"4 px": True, "8 px": True, "16 px": False, "image": False}
    assert generator.first_weights("w").shape == (2 * 2 * (6 + 6 + 4), 5)
    assert generator.first_weights("w", (2,)).shape == (2 * 2 * 4, 5)
    assert generator.first_weights("z").shape == (5, 5)


def test_other_tensors_and_scales_are_told():
    with pytest.raises(WeightsError, match=r"no generator\.progression\.4\.conv2\.conv\.weight_orig for .* of 64 px"):
        build(stylegan1_entry(5, 64), stylegan1_state())
    with pytest.raises(WeightsError, match=r"are not a stylegan1: .* has, besides, extra"):
        build(stylegan1_entry(5, 16), stylegan1_state() | {"extra": torch.zeros(1)})
    with pytest.raises(InvalidInputError, match=r"'w\+': 20.* are stated, but the weights give .*'w\+': 15"):
        build(CatalogueEntry(**vars(stylegan1_entry(5, 16)) | {"spaces": style_spaces(5, 5, 4)}), stylegan1_state())


def test_every_tensor_is_called_in_errors_as_its_file_does():
    state = stylegan1_state()
    # By some the family, and the form of a block, are known; of others, all alike, none is needed.
    known = r"style\.1\..*weight_orig|.*\.0\.(conv1\.input|adain1.*weight_orig)|.*\.3\..*|.*conv1\.[12]\.weight(_flip)?"
    known += r"|.*conv1\.0\.weight|.*\.conv2\.conv\.weight_orig|generator\.to_rgb\.[013].*|style\.3\..*weight_orig"
    for name in state:
        if re.fullmatch(known, name):
            continue
        with pytest.raises(WeightsError) as refused:
            build(stylegan1_entry(5, 16), {each: value for each, value in state.items() if each != name})
        assert f"the file lacks {name}. Its tensors are " in str(refused.value)


def test_the_resolution_is_asked_for():
    entry = CatalogueEntry(**vars(stylegan1_entry(5, 16)) | {"options": {}})
    with pytest.raises(CatalogueError, match=r"needs the option 'resolution', .*one of 8, 16.*usual: 1024, 512 or 256"):
        build(entry, stylegan1_state())
