"""What an inversion minimises: the weights of its loss, the frame that is searched, the clamp."""

from __future__ import annotations

import math

from pullback.inversion.defaults import PRIOR_WEIGHT
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations

MAX_DEVIATION = 0.5
DEFAULT_DEVIATION = 0.1


def complete_loss(settings: specs_pb2.InversionSettings, field: str, wrong: Violations) -> None:
    """Fills in the defaults of weights and alignment, and notes what cannot be used."""
    settings.weights.CopyFrom(_weights(settings.weights, f"{field}.weights", wrong))
    if settings.method == specs_pb2.INVERSION_METHOD_LEVENBERG_MARQUARDT and settings.weights.l1:
        message = (
            "'levenberg_marquardt' minimises sums of squares, which l1 is none of; set it to 0, or take another method"
        )
        wrong.add(f"{field}.weights.l1", message)
    if settings.HasField("alignment"):
        _complete_alignment(settings, f"{field}.alignment", wrong)
    if settings.HasField("truncation") and not (math.isfinite(settings.truncation) and settings.truncation > 0):
        wrong.add(f"{field}.truncation", f"expected a finite number > 0, but {settings.truncation} came")


def _weights(weights: specs_pb2.LossWeights, field: str, wrong: Violations) -> specs_pb2.LossWeights:
    complete = specs_pb2.LossWeights(
        distance=weights.distance if weights.HasField("distance") else 1.0,
        l1=weights.l1,
        l2=weights.l2 if weights.HasField("l2") else 1.0,
        prior=weights.prior if weights.HasField("prior") else PRIOR_WEIGHT,
    )
    values = {"distance": complete.distance, "l1": complete.l1, "l2": complete.l2, "prior": complete.prior}
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            wrong.add(f"{field}.{name}", f"expected a finite number ≥ 0, but {value} came")
    if not any((complete.distance, complete.l1, complete.l2)):
        wrong.add(field, "distance, l1 and l2 are all 0, so every image would be as good; set at least one above 0")
    return complete


def _complete_alignment(settings: specs_pb2.InversionSettings, field: str, wrong: Violations) -> None:
    alignment = settings.alignment
    alignment.scale = alignment.scale or DEFAULT_DEVIATION
    alignment.shift = alignment.shift or DEFAULT_DEVIATION
    for name, value in (("scale", alignment.scale), ("shift", alignment.shift)):
        # A comparison with NaN is false.
        if not 0 < value <= MAX_DEVIATION:
            wrong.add(
                f"{field}.{name}",
                f"expected more than 0, at most {MAX_DEVIATION} (0 = {DEFAULT_DEVIATION}), but {value} came",
            )
    if settings.method == specs_pb2.INVERSION_METHOD_LEVENBERG_MARQUARDT:
        wrong.add(field, "'levenberg_marquardt' searches no alignment; leave it out, or take another method")
