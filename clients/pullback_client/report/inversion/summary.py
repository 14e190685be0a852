"""Summary of inversions, in sentences made from their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pullback_client.inversion.result import Inversion, InversionFailure
from pullback_client.report.parts import number
from pullback_client.wire.codec import Array
from pullback_client.wire.names import id_of


def title(found: Sequence[Inversion]) -> str:
    """What the report is of."""
    return f"{_count(len(found))} inverted by {id_of(str(found[0].settings['generator']))}"


def introduction() -> str:
    """What is shown, as HTML."""
    return (
        "Each photograph was compared with the images of a generator, and the latent was sought whose image comes "
        "closest."
    )


def summarize(found: Sequence[Inversion], failed: Sequence[InversionFailure]) -> list[str]:
    """Sentences that state the main numbers of inversions, without judging them.

    Args:
        found: The photographs that were inverted, at least one.
        failed: Those that failed.
    """
    settings = found[0].settings
    evaluations = _spread(np.array([float(inversion.evaluations) for inversion in found]), "{:,.0f}".format)
    seconds = {inversion.job: inversion.compute_seconds for inversion in found}  # of all photographs of a job
    sentences = [
        (
            f"Looked at: {_count(len(found))}, latent space {settings['space']} of "
            f"{id_of(str(settings['generator']))}, under {settings['distance']}; method {method_of(settings)}."
        ),
        f"Image distance: {_spread(np.array([inversion.distance for inversion in found]))}.",
        f"Loss: {_spread(np.array([inversion.loss for inversion in found]))}.",
        f"Work: {evaluations} evaluations of the generator; {number(sum(seconds.values()))} s in all.",
    ]
    if failed:
        sentences.append(f"Failed: {_count(len(failed))}, listed below.")
    return sentences


def method_of(settings: dict[str, object]) -> str:
    """The method's name, as the client and the command line take it."""
    return str(settings["method"]).removeprefix("INVERSION_METHOD_").lower()


def _count(photographs: int) -> str:
    return f"{photographs:,} photograph{'' if photographs == 1 else 's'}"


def _spread(values: Array, show: Callable[[float], str] = number) -> str:
    """The median of numbers, and their range where they differ."""
    low, middle, high = (show(float(value)) for value in np.percentile(values, (0, 50, 100)))
    return low if low == high else f"median {middle}, from {low} to {high}"
