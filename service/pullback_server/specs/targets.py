"""Specification of an inversion's targets, apart from their images."""

from __future__ import annotations

from pullback.errors import listed, nearest
from pullback.generators import CatalogueEntry
from pullback_api.options import names_of
from pullback_api.v1 import inversion_pb2, specs_pb2
from pullback_server.errors import Violations
from pullback_server.specs.classes import class_space
from pullback_server.specs.common import enum_names
from pullback_server.specs.starts import check_start

MAX_LABEL = 200
MAX_REGIONS = 64
# How no target of such a generator is made to fit.
_OTHER_FIT = {"images": inversion_pb2.FIT_CONVERT, "sounds": inversion_pb2.FIT_CENTER_CROP}


def check_target(
    target: inversion_pb2.Target,
    settings: specs_pb2.InversionSettings,
    generator: CatalogueEntry,
    field: str,
    wrong: Violations,
) -> bool:
    """Notes what is wrong with a target whatever its image is, under complete settings; returns whether nothing is."""
    found = Violations()
    if target.fit not in inversion_pb2.Fit.values():
        found.add(f"{field}.fit", f"unknown fit {target.fit}; known: {enum_names(inversion_pb2.Fit)}")
    elif target.fit == _OTHER_FIT[generator.draws]:
        word = names_of(inversion_pb2.Fit)[target.fit]
        found.add(f"{field}.fit", f"{word!r} is not of {generator.draws}, which {generator.name!r} draws; leave it out")
    if generator.draws == "sounds":
        for name in ("mask", "ignore"):
            if name in [each.name for each, _ in target.ListFields()]:
                found.add(f"{field}.{name}", f"it is of images, but {generator.name!r} draws sounds; leave it out")
    if len(target.label) > MAX_LABEL:
        found.add(f"{field}.label", f"expected at most {MAX_LABEL} characters, but {len(target.label)} came")
    if len(target.ignore) > MAX_REGIONS:
        found.add(f"{field}.ignore", f"expected at most {MAX_REGIONS} regions, but {len(target.ignore)} came")
    for number, box in enumerate(target.ignore):
        if min(box.left, box.top) < 0 or min(box.width, box.height) < 1:
            came = f"left {box.left}, top {box.top}, width {box.width}, height {box.height}"
            found.add(f"{field}.ignore[{number}]", f"expected left, top ≥ 0 and width, height ≥ 1, but {came} came")
    _check_class(target.class_label, settings, generator, f"{field}.class_label", found)
    check_start(target, settings, generator, field, found)
    wrong.extend(found)
    return not found


def _check_class(
    label: str, settings: specs_pb2.InversionSettings, generator: CatalogueEntry, field: str, wrong: Violations
) -> None:
    classes = class_space(generator)
    if settings.class_mode != specs_pb2.CLASS_MODE_GIVEN:
        if label:
            wrong.add(field, f"only class_mode 'given' takes a class, but {label!r} came; leave it out")
    elif classes is not None and label not in classes.labels:
        known, near = listed(classes.labels), nearest(label, classes.labels)
        wrong.add(
            field, f"class_mode 'given' needs a class of {settings.generator}: one of {known}; {label!r} came{near}"
        )
