"""WaveGAN: its public implementation's sounds, both forms of its layers, its lengths, and metrics of its sounds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from published import assert_exact, published
from pullback import distances
from pullback.errors import CatalogueError, InvalidInputError, WeightsError
from pullback.generators import Generator, build
from pullback.geometry import metric_tensor
from tiny_published import entry_of, random_state, wavegan_shapes

DIM = 5


def wavegan(
    layers: int = 5, length: int = 16384, *, nearest: bool = True, normalized: bool = False, channels: int = 1
) -> tuple[Generator, dict[str, Tensor]]:
    shapes = wavegan_shapes(layers, nearest=nearest, normalized=normalized, dim=DIM, channels=channels)
    state, samples = random_state(shapes), length + 2 if length == 32768 and not nearest else length
    return build(entry_of("wavegan", DIM, (channels, samples), length=length), state), state


def latents(count: int = 2) -> Tensor:
    return torch.randn(count, DIM, generator=torch.Generator().manual_seed(1))


def by_hand(state: dict[str, Tensor], z: Tensor, layers: int, last_stride: int, *, nearest: bool) -> Tensor:
    """The published layers one after the other."""

    def normalized(values: Tensor, name: str) -> Tensor:
        if f"deconv_list.0.transpose_ops.{2 if nearest else 1}.running_mean" not in state:
            return values
        kinds = ("running_mean", "running_var", "weight", "bias")
        return functional.batch_norm(values, *(state[f"{name}.{kind}"] for kind in kinds), eps=1e-5)

    values = functional.linear(z, state["fc1.weight"], state["fc1.bias"]).reshape(len(z), -1, 16)
    values = normalized(values, "bn1").relu()
    for number in range(layers):
        name, last = f"deconv_list.{number}.transpose_ops", number == layers - 1
        weight, bias = (state[f"{name}.{int(nearest)}.{kind}"] for kind in ("weight", "bias"))
        if nearest:
            padded = functional.pad(values.repeat_interleave(4, dim=2), (12, 12))
            values = functional.conv1d(padded, weight, bias, stride=2 if last and last_stride == 2 else 1)
        else:
            stride = last_stride if last else 4
            values = functional.conv_transpose1d(values, weight, bias, stride, padding=11, output_padding=1)
        if not last:
            values = normalized(values, f"{name}.{2 if nearest else 1}").relu()
    return values.tanh()


@pytest.mark.parametrize("length", [16384, 65536])
def test_it_makes_the_sounds_of_its_public_implementation(length: int):
    known = published(f"wavegan_{length}_nearest")
    generator = build(entry_of("wavegan", 100, (1, length), length=length), known.state)
    assert_exact(generator.render(known.inputs["z"], "z"), known.outputs["sound"])


@pytest.mark.parametrize("nearest", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize(("layers", "length"), [(5, 16384), (6, 32768), (6, 65536)])
def test_both_forms_of_every_length_are_those_of_the_layers_written_out(
    layers: int, length: int, *, nearest: bool, normalized: bool
):
    generator, state = wavegan(layers, length, nearest=nearest, normalized=normalized, channels=2)
    sounds = generator.double().render(latents().double(), "z")
    assert sounds.shape == (2, *generator.image_shape)
    last_stride = 2 if length == 32768 else 4
    double = {name: tensor.double() for name, tensor in state.items()}
    assert_exact(sounds, by_hand(double, latents().double(), layers, last_stride, nearest=nearest))


def test_transposed_layers_of_half_the_length_give_two_samples_more():
    assert wavegan(6, 32768, nearest=False)[0].image_shape == (1, 32770)


def test_the_length_is_asked_for_where_six_layers_may_have_two():
    state = random_state(wavegan_shapes(6, nearest=True, normalized=False, dim=DIM))
    with pytest.raises(CatalogueError, match=r"needs the option 'length'.*one of 16384, 32768, 65536 .*usual: 65536"):
        build(entry_of("wavegan", DIM, (1, 65536)), state)
    with pytest.raises(InvalidInputError, match="16384 samples, but weights of 6 layers give 65536 or 32768"):
        build(entry_of("wavegan", DIM, (1, 16384), length=16384), state)
    five = random_state(wavegan_shapes(5, nearest=True, normalized=False, dim=DIM))
    assert build(entry_of("wavegan", DIM, (1, 16384)), five).image_shape == (1, 16384)


@pytest.mark.parametrize(
    ("lost", "added", "message"),
    [
        ("deconv_list.2.transpose_ops.1.bias", "", r"tensor 'deconv_list\.2\.transpose_ops\.1\.bias' is missing"),
        ("", "deconv_list.2.transpose_ops.2.weight", r"it has no tensors 'deconv_list\.2\.transpose_ops\.2\.weight'"),
        ("", "deconv_list.5.transpose_ops.1.weight", "needs the option 'length'"),
        ("", "deconv_list.9.transpose_ops.1.weight", "needs the option 'length'"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(lost: str, added: str, message: str):
    state = random_state(wavegan_shapes(5, nearest=True, normalized=False, dim=DIM))
    state.pop(lost, None)
    if added:
        state[added] = torch.ones(3, 3, 25)
    with pytest.raises((WeightsError, CatalogueError), match=message):
        build(entry_of("wavegan", DIM, (1, 16384)), state)


def test_a_first_layer_that_makes_no_map_of_sixteen_samples_is_refused():
    state = random_state(wavegan_shapes(5, nearest=True, normalized=False, dim=DIM))
    rows = len(state["fc1.bias"]) + 3
    state |= {"fc1.weight": torch.ones(rows, DIM), "fc1.bias": torch.ones(rows)}
    with pytest.raises(WeightsError, match=rf"'fc1\.weight' has {rows} rows, which are no map of 16 samples"):
        build(entry_of("wavegan", DIM, (1, 16384)), state)


def test_sounds_have_metrics_under_the_distance_of_sounds():
    generator, _ = wavegan()
    assert torch.equal(generator.first_weights("z"), generator.get_parameter("network.first.weight"))
    distance = distances.load("stft")
    metric = metric_tensor(generator, distance, latents(1)[0], "z")
    assert metric.shape == (DIM, DIM)
    assert float(torch.linalg.eigvalsh(metric)[-1]) > 0
