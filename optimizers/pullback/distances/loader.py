"""Loader of distances: from a name to a distance with its published weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from pullback.distances.catalogue_file import DEFAULT_DISTANCE, OWN_FAMILY, TIMM_FAMILY, DistanceEntry, catalogue, entry
from pullback.distances.distance import Distance
from pullback.distances.mse import Mse
from pullback.distances.python_code import from_code, installed_distance
from pullback.distances.ssim import Ssim
from pullback.distances.st_lpips import ShiftTolerantLpips
from pullback.distances.stft import MultiScaleStft
from pullback.weights.entry_points import DISTANCES, entry_points_of
from pullback.weights.finite import check_module
from pullback.weights.store import load_state_dict


def _without_weights(kind: Callable[[DistanceEntry], Distance]) -> Callable[..., Distance]:
    def build_it(found: DistanceEntry, state: Mapping[str, Tensor]) -> Distance:
        del state  # There is none.
        return kind(found)

    return build_it


def _imported(module: str, name: str) -> Callable[..., Distance]:
    # timm and torchvision take seconds to load: only those wait for them who ask for a distance of theirs.
    def build_it(found: DistanceEntry, state: Mapping[str, Tensor]) -> Distance:
        kind = getattr(importlib.import_module(f"pullback.distances.{module}"), name)
        distance: Distance = kind(found, state)
        return distance

    return build_it


FAMILIES: dict[str, Callable[[DistanceEntry, Mapping[str, Tensor]], Distance]] = {
    "lpips-effnet-lite0": _imported("effnet_lite0", "lpips_effnet_lite0"),
    "st-lpips": ShiftTolerantLpips,
    "lpips": _imported("lpips_published", "PublishedLpips"),
    TIMM_FAMILY: _imported("lpips_timm", "lpips_timm"),
    "mse": _without_weights(Mse),
    "ssim": _without_weights(Ssim),
    "stft": _without_weights(MultiScaleStft),
}


def load(
    name: str = DEFAULT_DISTANCE,
    device: str | torch.device | None = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Distance:
    """Loads a distance, fetching its weights the first time.

    Args:
        name: Name in the catalogue, or `lpips-timm:NETWORK[:SIDE][@FILE]`: LPIPS' uncalibrated form over a network of
            timm, on images resized to SIDE × SIDE px (by default what the network was published for), with the
            weights of FILE (.safetensors or .pth, under timm's names) or else those of timm's hub. The loaded
            distance's name then says network and side, and `weights_hash` is the file's SHA-256.
        device: Where to put it; None takes CUDA where there is one, else the CPU.
        dtype: Floating-point type of the weights and of the embedding.

    Returns:
        The distance, frozen and in evaluation mode.

    Raises:
        UnknownNameError: No such distance; the message lists the known ones. Or no such network of timm.
        InvalidInputError: A network of timm that cannot serve as a distance; the message says why.
        WeightsUnavailableError: Its weights are not on this machine and not to be had; the message says how to place
            them by hand. No other distance is put in its place.
        WeightsError: The weights cannot be used.
        OwnCodeError: It is code of one's own, which failed or is not what its entry names.
    """
    if name in entry_points_of(DISTANCES) and all(name != known.name for known in catalogue()):
        return _placed(installed_distance(name), name, device, dtype)
    found = entry(name)
    if found.family == OWN_FAMILY:
        return _placed(from_code(found), name, device, dtype)
    if found.family == TIMM_FAMILY:
        from pullback.distances.lpips_timm import find_weights  # noqa: PLC0415  (loads timm)

        found = find_weights(found)
    state = load_state_dict(found.source) if found.source else {}
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    distance = build(found, state).to(device, dtype)
    check_module(distance, state, f"distance {found.name!r}", found.source)
    return distance


def _placed(distance: Distance, name: str, device: str | torch.device | None, dtype: torch.dtype) -> Distance:
    """A distance of one's own, frozen, in evaluation mode, in its place."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    distance = distance.requires_grad_(False).eval().to(device, dtype)
    check_module(distance, {}, f"distance {name!r}", None)
    return distance


def build(found: DistanceEntry, state: Mapping[str, Tensor]) -> Distance:
    """A distance of a catalogue entry with these weights, frozen and in evaluation mode, on the CPU.

    Raises:
        WeightsError: The weights are not those of the distance, or those that it uses are not finite.
    """
    distance = FAMILIES[found.family](found, state)
    check_module(distance, state, f"distance {found.name!r}", found.source)
    return distance.requires_grad_(False).eval()
