"""Units of EfficientNet-Lite0 against timm's own network with the same weights; what all networks' units share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pullback.distances import entry
from pullback.errors import InvalidInputError, UnknownNameError, WeightsError
from pullback.neurons import GAIN, Neurons, Unit, build, load
from pullback.weights import load_state_dict

EFFNET = "efficientnet-lite0"
SIDE = 64
# One of every kind of layer, and every way to name a position.
UNITS = [
    Unit(EFFNET, "logits", 281),
    Unit(EFFNET, "bn1", 7, row=3, column=5),
    Unit(EFFNET, "blocks.2.1", 12),
    Unit(EFFNET, "blocks.4.0", 99, row=0),
    Unit(EFFNET, "blocks.6.0", 3, column=1, gain=2.5),
    Unit(EFFNET, "bn2", 640),
    Unit(EFFNET, "blocks.2.1", 12, row=7, column=0),
]


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    source = entry("lpips-effnet-lite0").source
    assert source is not None
    return dict(load_state_dict(source))


@pytest.fixture(scope="module")
def neurons(published: dict[str, Tensor]) -> Neurons:
    return build(UNITS, published, side=SIDE)


@pytest.fixture(scope="module")
def plain(published: dict[str, Tensor]) -> Any:
    """timm's network, given the published tensors by what a layer is made of rather than by its name."""
    import timm  # seconds, which those processes are spared that only collect this file

    with torch.random.fork_rng():
        network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    # The published file writes modules in the order in which an image passes them; so does timm.
    order = {"_conv_stem": -1, "_bn0": 0, "_conv_head": 2, "_bn1": 3, "_fc": 4}
    inner = ["_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"]

    def place(name: str) -> tuple[float, ...]:
        parts = name.split(".")
        return (1, int(parts[1]), inner.index(parts[2])) if parts[0] == "_blocks" else (order[parts[0]],)

    names = sorted(published, key=place)  # stable: weight, bias, mean and variance of a module are matched below
    modules: dict[str, dict[str, Tensor]] = {}
    for name in names:
        module, _, parameter = name.rpartition(".")
        modules.setdefault(module, {})[parameter] = published[name]
    holders = [module for module in network.modules() if next(module.parameters(recurse=False), None) is not None]
    for holder, tensors in zip(holders, modules.values(), strict=True):
        holder.load_state_dict(tensors)
    return network


def pictures(count: int, size: int = 48, channels: int = 3) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(count))


def activations(network: Any, images: Tensor, name: str) -> Tensor:
    """What a module of timm's network gives, seen from outside."""
    seen: list[Tensor] = []
    module: nn.Module = network.classifier if name == "logits" else network.get_submodule(name)
    hook = module.register_forward_hook(lambda *call: seen.append(call[2].clone()))
    resized = functional.interpolate(images.expand(-1, 3, -1, -1), (SIDE, SIDE), mode="bilinear", antialias=True)
    with torch.no_grad():
        network((255 * resized - 127) / 128)
    hook.remove()
    return seen[0]


def test_a_rate_is_the_rectified_activation_of_timms_network_times_the_gain(neurons: Neurons, plain: Any):
    images = pictures(5)
    rates = neurons.respond(images)
    positions = [None, (3, 5), (4, 4), (0, 2), (1, 1), (1, 1), (7, 0)]
    for column, (unit, position) in enumerate(zip(UNITS, positions, strict=True)):
        activation = activations(plain, images, unit.layer)[:, unit.channel]
        if position is not None:
            activation = activation[:, position[0], position[1]]
        torch.testing.assert_close(rates[:, column], unit.gain * activation.clamp(min=0), rtol=1e-4, atol=1e-4)
    assert (rates > 0).any(dim=0).sum() >= 5


def test_one_unit_for_each_image_gives_what_all_units_give(neurons: Neurons):
    images = pictures(40)
    unit = torch.arange(40) % len(UNITS)
    expected = neurons.respond(images)[torch.arange(40), unit]
    torch.testing.assert_close(neurons.respond_each(images, unit), expected, rtol=1e-4, atol=1e-4)


def test_the_network_tells_a_cat_from_a_cup():
    skimage_data = pytest.importorskip("skimage.data")
    cat, cup = 285, 504  # Egyptian cat, coffee mug
    found = load([Unit(EFFNET, "logits", cat), Unit(EFFNET, "logits", cup)])
    photographs = [skimage_data.chelsea(), skimage_data.coffee()]
    rates = torch.cat([found.respond(torch.tensor(each).movedim(-1, 0)[None] / 255) for each in photographs])
    assert rates[0, 0] > rates[1, 0]
    assert rates[1, 1] > rates[0, 1]


def test_images_may_be_grey_and_of_any_size(neurons: Neurons):
    grey = pictures(2, size=80, channels=1)
    torch.testing.assert_close(neurons.respond(grey), neurons.respond(grey.expand(-1, 3, -1, -1)))


def test_layers_say_what_units_there_are(neurons: Neurons):
    assert neurons.layers["bn1"] == (32, 32, 32)
    assert neurons.layers["blocks.4.2"] == (112, 4, 4)
    assert neurons.layers["bn2"] == (1280, 2, 2)
    assert neurons.layers["logits"] == (1000, 1, 1)
    assert len(neurons.layers) == 19


def test_calibrated_units_have_the_wanted_mean_rate(neurons: Neurons):
    images = pictures(12)
    answering = [unit for unit, mean in zip(UNITS, neurons.respond(images).mean(dim=0), strict=True) if mean > 0]
    found = load(answering, side=SIDE).calibrated(images, 20.0)
    torch.testing.assert_close(found.respond(images).mean(dim=0), torch.full((len(answering),), 20.0))
    assert [unit.layer for unit in found.units] == [unit.layer for unit in answering]


def test_a_unit_that_never_answers_cannot_be_calibrated(neurons: Neurons, published: dict[str, Tensor]):
    images = pictures(2)
    logits = [Unit(EFFNET, "logits", channel) for channel in range(1000)]
    silent = int(build(logits, published, side=SIDE).respond(images).sum(dim=0).argmin())
    with pytest.raises(
        InvalidInputError, match=rf"unit efficientnet-lite0 logits {silent} answers to none of the 2 images"
    ):
        build([Unit(EFFNET, "logits", silent)], published, side=SIDE).calibrated(images, 20.0)


def test_neurons_learn_nothing_and_leave_random_numbers_alone(published: dict[str, Tensor]):
    before = torch.get_rng_state()
    found = build(UNITS, published, side=SIDE)
    found.respond(pictures(2))
    assert torch.equal(before, torch.get_rng_state())
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())
    assert Unit(EFFNET, "logits", 0).gain == GAIN


def test_an_unknown_layer_gets_the_known_ones(published: dict[str, Tensor]):
    with pytest.raises(UnknownNameError, match=r"no layer of efficientnet-lite0 is named 'fc'; known: bn1, .*, logits"):
        build([Unit(EFFNET, "fc", 0)], published)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        (Unit(EFFNET, "logits", 1000), r"'logits' of efficientnet-lite0 has channels 0 to 999.*channel 1000"),
        (
            Unit(EFFNET, "blocks.4.2", 0, row=4),
            r"for images of 64 px rows 0 to 3 and columns 0 to 3, but channel 0, row 4",
        ),
        (Unit(EFFNET, "bn1", -1), r"but channel -1"),
    ],
)
def test_a_unit_that_is_not_there_gets_those_that_are(unit: Unit, message: str, published: dict[str, Tensor]):
    with pytest.raises(InvalidInputError, match=message):
        build([unit], published, side=SIDE)


def test_what_cannot_be_looked_at_is_refused(neurons: Neurons, published: dict[str, Tensor]):
    with pytest.raises(InvalidInputError, match=r"a unit's gain is finite and above 0 spikes/s, but 0.0 came"):
        Unit(EFFNET, "logits", 0, gain=0.0)
    with pytest.raises(InvalidInputError, match="at least one unit"):
        build([], published)
    with pytest.raises(InvalidInputError, match="images of 32 to 1024 px, but a side of 16 came"):
        build(UNITS, published, side=16)
    with pytest.raises(InvalidInputError, match=r"of 1 or 3 channels, but shape \(2, 4, 48, 48\) came"):
        neurons.respond(pictures(2, channels=4))
    with pytest.raises(InvalidInputError, match=r"each of 2 images is for a unit numbered 0 to 6, but \[0, 7\] came"):
        neurons.respond_each(pictures(2), torch.tensor([0, 7]))


def test_weights_of_another_network_are_refused():
    with pytest.raises(WeightsError, match="do not fit its network"):
        build(UNITS, {"_conv_stem.weight": torch.zeros(32, 3, 3, 3)})
