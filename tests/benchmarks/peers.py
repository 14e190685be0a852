"""Directions by every method, and the eigenbases by which they are measured."""

from __future__ import annotations

from pathlib import Path

from reporting import QUICK

from pullback import distances, generators
from pullback.directions import DirectionSet, DirectionsSettings, DpLase, complete, discover
from pullback.generators.style_based.named_layers import mapped_space
from pullback.geometry import Eigenbasis, global_metric

SPACES = {"faces": "z", "eyes": "noise", "faces32": "w"}
FIRST = 10
_PROBES = 1000 if QUICK else 2000
_METHODS = ("local_basis", "jacobian", "ganspace_pca", "ganspace_ica", "sefa")
_SAMPLES = {"w": 20_000 if QUICK else 100_000, "z": 2_000 if QUICK else 20_000}
_DP_LASE_STEPS = 200 if QUICK else 2000


def eigenbasis_of(name: str, folder: Path) -> Eigenbasis:
    """Of the generator's metric under the default distance; kept in a file for both."""
    entry = generators.entry(name)
    of = f"{name}-{SPACES[name]}-{distances.DEFAULT_DISTANCE}"
    path = folder / f"{of}-{_PROBES}-{entry.weights_hash[:8]}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        global_metric(generators.load(name), distances.load(), SPACES[name], samples=_PROBES).save(path)
    return Eigenbasis.load(path)


def peers_of(name: str, basis: Eigenbasis) -> dict[str, DirectionSet]:
    """The first ten directions of each method that the generator can have, and random ones in no particular way.

    The local methods look at the draw of seed 0.
    """
    entry, generator, space = generators.entry(name), generators.load(name), SPACES[name]
    found = {}
    for method in _METHODS:
        if method == "local_basis" and mapped_space(entry) is None:
            continue
        samples = _SAMPLES["w" if space == "w" else "z"] if method.startswith("ganspace") else 0
        asked = DirectionsSettings(method, "" if method == "local_basis" else space, FIRST, samples=samples)
        found[method] = discover(generator, complete(asked, entry), eigenbasis=basis)
    training = DpLase(generator, space, FIRST, learn_density=space == "w", samples=_DP_LASE_STEPS)
    state = training.init()
    while not training.done(state):
        state = training.step(state)
    return found | {"dp_lase": training.result(state)}
