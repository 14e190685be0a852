"""Inversion settings: validation and defaults."""

from __future__ import annotations

from pullback import distances
from pullback.generators import CatalogueEntry
from pullback.inversion import presets as inversion_presets
from pullback_api.options import set_option
from pullback_api.v1 import specs_pb2
from pullback_server.errors import Violations
from pullback_server.protocol.batching import Load
from pullback_server.specs.classes import complete_space, is_behind_classes, moving_space, preconditioning_space
from pullback_server.specs.common import distance_of, find_generator, rate_of, take_out_of_bounds
from pullback_server.specs.eigenbasis import complete_eigenbasis_spec, eigenbasis_name_of
from pullback_server.specs.inversion.loss import complete_loss
from pullback_server.specs.inversion.methods import INVERSION_METHODS, PRESETS
from pullback_server.specs.inversion.noise_maps import MAX_NOISE_VALUES, check_noise_maps, noise_values, rows_of_memory
from pullback_server.specs.inversion.options import STORED_BASES, check_budget, complete_options, starts_of
from pullback_server.specs.starts import check_start_space

MAX_STARTS = 4_096
# Traces hold two numbers for every start and step, and must fit into one answer.
MAX_TRACE = 4_000_000


def complete_inversion_settings(
    settings: specs_pb2.InversionSettings, *, targets: int, field: str = "settings"
) -> specs_pb2.InversionSettings:
    """A copy with every default filled in, the eigenbasis' name included.

    Args:
        settings: What the caller sent.
        targets: How many images are to be inverted.
        field: Path of the settings in the request.

    Raises:
        ApiError: NOT_FOUND for the generator, FAILED_PRECONDITION where nothing says the rate of its sounds,
            INVALID_ARGUMENT for anything else that cannot be used.
    """
    generator = find_generator(settings.generator, f"{field}.generator")
    wrong = Violations()
    if generator.draws == "sounds":
        rate_of(generator)
    complete = specs_pb2.InversionSettings()
    complete.CopyFrom(settings)
    out_of_bounds = take_out_of_bounds(complete)
    # One that is unknown has been taken out.
    preset = inversion_presets.PRESETS[PRESETS[complete.preset]] if complete.preset else None
    if preset is not None and not complete.space and _takes_space(complete, preset.space, generator):
        complete.space = preset.space
    complete.space = complete_space(complete, generator, field, wrong)
    usual = preset.distance_for(generator.image_shape[-1]) if preset is not None else _usual_distance(generator)
    distance = distance_of(settings.distance or usual, generator, f"{field}.distance", wrong)
    if distance is not None:
        complete.distance = distance.name
        if not distance.embedding:
            wrong.add(
                f"{field}.distance", f"an inversion needs a distance with an embedding; {distance.name!r} has none"
            )
    if not complete.method:
        set_option(complete, "method", "hessian_adam" if preset is None else preset.methods[0])
    if not complete.HasField("noise_maps"):
        complete.noise_maps = preset is not None and preset.noise_maps
    for path, description in out_of_bounds.items():
        wrong.add(f"{field}.{path}", description)
    if settings.method in (specs_pb2.INVERSION_METHOD_UNSPECIFIED, complete.method):
        complete_options(complete, generator, preset, field, wrong)
        check_noise_maps(complete, generator, field, wrong)
        if not wrong:
            check_budget(complete, generator, field, wrong)
            _check_size(targets, complete, generator, field, wrong)
    check_start_space(complete, generator, f"{field}.start_space", wrong)
    complete_loss(complete, generator, preset, field, wrong)
    wrong.raise_if_any()
    if complete.basis in STORED_BASES and not complete.eigenbasis:
        complete.eigenbasis = eigenbasis_name_of(default_eigenbasis_spec(complete))
    return complete


def _takes_space(settings: specs_pb2.InversionSettings, space: str, generator: CatalogueEntry) -> bool:
    """Whether what is said of the class leaves that space to an inversion."""
    given = settings.class_mode == specs_pb2.CLASS_MODE_GIVEN
    return not settings.class_mode or (given and is_behind_classes(space, generator))


def _usual_distance(generator: CatalogueEntry) -> str:
    return distances.INVERSION_DISTANCE if generator.draws == "images" else distances.SOUND_DISTANCE


def default_eigenbasis_spec(settings: specs_pb2.InversionSettings) -> specs_pb2.EigenbasisSpec:
    """The specification of the eigenbasis that an inversion of complete settings uses where it names none."""
    generator = find_generator(settings.generator, "settings.generator")
    moving = moving_space(settings, generator)
    own_axes = bool(settings.preset) and inversion_presets.PRESETS[PRESETS[settings.preset]].own_axes
    spec = specs_pb2.EigenbasisSpec(
        generator=settings.generator,
        space=moving if own_axes else preconditioning_space(moving, generator),
        distance=distances.entry(settings.distance).preconditioner,
        separate=settings.basis == specs_pb2.INVERSION_BASIS_SEPARATE,
    )
    return complete_eigenbasis_spec(spec, "settings")


def inversion_load(settings: specs_pb2.InversionSettings, images: int) -> Load:
    """What an inversion of complete settings asks of a worker, and which others it can be computed with."""
    generator = find_generator(settings.generator, "settings.generator")
    common = (settings.generator, settings.space, settings.distance, INVERSION_METHODS[settings.method])
    # A step that computes metrics takes many times as long as one that does not.
    local = " local" if settings.basis == specs_pb2.INVERSION_BASIS_LOCAL else ""
    rows = images * starts_of(settings, generator) * rows_of_memory(settings, generator)
    return Load(" ".join(common) + local, rows)


def _check_size(
    targets: int, settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> None:
    each = starts_of(settings, generator)
    starts = targets * each
    steps = min(settings.steps, settings.evaluations or settings.steps)
    values = noise_values(settings, generator)
    if starts > MAX_STARTS:
        wrong.add(
            f"{field}.restarts",
            f"{targets} images × {each} starts are {starts}, at most {MAX_STARTS:,} fit into one job; "
            f"{_fewer(targets, 'restarts')}",
        )
    elif starts * values > MAX_NOISE_VALUES:
        wrong.add(
            f"{field}.noise_maps",
            f"{starts} starts × {values:,} numbers of noise maps are more than the {MAX_NOISE_VALUES:,} that one job "
            f"may search; {_fewer(targets, 'restarts')}",
        )
    elif starts * steps > MAX_TRACE:
        wrong.add(
            f"{field}.steps",
            f"{starts} starts × {steps} steps are more than the {MAX_TRACE:,} that one job may trace; "
            f"{_fewer(targets, 'restarts or steps')}",
        )


def _fewer(targets: int, what: str) -> str:
    """What makes a job smaller; a single image cannot be fewer."""
    return f"send fewer images, or ask for fewer {what}" if targets > 1 else f"ask for fewer {what}"
