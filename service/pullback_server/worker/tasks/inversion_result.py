"""Result of an inversion as a message of the contract."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import grpc
from google.rpc import status_pb2
from torch import Tensor

from pullback.generators import rendered
from pullback.generators.space_entry import SpaceEntry
from pullback.inversion import InversionResult, Problem, nearest_labels
from pullback.pictures import to_pictures
from pullback_api.tensors import pack
from pullback_api.v1 import inversion_pb2, values_pb2
from pullback_server.worker.drawn import message_of, off_device


def inverted_targets(
    problem: Problem,
    found: InversionResult,
    targets: Sequence[inversion_pb2.Target],
    top_k: int,
    classes: SpaceEntry | None,
) -> Iterator[inversion_pb2.InvertedTarget]:
    """The result of every target; the error of one whose losses were never finite.

    Args:
        problem: What was minimised.
        found: What was found.
        targets: The prepared targets, as many as the problem has.
        top_k: At most so many solutions for each.
        classes: The generator's space of classes, if it has one.
    """
    for number, target in enumerate(targets):
        if not math.isfinite(float(found.losses[number])):
            yield inversion_pb2.InvertedTarget(label=target.label, error=_never_finite())
            continue
        given = target.class_label if problem.of_classes else ""
        solutions = _solutions(problem, found, number, top_k, classes, given)
        best = solutions[0]
        yield inversion_pb2.InvertedTarget(
            label=target.label,
            latent=best.latent,
            image=best.image,
            target=target.image,
            distance=best.distance,
            loss=best.loss,
            best_restart=best.restart,
            best_step=best.step,
            distance_trace=_pack(found.trace_distance[number]),
            loss_trace=_pack(found.trace_loss[number]),
            restart_latents=_pack(found.restart_latents[number]),
            solutions=solutions,
            evaluations=int(found.evaluations[number]),
            aligned_target=None
            if found.frames is None
            else message_of(to_pictures(found.framed_targets[number, None])[0]),
        )


def _solutions(
    problem: Problem, found: InversionResult, number: int, top_k: int, classes: SpaceEntry | None, given: str
) -> list[inversion_pb2.Solution]:
    """The best restarts of a target, the best first; those that never had a finite loss are none."""
    losses = found.restart_losses[number]
    order = [restart for restart in losses.argsort(stable=True).tolist() if math.isfinite(float(losses[restart]))]
    order = order[:top_k]
    latents = found.restart_latents[number, order]
    noise = None if found.restart_noise is None else found.restart_noise[number, order]
    parts = rendered(problem.generator, latents, problem.space, noise=noise)
    drawn = [each for images in parts for each in off_device(images, problem.generator.name)]
    return [
        inversion_pb2.Solution(
            latent=_pack(latents[place]),
            image=message_of(each),
            distance=float(found.restart_distances[number, restart]),
            loss=float(losses[restart]),
            restart=restart,
            step=int(found.restart_steps[number, restart]),
            alignment=_alignment(found.restart_frames, number, restart),
            class_label=given or _class_label(latents[place], problem, classes),
            noise_maps=[_pack(noise_map) for noise_map in _maps(problem, noise, place)],
        )
        for place, (restart, each) in enumerate(zip(order, drawn, strict=True))
    ]


def _alignment(frames: Tensor | None, number: int, restart: int) -> inversion_pb2.Alignment | None:
    if frames is None:
        return None
    scale, shift_x, shift_y = frames[number, restart].tolist()
    return inversion_pb2.Alignment(scale=scale, shift_x=shift_x, shift_y=shift_y)


def _maps(problem: Problem, noise: Tensor | None, place: int) -> list[Tensor]:
    return [] if noise is None or problem.noise is None else problem.noise.split(noise[place])


def _class_label(latent: Tensor, problem: Problem, classes: SpaceEntry | None) -> str:
    """The class that is nearest to the latent's class coordinates, in its space or around it; empty of others."""
    if classes is None:
        return ""
    space = problem.generator.space(classes.name)
    if problem.generator.space(problem.space).system != space.system:
        return ""
    whole = problem.generator.surround(latent[None], problem.space)[0]
    return nearest_labels(space, whole[space.block])[0]


def _never_finite() -> status_pb2.Status:
    message = "no restart ever had a finite loss; try another seed, another start or another distance"
    return status_pb2.Status(code=grpc.StatusCode.INTERNAL.value[0], message=message)


def _pack(values: Tensor) -> values_pb2.Tensor:
    return pack(values.detach().float().cpu().numpy())
