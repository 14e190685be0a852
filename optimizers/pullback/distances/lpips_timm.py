"""LPIPS's uncalibrated form over any network of timm."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import timm
import torch
from torch import Tensor, nn
from torch.func import jvp, vmap
from torch.nn import functional

from pullback.distances.catalogue_file import DistanceEntry
from pullback.distances.features import prepare
from pullback.distances.lpips_backbone import BackboneLpips
from pullback.errors import InvalidInputError, UnknownNameError, WeightsUnavailableError
from pullback.weights.cache import sha256_of
from pullback.weights.inspection import inspect
from pullback.weights.source import WeightsSource

_HUB_FILE = "model.safetensors"
_HUB_TIMEOUT_S = 10
# What files of training runs put around the tensors.
_WRAPPERS = ("state_dict.", "model_state.", "model.", "module.")


def find_weights(entry: DistanceEntry) -> DistanceEntry:
    """The entry of a distance over a network of timm, with its weight file: the one it names, or timm's from the hub.

    Raises:
        UnknownNameError: timm has no such network.
        WeightsUnavailableError: The file is not there, or the hub does not give it; the message says how to pass one.
    """
    settings = _settings(entry.backbone)
    path = Path(entry.file).expanduser().resolve() if entry.file else _from_hub(entry, settings)
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise WeightsUnavailableError(
            f"the weight file {path} of distance {entry.name!r} cannot be used: {inspect(path)}"
        ) from error
    return replace(entry, source=WeightsSource(kind="path", location=str(path), sha256=sha256))


def lpips_timm(entry: DistanceEntry, state: Mapping[str, Tensor]) -> BackboneLpips:
    """LPIPS's uncalibrated form over the stages that timm's `features_only` gives.

    Images are resized to the side that the entry names, or to that of the network's published settings, and
    normalised as those settings say. The distance's name always says the side.

    Every network is tried once when it is built, because few promise forward mode and double backward.

    Args:
        entry: What is known of this distance; its backbone is a network of timm.
        state: The network's tensors, by timm's names. Those of a classification head may be there too.

    Raises:
        UnknownNameError: timm has no such network.
        InvalidInputError: The network has no stages, takes no colour images or none of this side, or cannot be
            differentiated as the geometry needs it.
        WeightsError: The tensors are not those of the network.
    """
    settings = _settings(entry.backbone)
    channels, published_side, _ = settings.input_size
    side = entry.side or published_side
    if channels != 3:
        raise InvalidInputError(f"timm's {entry.backbone} takes images of {channels} channels; a distance needs 3")
    if settings.fixed_input_size and side != published_side:
        raise InvalidInputError(f"timm's {entry.backbone} takes images of {published_side} px only, not {side}")
    network = Stages(_create(entry.backbone))
    prepare(network.network, _matched(state, network.network), f"distance {entry.name!r}")
    distance = BackboneLpips(
        replace(entry, name=f"{entry.family}:{entry.backbone}:{side}"),
        network,
        network.channels,
        side=side,
        mean=settings.mean,
        std=settings.std,
    )
    _try(distance.requires_grad_(False).eval(), entry.backbone)
    return distance


class Stages(nn.Module):
    """The stages of a network of timm, as (B, C, H, W), made of operations that can be differentiated twice.

    Args:
        network: What timm's `features_only` gives; changed here.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.channels: Sequence[int] = network.feature_info.channels()
        # Transformers with windows keep channels last.
        self.channels_last = getattr(network, "output_fmt", None) == "NHWC"
        for module in list(network.modules()):
            # The fused attention has no forward mode.
            if getattr(module, "fused_attn", False):
                module.fused_attn = False
            for name, child in module.named_children():
                if isinstance(child, nn.Hardsigmoid):
                    setattr(module, name, HardSigmoid())

    def forward(self, images: Tensor) -> list[Tensor]:
        """The activations of each stage."""
        stages: list[Tensor] = self.network(images)
        return [stage.permute(0, 3, 1, 2) if self.channels_last else stage for stage in stages]


class HardSigmoid(nn.Module):
    """min(max(x + 3, 0), 6) / 6: torch's own has no second derivative."""

    def forward(self, values: Tensor) -> Tensor:
        """The function, element by element."""
        return functional.relu6(values + 3) / 6


def _settings(network: str) -> Any:
    """What timm publishes of a network: input size, normalisation, where its weights are."""
    try:
        return timm.models.get_pretrained_cfg(network, allow_unregistered=False)
    except RuntimeError:
        # No such network, no such set of weights (what stands after the dot), or none published at all.
        published = timm.list_pretrained(f"{network.partition('.')[0]}.*")
        near = published or difflib.get_close_matches(network, timm.list_models(), n=5)
        raise UnknownNameError("network of timm", network, [*near, "see timm.list_models() for all"]) from None


def _create(name: str) -> nn.Module:
    try:
        # Not on the meta device: buffers that no weight file holds are computed here.
        with torch.random.fork_rng(devices=[]):
            network: nn.Module = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise InvalidInputError(f"timm's {name} has no stages to compare (features_only): {error}") from error
    return network


def _matched(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The tensors of a weight file under the names that `features_only` makes of them."""
    # Some files are published in half precision.
    given = {_plain(name): tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    return {name: given[_plain(name)] for name in network.state_dict() if _plain(name) in given}


def _plain(name: str) -> str:
    # `features_only` writes features.0.weight as features_0.weight, or puts `model.` before it.
    while prefix := next((prefix for prefix in _WRAPPERS if name.startswith(prefix)), ""):
        name = name.removeprefix(prefix)
    return name.replace(".", "_")


def _from_hub(entry: DistanceEntry, settings: Any) -> Path:
    if not settings.hf_hub_id:
        raise _unavailable(entry, "timm publishes none for this network")
    offline = os.environ.get("PULLBACK_OFFLINE", "") not in {"", "0"}
    try:
        found = huggingface_hub.hf_hub_download(
            settings.hf_hub_id,
            settings.hf_hub_filename or _HUB_FILE,
            local_files_only=offline,
            etag_timeout=_HUB_TIMEOUT_S,
        )
    except OSError as error:
        reason = "PULLBACK_OFFLINE is set, so nothing was downloaded" if offline else f"the hub said: {error}"
        raise _unavailable(entry, reason) from error
    return Path(found)


def _unavailable(entry: DistanceEntry, reason: str) -> WeightsUnavailableError:
    return WeightsUnavailableError(
        f"the weights of distance {entry.name!r} are not on this machine: {reason}. Put a file of timm's weights for "
        f"{entry.backbone} (.safetensors or .pth) on this machine and name it: {entry.name}@/path/to/file"
    )


def _try(distance: BackboneLpips, network: str) -> None:
    """Takes the derivatives that the geometry takes, once, of a small difference at a grey image."""
    image = torch.full((1, 3, distance.side, distance.side), 0.5)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # On first use torch compiles its forward-mode formulas with an interface that it calls deprecated.
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
            vmap(lambda v: jvp(distance.embed, (image,), (v,))[1])(torch.ones_like(image)[None])
        leaf = image.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(distance(leaf, image / 2).sum(), leaf, create_graph=True)
        torch.autograd.grad(gradient.sum(), leaf)
    except (RuntimeError, ValueError, IndexError, AssertionError) as error:
        raise InvalidInputError(
            f"timm's {network} cannot serve as a distance of {distance.side} px images: {error}"
        ) from error
