"""Units of AlexNet and VGG-16 against their convolutions, computed one after the other from the published tensors."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pullback.distances import entry
from pullback.errors import InvalidInputError, UnknownNameError, WeightsError
from pullback.neurons import NETWORKS, Unit, build, load
from pullback.weights import load_state_dict

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
SIDE = 96
# Of each convolution of AlexNet: stride, padding, and whether pooling of 3 px every 2 comes before.
ALEXNET = {0: (4, 2, False), 3: (1, 2, True), 6: (1, 1, True), 8: (1, 1, False), 10: (1, 1, False)}
# Numbers of VGG-16's convolutions, stage by stage; pooling comes before every stage but the first.
VGG16 = [(0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)]


@functools.cache
def state_of(distance: str) -> dict[str, Tensor]:
    source = entry(distance).source
    assert source is not None
    return dict(load_state_dict(source))


def pictures(count: int, size: int = 120) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(count))


def seen(images: Tensor, side: int) -> Tensor:
    resized = functional.interpolate(images, (side, side), mode="bilinear", antialias=True)
    return (resized - MEAN[:, None, None]) / STD[:, None, None]


def alexnet_activations(images: Tensor) -> dict[str, Tensor]:
    """What follows every convolution of AlexNet, rectified."""
    state, found = state_of("lpips-alex"), {}
    for layer, (number, (stride, padding, pooled)) in enumerate(ALEXNET.items(), 1):
        weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
        images = functional.max_pool2d(images, 3, 2) if pooled else images
        images = functional.conv2d(images, weight, bias, stride, padding).relu()
        found[f"conv{layer}"] = images
    return found


def vgg16_activations(images: Tensor) -> dict[str, Tensor]:
    """What follows every convolution of VGG-16, rectified."""
    state, found = state_of("lpips-vgg"), {}
    for stage, numbers in enumerate(VGG16, 1):
        images = functional.max_pool2d(images, 2) if stage > 1 else images
        for place, number in enumerate(numbers, 1):
            weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
            images = functional.conv2d(images, weight, bias, padding=1).relu()
            found[f"conv{stage}_{place}"] = images
    return found


@pytest.mark.parametrize("network", ["alexnet", "vgg16"])
def test_a_rate_is_the_rectified_output_of_a_convolution_times_the_gain(network: str):
    images = pictures(3)
    expected = (alexnet_activations if network == "alexnet" else vgg16_activations)(seen(images, SIDE))
    # Of every layer the unit at the centre that answers the first image most.
    centres = {layer: maps[0, :, maps.shape[2] // 2, maps.shape[3] // 2] for layer, maps in expected.items()}
    units = [Unit(network, layer, int(centre.argmax())) for layer, centre in centres.items()]
    units += [Unit(network, next(iter(expected)), 7, row=3, column=11, gain=2.5)]
    neurons = load(units, side=SIDE)
    assert neurons.layers == {layer: tuple(maps.shape[1:]) for layer, maps in expected.items()}
    rates = neurons.respond(images)
    for column, unit in enumerate(units):
        maps = expected[unit.layer][:, unit.channel]
        row = maps.shape[1] // 2 if unit.row is None else unit.row
        middle = maps.shape[2] // 2 if unit.column is None else unit.column
        torch.testing.assert_close(rates[:, column], unit.gain * maps[:, row, middle], rtol=1e-4, atol=1e-3)
    assert (rates[0, : len(expected)] > 0).all()
    # One unit for each image gives the same.
    each = neurons.respond_each(images, torch.tensor([0, len(units) // 2, len(units) - 1]))
    torch.testing.assert_close(each, rates[range(3), [0, len(units) // 2, len(units) - 1]], rtol=1e-4, atol=1e-3)


def test_alexnet_sees_224_px_unless_another_side_is_said():
    image = pictures(1, 64)
    for side, expected in ((None, 224), (100, 100)):
        neurons = load([Unit("alexnet", "conv4", 22)], side=side)
        assert neurons.side == expected
        maps = alexnet_activations(seen(image, expected))["conv4"]
        middle = maps.shape[-1] // 2
        torch.testing.assert_close(neurons.respond(image)[0, 0], 10 * maps[0, 22, middle, middle], rtol=1e-4, atol=1e-3)
    assert load([Unit("alexnet", "conv4", 22)]).layers["conv4"] == (256, 13, 13)
    assert (NETWORKS["vgg16"].side, NETWORKS["efficientnet-lite0"].side) == (224, 128)


def test_calibrated_units_keep_their_network():
    found = load([Unit("alexnet", "conv1", 3)], side=64).calibrated(pictures(8, 64), 20.0)
    assert found.network.name == "alexnet"
    torch.testing.assert_close(found.respond(pictures(8, 64)).mean(), torch.tensor(20.0))
    assert str(found.units[0]) == "alexnet conv1 3"


def test_units_of_other_networks_are_refused_with_those_there_are():
    with pytest.raises(
        UnknownNameError, match="no network is named 'resnet'; known: efficientnet-lite0, alexnet, vgg16"
    ):
        load([Unit("resnet", "conv1", 0)])
    with pytest.raises(UnknownNameError, match=r"no layer of vgg16 is named 'conv6_1'; known: conv1_1, .*, conv5_3"):
        load([Unit("vgg16", "conv6_1", 0)], side=32)
    with pytest.raises(InvalidInputError, match=r"'conv5' of alexnet has channels 0 to 255.* but channel 256"):
        load([Unit("alexnet", "conv5", 256)])
    with pytest.raises(
        InvalidInputError, match="units of alexnet and vgg16 came; load those of each network by themselves"
    ):
        load([Unit("alexnet", "conv1", 0), Unit("vgg16", "conv1_1", 0)])
    for side in (31, 1025):
        with pytest.raises(InvalidInputError, match=f"alexnet sees images of 32 to 1024 px, but a side of {side} came"):
            load([Unit("alexnet", "conv1", 0)], side=side)


def test_weights_of_another_network_are_refused():
    with pytest.raises(WeightsError, match="the weights of network 'alexnet' do not fit its network"):
        build([Unit("alexnet", "conv1", 0)], state_of("lpips-vgg"))
