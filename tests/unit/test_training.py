"""Training of a small style-based generator: what a step does, and that a training which stops goes on the same."""

from __future__ import annotations

import copy
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from pullback import generators
from pullback.errors import InvalidInputError
from pullback.generators import Generator
from pullback.generators.style_based.stylegan2_network import StyleGan2Shape
from pullback.training import __main__ as command
from pullback.training.publication import write_samples, write_weights
from pullback.training.run import LOG_EVERY, train
from pullback.training.stream import ImageStream
from pullback.training.trainer import Recipe, Trainer, squared_gradient

SHAPE = StyleGan2Shape(latent_dim=6, mapping_layers=2, channels=(8, 8, 4))
# R1 is taken every second step, so that few steps have both kinds.
RECIPE = Recipe(SHAPE, batch=4, lazy=2)


def noise(number: int) -> Tensor:
    """Real images of a number."""
    return torch.randn(RECIPE.batch, 3, SHAPE.side, SHAPE.side, generator=torch.Generator().manual_seed(number)).tanh()


def advanced(steps: int, recipe: Recipe = RECIPE) -> Trainer:
    """A training after so many steps."""
    trainer = Trainer(recipe, noise, torch.device("cpu"))
    for _ in range(steps):
        trainer.advance()
    return trainer


def tensors_of(state: object) -> list[Tensor]:
    """All tensors of a state, in order."""
    if isinstance(state, Tensor):
        return [state]
    return [tensor for value in state.values() for tensor in tensors_of(value)] if isinstance(state, dict) else []


def same(one: object, other: object) -> bool:
    """Whether all tensors of two states are equal, bit for bit."""
    return all(torch.equal(a, b) for a, b in zip(tensors_of(one), tensors_of(other), strict=True))


def test_going_on_from_a_state_equals_the_uninterrupted_training_bit_for_bit():
    resumed = Trainer(RECIPE, noise, torch.device("cpu"))
    resumed.load(copy.deepcopy(advanced(3).state()))
    uninterrupted = advanced(3)
    for _ in range(2):
        assert resumed.advance() == uninterrupted.advance()
    assert resumed.step == uninterrupted.step == 5
    assert same(resumed.state(), uninterrupted.state())


def test_a_training_that_was_stopped_ends_where_an_uninterrupted_one_does(tmp_path: Path, tiny_generator: Generator):
    train(RECIPE, tiny_generator, tmp_path / "stopped", kimg=0.008)
    train(RECIPE, tiny_generator, tmp_path / "stopped", kimg=0.016)
    train(RECIPE, tiny_generator, tmp_path / "whole", kimg=0.016)
    for name in ("faces32.safetensors", "samples.png"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    states = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("stopped", "whole")]
    assert states[0]["step"] == states[1]["step"] == 4
    assert same(*states)


def test_the_log_says_how_far_it_is_and_how_the_two_stand(tmp_path: Path, tiny_generator: Generator):
    train(RECIPE, tiny_generator, tmp_path, kimg=2 * LOG_EVERY * RECIPE.batch / 1000)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["kimg"] for line in lines] == [0.2, 0.4]
    assert {"images/s", "discriminator", "generator", "real", "fake"} < lines[0].keys()


def test_the_time_that_is_given_ends_a_training(tmp_path: Path, tiny_generator: Generator):
    train(RECIPE, tiny_generator, tmp_path, kimg=1.0, minutes=0.0)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 0


def test_another_seed_is_another_training():
    assert not same(advanced(1).state(), advanced(1, replace(RECIPE, seed=1)).state())


class Quadratic(nn.Module):
    """D(x) = a/2 ‖x‖², whose gradient is a x."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, images: Tensor) -> Tensor:
        """The logits of images."""
        return self.factor / 2 * images.square().sum(dim=(1, 2, 3))


def test_the_gradient_penalty_of_a_known_discriminator_is_its_closed_form():
    discriminator, images = Quadratic(3.0), noise(0)
    found = squared_gradient(discriminator, images)
    # E‖a x‖², and 2 a E‖x‖² its derivative
    power = images.square().sum(dim=(1, 2, 3)).mean()
    torch.testing.assert_close(found, 9 * power)
    torch.testing.assert_close(torch.autograd.grad(found, discriminator.factor)[0], 6 * power)
    assert not images.requires_grad


def test_the_gradient_penalty_is_taken_now_and_then():
    with_it, without = (advanced(0, replace(RECIPE, gamma=gamma)) for gamma in (10.0, 0.0))
    with_it.advance()
    without.advance()
    assert not same(with_it.discriminator.state_dict(), without.discriminator.state_dict())
    without.load(copy.deepcopy(with_it.state()))
    with_it.advance()
    without.advance()
    assert same(with_it.discriminator.state_dict(), without.discriminator.state_dict())


def test_the_discriminators_step_leaves_the_generator_alone_and_the_other_way_round():
    trainer = advanced(1)
    assert all(parameter.requires_grad for parameter in trainer.discriminator.parameters())
    assert all(parameter.requires_grad for parameter in trainer.generator.parameters())
    assert not any(parameter.requires_grad for parameter in trainer.average.parameters())


def test_the_average_begins_with_the_generator_and_follows_it_half_as_fast_as_images_are_shown():
    trainer = advanced(1)
    assert same(trainer.average.state_dict(), trainer.generator.state_dict())
    before = copy.deepcopy(trainer.average)
    trainer.advance()
    # After one batch of 4 the half-life is a twentieth of what was shown: 0.2 images.
    keep = 0.5 ** (4 / 0.2)
    for name, average in trainer.average.named_parameters():
        expected = keep * before.get_parameter(name) + (1 - keep) * trainer.generator.get_parameter(name)
        torch.testing.assert_close(average, expected, rtol=1e-6, atol=1e-7)


def test_the_stream_is_the_same_for_a_number_and_what_the_generator_draws_made_smaller(tiny_generator: Generator):
    stream = ImageStream(tiny_generator, side=8, batch=3)
    images = stream(5)
    assert torch.equal(images, stream(5))
    assert not torch.equal(images, stream(6))
    with torch.no_grad():
        drawn = tiny_generator.render(tiny_generator.space("z").sample(3, 5), "z")
    torch.testing.assert_close(images, 2 * functional.avg_pool2d(drawn, 2) - 1)
    assert images.abs().max() <= 1


def test_the_written_file_is_a_generator_of_the_catalogue_that_draws_what_the_average_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    average, file = advanced(2).average, tmp_path / "trained.safetensors"
    write_weights(average, file)
    layers = SHAPE.layers
    spaces = "".join(
        f'[[trained.spaces]]\nname = "{name}"\ndim = {dim}\nprior = "{prior}"\n'
        for name, dim, prior in (("z", 6, "standard-normal"), ("w", 6, "mapped"), ("w+", 6 * layers, "mapped"))
    )
    (tmp_path / "catalogue.toml").write_text(
        f'[trained]\nfamily = "stylegan2"\ninput_space = "w+"\nimage_shape = [3, {SHAPE.side}, {SHAPE.side}]\n{spaces}'
        f'[trained.source]\nkind = "path"\nlocation = "trained.safetensors"\n'
        f'sha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"\n'
    )
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(tmp_path / "catalogue.toml"))
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "cache"))
    generator = generators.load("trained")
    z = generator.space("z").sample(4, seed=0)
    with torch.no_grad():
        w = average.mapping(z)
        expected = ((average.synthesis(w[:, None].expand(-1, layers, -1)) + 1) / 2).clamp(0, 1)
        torch.testing.assert_close(generator.render(z, "z"), expected, rtol=0, atol=5e-3)
        mean = average.mapping(torch.randn(50_000, 6, generator=torch.Generator().manual_seed(9))).mean(dim=0)
    torch.testing.assert_close(generator.space("w").prior.mean(6), mean, rtol=0, atol=2e-2)


def test_the_sheet_of_samples_is_a_picture_of_144(tmp_path: Path):
    write_samples(advanced(0).average, tmp_path / "samples.png")
    with Image.open(tmp_path / "samples.png") as sheet:
        assert sheet.size == (12 * SHAPE.side, 12 * SHAPE.side)


def test_a_folder_of_another_training_is_refused_and_left_as_it_is(tmp_path: Path, tiny_generator: Generator):
    train(RECIPE, tiny_generator, tmp_path, kimg=0.004)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    other = replace(RECIPE, shape=replace(SHAPE, latent_dim=5))
    with pytest.raises(InvalidInputError, match=r"cannot go on from .*checkpoint\.pt: .*latent_dim=6.*latent_dim=5"):
        train(other, tiny_generator, tmp_path, kimg=0.008)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: file.write_bytes(b"cut off"), "cannot go on from"),
        (lambda file: torch.save({"step": 3}, file), "the state of a training lacks generator, average"),
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, tiny_generator: Generator, write, message: str):
    write(tmp_path / "checkpoint.pt")
    with pytest.raises(InvalidInputError, match=message):
        train(RECIPE, tiny_generator, tmp_path, kimg=0.008)


def test_the_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, tiny_generator: Generator, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "checkpoint.pt").write_bytes(b"cut off")
    monkeypatch.setattr(command.generators, "load", lambda *_: tiny_generator)
    monkeypatch.setattr(sys, "argv", ["training", "--folder", str(tmp_path), "--kimg", "1"])
    with pytest.raises(SystemExit, match=r"^error: cannot go on from"):
        command.main()
