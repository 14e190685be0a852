"""Inversions as the server sends them: one record for each photograph."""

from __future__ import annotations

from collections.abc import Sequence

from pullback_api.v1 import inversion_pb2
from pullback_client.errors import BadResponseError, from_status
from pullback_client.inversion.pasting import Alignment
from pullback_client.inversion.result import SOLUTION_SCALARS, Inversion, InversionFailure, InversionOutcome, Solution
from pullback_client.wire.codec import array_from_tensor, image_from_wire
from pullback_client.wire.fields import as_dict
from pullback_client.wire.sounds import sound_from_wire
from pullback_client.wire.times import utc


def outcomes_from_wire(message: inversion_pb2.InversionResult) -> list[InversionOutcome]:
    """One record per target, in the order of the request.

    Raises:
        BadResponseError: An image or an array cannot be read, or does not fit the others.
    """
    return [
        InversionFailure(target.label, from_status(target.error))
        if target.HasField("error")
        else _from_wire(message, target)
        for target in message.results
    ]


def _from_wire(message: inversion_pb2.InversionResult, target: inversion_pb2.InvertedTarget) -> Inversion:
    arrays = {
        name: array_from_tensor(getattr(target, name), f"{message.name}: {name}")
        for name in ("latent", "distance_trace", "loss_trace", "restart_latents")
    }
    traces = arrays["distance_trace"].shape
    if (
        len(traces) != 2
        or arrays["loss_trace"].shape != traces
        or arrays["latent"].ndim != 1
        or arrays["restart_latents"].shape != (traces[0], *arrays["latent"].shape)
        or not 0 <= target.best_restart < traces[0]
    ):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise BadResponseError(f"{message.name}: arrays that do not fit each other: {shapes}")
    if not target.solutions:
        raise BadResponseError(f"{message.name}: solutions are missing; do server and client fit together?")
    aligned = target.HasField("aligned_target")
    return Inversion(
        label=target.label,
        image=image_from_wire(target.image, f"{message.name}: image"),
        target=image_from_wire(target.target, f"{message.name}: target"),
        aligned_target=image_from_wire(target.aligned_target, f"{message.name}: aligned_target") if aligned else None,
        distance=target.distance,
        loss=target.loss,
        best_restart=target.best_restart,
        best_step=target.best_step,
        solutions=tuple(
            _solution(solution, f"{message.name}: solutions[{number}]", arrays["latent"].shape)
            for number, solution in enumerate(target.solutions)
        ),
        evaluations=target.evaluations,
        settings=as_dict(message.settings),
        name=message.name,
        job=message.job,
        compute_seconds=message.compute_seconds,
        generator_weights_hash=message.generator_weights_hash,
        distance_weights_hash=message.distance_weights_hash,
        version=message.version,
        created=utc(message.create_time),
        tuning="",
        target_sound=sound_from_wire(target.target, f"{message.name}: target"),
        **arrays,
    )


def _solution(message: inversion_pb2.Solution, what: str, shape: Sequence[int]) -> Solution:
    latent = array_from_tensor(message.latent, f"{what}.latent")
    if latent.shape != shape:
        raise BadResponseError(f"{what}.latent has shape {latent.shape}, expected {shape}")
    place = message.alignment
    return Solution(
        latent=latent,
        image=image_from_wire(message.image, f"{what}.image"),
        sound=sound_from_wire(message.image, f"{what}.image"),
        alignment=Alignment(place.scale, place.shift_x, place.shift_y) if message.HasField("alignment") else None,
        noise_maps=tuple(
            array_from_tensor(each, f"{what}.noise_maps[{number}]") for number, each in enumerate(message.noise_maps)
        ),
        **{name: getattr(message, name) for name in SOLUTION_SCALARS},
    )
