"""Tuning settings: validation and defaults."""

from __future__ import annotations

from dataclasses import asdict, fields

from pullback.inversion.tuning.settings import MAX_PHOTOGRAPHS, TUNING_DISTANCE, TuningSettings
from pullback_api.v1 import specs_pb2, tunings_pb2
from pullback_server.errors import Violations
from pullback_server.specs.common import (
    check_draws_images,
    copied,
    distance_of,
    find_generator,
    space_of,
    take_out_of_bounds,
)
from pullback_server.specs.starts import check_start_space
from pullback_server.specs.targets import check_target

# The trace of a tuning has three numbers for each, and goes with what is listed of it.
MAX_UPDATES = 30_000

_OPTIONS = tuple(field.name for field in fields(TuningSettings))


def complete_tuning_settings(request: tunings_pb2.TuneRequest, wrong: Violations) -> specs_pb2.TuningSettings:
    """A copy of a request's settings with every default filled in; what cannot be used is a violation, its targets too.

    Raises:
        ApiError: NOT_FOUND for the generator, INVALID_ARGUMENT where it draws no images.
    """
    complete = copied(request.settings)
    generator = find_generator(complete.generator, "settings.generator")
    if not check_draws_images(generator, "settings.generator", wrong):
        wrong.raise_if_any()
    for path, description in take_out_of_bounds(complete).items():
        wrong.add(f"settings.{path}", description)
    complete.space = space_of(complete.space, generator, "settings.space", wrong)
    distance = distance_of(complete.distance or TUNING_DISTANCE, generator, "settings.distance", wrong)
    if distance is not None:
        complete.distance = distance.name
        if not distance.embedding:
            wrong.add("settings.distance", f"a tuning needs a distance with an embedding; {distance.name!r} has none")
    for name, value in asdict(TuningSettings()).items():
        if not complete.HasField(name):
            setattr(complete, name, value)
    count = len(request.targets)
    if not 1 <= count <= MAX_PHOTOGRAPHS:
        wrong.add("targets", f"expected 1 to {MAX_PHOTOGRAPHS} photographs, but {count} came")
    elif count * complete.steps > MAX_UPDATES:
        most = MAX_UPDATES // count
        wrong.add("settings.steps", f"expected at most {most} for {count} photographs, but {complete.steps} came")
    if not wrong:
        # As an inversion in the pivots' space would check them.
        like = specs_pb2.InversionSettings(
            generator=complete.generator, space=complete.space, start_space=request.pivot_space
        )
        check_start_space(like, generator, "pivot_space", wrong)
        wrong.raise_if_any()
        for number, target in enumerate(request.targets):
            check_target(target, like, generator, f"targets[{number}]", wrong)
            if not target.HasField("start"):
                wrong.add(f"targets[{number}].start", "expected the pivot, the latent that was found; none came")
    return complete


def tuning_options(settings: specs_pb2.TuningSettings) -> TuningSettings:
    """Complete settings as the library takes them."""
    return TuningSettings(**{name: getattr(settings, name) for name in _OPTIONS})
