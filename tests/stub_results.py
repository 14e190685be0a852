"""What a worker would have made: small results, fixed by what is asked, of a generator's dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import safetensors.numpy
from google.protobuf import json_format

import pullback
from pullback import distances, generators
from pullback.directions import DirectionSet, Origin
from pullback.generators.style_based.named_layers import noise_shapes
from pullback.geometry.eigenbasis import Eigenbasis, Provenance
from pullback_api.tensors import pack
from pullback_api.v1 import inversion_pb2, specs_pb2, tunings_pb2
from pullback_server.direction_sets import direction_set_message
from pullback_server.names import parse_generator
from pullback_server.protocol.calls import CallDone, CallMessage, Framed, Presentation, Traverse
from pullback_server.protocol.messages import StartJob
from pullback_server.protocol.payload import read_payload
from pullback_server.protocol.tuned_files import METADATA
from pullback_server.protocol.walks import Walked
from pullback_server.specs import DIRECTION_METHODS, METRIC_METHODS, class_space
from pullback_server.worker import files
from pullback_server.worker.presentation import encode, present
from sample_analysis import sample_analysis
from sample_images import picture, png

RATES = 4.0 ** -np.arange(5)
"""Eigenvalues of every eigenbasis of five dimensions, and so the rates of its directions."""

ALIGNMENT = inversion_pb2.Alignment(scale=0.5, shift_x=0.25, shift_y=-0.25)
"""Where the reconstruction lies in every photograph, where that is asked for."""


def drawn(
    latent: np.ndarray, shape: tuple[int, int, int], image_format: str, presentation: Presentation
) -> tuple[bytes, int, int]:
    """The image of a latent, of one colour that its first coordinates decide: its file, width and height."""
    colour = 1 / (1 + np.exp(-latent[: shape[0]].astype(np.float32)))
    pixels = np.broadcast_to(np.resize(colour, shape[0]), (*shape[1:], shape[0]))
    image = present(pixels.astype(np.float32), presentation)
    return encode(image, image_format), image.width, image.height


def eigenbasis(start: StartJob) -> bytes:
    """Eigenvalues 4⁻ᵏ and a rotation that is always the same."""
    spec = specs_pb2.EigenbasisSpec.FromString(start.work)
    entry = generators.entry(parse_generator(spec.generator, "generator"))
    dim = entry.space(spec.space).dim
    vectors, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))
    values = 4.0 ** -np.arange(dim)
    provenance = Provenance(
        generator=entry.name,
        weights_hash=entry.weights_hash,
        space=spec.space,
        distance=spec.distance,
        distance_hash=distances.entry(spec.distance).weights_hash,
        method=METRIC_METHODS[spec.method],
        samples=spec.samples,
        seed=spec.seed,
        version=pullback.__version__,
    )
    return Eigenbasis(values, vectors, vectors * values @ vectors.T, provenance).to_bytes()


def inversion(start: StartJob) -> bytes:
    """Losses fall with the steps, and the last restart is the best; the latents of target n are all n."""
    settings = specs_pb2.InversionSettings.FromString(start.work)
    entry = generators.entry(parse_generator(settings.generator, "generator"))
    dim, classes = entry.space(settings.space).dim, class_space(entry)
    restarts, steps = settings.restarts or 1, settings.steps + 1
    trace = 1.0 / (1 + np.arange(steps)) + 0.1 * np.arange(restarts, 0, -1)[:, None]
    if settings.thin:
        trace[:-1, steps // 2 :] = np.nan
    result = inversion_pb2.InversionResult(
        settings=settings, generator_weights_hash=entry.weights_hash, compute_seconds=1.5
    )
    for index, item in enumerate(read_payload(files.content(start.payload))):
        if isinstance(item, inversion_pb2.InvertedTarget):
            result.results.append(item)
            continue
        latents, best = np.full((restarts, dim), index, np.float32), float(np.nanmin(trace))
        found = result.results.add(
            label=item.label,
            latent=pack(latents[0]),
            image=png(50 + index),
            target=item.image,
            distance=best,
            loss=2 * best,
            best_restart=restarts - 1,
            best_step=steps - 1,
            distance_trace=pack(trace.astype(np.float32)),
            loss_trace=pack((2 * trace).astype(np.float32)),
            restart_latents=pack(latents),
            evaluations=int(np.isfinite(trace).sum()),
        )
        for rank in range(min(settings.top_k, restarts)):
            found.solutions.add(
                latent=pack(latents[0] + np.float32(rank)),
                image=png(50 + index + rank),
                distance=best + 0.1 * rank,
                loss=2 * (best + 0.1 * rank),
                restart=restarts - 1 - rank,
                step=steps - 1,
                class_label="" if classes is None else item.class_label or classes.labels[0],
                alignment=ALIGNMENT if settings.HasField("alignment") else None,
                noise_maps=[pack(np.full(shape, rank, np.float32)) for shape in noise_shapes(entry)]
                if settings.noise_maps
                else [],
            )
        if settings.HasField("alignment"):
            found.aligned_target.CopyFrom(png(220))
    return result.SerializeToString()


def analysis(start: StartJob) -> bytes:
    """Of the sample's numbers, as many as were asked for."""
    return sample_analysis("", "", specs_pb2.AnalysisSpec.FromString(start.work)).SerializeToString()


def directions(start: StartJob) -> bytes:
    """The first k eigenvectors; of other methods than `hessian` a rotation of them."""
    spec, basis = specs_pb2.DirectionsSpec.FromString(start.work), files.eigenbasis(start.eigenbasis)
    assert basis is not None
    origin = Origin(
        generator=basis.provenance.generator,
        weights_hash=basis.provenance.weights_hash,
        space=basis.provenance.space,
        method=DIRECTION_METHODS[spec.method],
        version=pullback.__version__,
    )
    vectors = basis.eigenvectors.T
    if spec.method != specs_pb2.DIRECTION_METHOD_HESSIAN:
        vectors = np.linalg.qr(np.random.default_rng(1).standard_normal(vectors.shape))[0] @ vectors
    found = DirectionSet(vectors[: spec.k], 2 * basis.eigenvalues[: spec.k], origin, layers=tuple(spec.layers))
    return direction_set_message(found, spec, basis).SerializeToString()


def tuning(start: StartJob) -> bytes:
    """Weights of two numbers; distances fall to a half."""
    request = tunings_pb2.TuneRequest.FromString(start.work)
    entry = generators.entry(parse_generator(request.settings.generator, "generator"))
    told = tunings_pb2.Tuning(
        settings=request.settings,
        generator_weights_hash=entry.weights_hash,
        updates=3,
        tensors=1,
        trace=pack(np.array([[0.5, 0.4, np.nan]] * 3, np.float32)),
    )
    for item in read_payload(files.content(start.payload)):
        assert isinstance(item, inversion_pb2.Target)
        told.photographs.add(label=item.label, pivot=item.start, distance_before=0.4, distance=0.2)
    header = {METADATA: json_format.MessageToJson(told, indent=None)}
    return safetensors.numpy.save({"weight": np.array([1.0, 2.0], np.float32)}, header)


MAKERS: dict[str, Callable[[StartJob], bytes]] = {
    "eigenbasis": eigenbasis,
    "inversion": inversion,
    "analysis": analysis,
    "directions": directions,
    "tuning": tuning,
}


def walk(call: Traverse) -> Iterator[CallMessage]:
    """A straight walk, whatever kind was asked for; the distance is the square of the step."""
    plan = call.plan
    _, height, width = generators.entry(plan.generator).image_shape
    steps = np.linspace(plan.first, plan.last, plan.frames)
    vectors = [axis.unit * axis.vector for axis in plan.axes] or [np.eye(len(plan.latent))[0]]
    if plan.end is not None:
        vectors = [plan.end - plan.latent]
    grid = np.stack(np.meshgrid(*[steps] * len(vectors), indexing="ij"), axis=-1).reshape(-1, len(vectors))
    for index, place in enumerate(grid):
        yield Framed(
            call.call,
            index,
            tuple(map(float, place)),
            (plan.latent + place @ np.stack(vectors)).astype(np.float32),
            float(place @ place),
            picture(plan.image_format, (width, height), 10 * index % 256),
            width,
            height,
        )
    strip_size = (width * len(grid), height)
    yield CallDone(
        call.call,
        Walked(
            space=plan.axes[0].space if plan.axes else plan.space,
            strip=picture("PNG", strip_size) if plan.strip else b"",
            strip_size=strip_size,
            animation=picture("GIF", (width, height)) if plan.animation else b"",
        ),
    )
