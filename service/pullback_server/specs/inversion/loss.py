"""Loss of an inversion: defaults and checks of its weights, of the frame that is searched, and of both together."""

from __future__ import annotations

from dataclasses import asdict, replace

from pullback.generators import CatalogueEntry
from pullback.generators.style_based.named_layers import mapped_space
from pullback.inversion.defaults import ALIGNMENT_DEVIATION, PRIOR_WEIGHT
from pullback.inversion.presets import Preset
from pullback.inversion.problems.loss_weights import LossWeights
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations


def complete_loss(
    settings: specs_pb2.InversionSettings,
    generator: CatalogueEntry,
    preset: Preset | None,
    field: str,
    wrong: Violations,
) -> None:
    """Fills in the defaults of weights and alignment, and notes what cannot be used although it is within bounds."""
    # What is there of the loss, over the defaults.
    usual = LossWeights(prior=PRIOR_WEIGHT) if preset is None else preset.weights
    if generator.draws == "sounds":
        # Two sounds that are heard alike differ sample by sample.
        usual = replace(usual, l2=0.0)
    weights = specs_pb2.LossWeights(**asdict(usual))
    weights.MergeFrom(settings.weights)
    layered = mapped_space(generator)
    if weights.delta and (layered is None or settings.space != generator.input_space):
        wrong.add(
            f"{field}.weights.delta",
            f"it is for a space with a w for each layer, but the space is {settings.space!r}; set it to 0, or take "
            "space 'w+' of a style-based generator",
        )
    if not settings.noise_maps:
        if settings.weights.noise:
            wrong.add(f"{field}.weights.noise", "it is for noise maps, but none are searched; set noise_maps, too")
        weights.ClearField("noise")
    settings.weights.CopyFrom(weights)
    if not any((weights.distance, weights.l1, weights.l2)):
        wrong.add(
            f"{field}.weights",
            "distance, l1 and l2 are all 0, so every image would be as good; set at least one above 0",
        )
    least_squares = settings.method == specs_pb2.INVERSION_METHOD_LEVENBERG_MARQUARDT
    if least_squares and weights.l1:
        message = (
            "'levenberg_marquardt' minimises sums of squares, which l1 is none of; set it to 0, or take another method"
        )
        wrong.add(f"{field}.weights.l1", message)
    if settings.HasField("alignment") and generator.draws == "sounds":
        wrong.add(f"{field}.alignment", f"it is of images, but {generator.name!r} draws sounds; leave it out")
    elif settings.HasField("alignment"):
        for name in ("scale", "shift"):
            if not settings.alignment.HasField(name):
                setattr(settings.alignment, name, ALIGNMENT_DEVIATION)
        if least_squares:
            wrong.add(
                f"{field}.alignment",
                "'levenberg_marquardt' searches no alignment; leave it out, or take another method",
            )
