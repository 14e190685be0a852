"""A job of every kind, as a request: what a worker is at while others want their images."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image
from reporting import QUICK

from pullback import generators
from pullback.generators.style_based.named_layers import mapped_space
from pullback.pictures import to_pictures
from pullback_api.v1 import inversion_pb2, specs_pb2, values_pb2
from pullback_server.specs import (
    DIRECTION_METHODS,
    INVERSION_METHODS,
    METRIC_METHODS,
    complete_analysis_spec,
    complete_directions_spec,
    complete_eigenbasis_spec,
    complete_inversion_settings,
    moving_space,
    space_directions_lie_in,
)

SPACES = {"faces": "z", "eyes": "noise", "faces32": "w"}
DISTANCE = "lpips-alex"
# Photographs of an inversion.
TARGETS = 4
# Positions, or probes of a sketch; samples of GANSpace, steps of what is trained.
POSITIONS, PROBES, SAMPLES, STEPS = (2, 64, 2_000, 100) if QUICK else (4, 256, 20_000, 1_000)

Spec = specs_pb2.EigenbasisSpec | specs_pb2.AnalysisSpec | specs_pb2.InversionSettings | specs_pb2.DirectionsSpec


@dataclass(frozen=True)
class Asked:
    """A job that is asked for.

    Attributes:
        name: What it is called in a table.
        kind: As `StartJob` calls it.
        spec: With every default filled in.
    """

    name: str
    kind: str
    spec: Spec

    @property
    def space(self) -> str:
        """The space of the eigenbasis that it works with; empty where it needs none."""
        match self.spec:
            case specs_pb2.InversionSettings() as settings if settings.eigenbasis:
                return moving_space(settings, generators.entry(settings.generator.removeprefix("generators/")))
            case specs_pb2.DirectionsSpec() as spec:
                return space_directions_lie_in(spec)
            case _:
                return ""

    def again(self, number: int, eigenbasis: str = "") -> Asked:
        """The same with another seed, and with an eigenbasis of that name where it needs one."""
        spec = type(self.spec)()
        spec.CopyFrom(self.spec)
        spec.seed = number
        if self.space and not isinstance(spec, specs_pb2.EigenbasisSpec | specs_pb2.AnalysisSpec):
            spec.eigenbasis = eigenbasis
        return Asked(self.name, self.kind, spec)


def jobs_of(generator: str) -> list[Asked]:
    """A short job of every kind that a generator can have."""
    return [*_eigenbases(generator), *_analyses(generator), *_inversions(generator), *_directions(generator)]


def targets_of(generator: str, seed: int = 1) -> list[inversion_pb2.Target]:
    """Images that the generator can draw, to be inverted."""
    made = generators.load(generator)
    space = made.input_space
    images = made.render(made.space(space).sample(TARGETS, seed), space)
    return [inversion_pb2.Target(image=_png(picture)) for picture in to_pictures(images.detach())]


def _eigenbases(generator: str) -> Iterator[Asked]:
    for number, method in METRIC_METHODS.items():
        for distance in (DISTANCE, "ssim") if method == "full_backprop" else (DISTANCE,):
            spec = specs_pb2.EigenbasisSpec(
                generator=f"generators/{generator}",
                space=SPACES[generator],
                distance=distance,
                method=number,
                samples=PROBES if method == "sketch" else POSITIONS,
            )
            yield Asked(f"eigenbasis {method} {distance}", "eigenbasis", complete_eigenbasis_spec(spec, "spec"))


def _analyses(generator: str) -> Iterator[Asked]:
    spec = specs_pb2.AnalysisSpec(
        generator=f"generators/{generator}",
        space=SPACES[generator],
        distance=DISTANCE,
        positions=POSITIONS,
        control_positions=POSITIONS,
        compared_distances=["ssim"],
    )
    yield Asked("analysis", "analysis", complete_analysis_spec(spec))


def _inversions(generator: str) -> Iterator[Asked]:
    for number, method in INVERSION_METHODS.items():
        yield _inversion(generator, method, method=number)
    local = {"method": specs_pb2.INVERSION_METHOD_HESSIAN_ADAM, "basis": specs_pb2.INVERSION_BASIS_LOCAL}
    yield _inversion(generator, "hessian_adam local", **local)
    bank = {"method": specs_pb2.INVERSION_METHOD_ADAM, "start": specs_pb2.START_BANK}
    yield _inversion(generator, "bank", **bank)


def _inversion(generator: str, name: str, **fields: int) -> Asked:
    settings = specs_pb2.InversionSettings(generator=f"generators/{generator}", distance=DISTANCE, **fields)
    return Asked(f"inversion {name}", "inversion", complete_inversion_settings(settings, targets=TARGETS))


def _directions(generator: str) -> Iterator[Asked]:
    mapped = mapped_space(generators.entry(generator)) is not None
    for number, method in DIRECTION_METHODS.items():
        if method == "imported" or (method == "local_basis" and not mapped):
            continue
        spec = specs_pb2.DirectionsSpec(
            generator=f"generators/{generator}",
            # Of a generator with a mapping network these look at the other side of it.
            space={"local_basis": "", "dp_lase": "z"}.get(method, SPACES[generator]) if mapped else SPACES[generator],
            method=number,
            k=10,
            distance=DISTANCE if method == "local_hessian" else "",
            samples={"ganspace_pca": SAMPLES, "ganspace_ica": SAMPLES, "dp_lase": STEPS}.get(method, 0),
        )
        yield Asked(f"directions {method}", "directions", complete_directions_spec(spec, "spec"))


def _png(picture: Image.Image) -> values_pb2.Image:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return values_pb2.Image(data=data.getvalue())
