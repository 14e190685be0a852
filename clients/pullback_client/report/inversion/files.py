"""Files of the report of inversions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pullback_client.errors import InvalidArgumentError
from pullback_client.files.atomic import to_json, write_bytes
from pullback_client.inversion.result import Inversion, InversionFailure, InversionOutcome
from pullback_client.report.inversion.contact_sheet import contact_sheet
from pullback_client.report.inversion.curves import loss_curves
from pullback_client.report.inversion.summary import introduction, summarize, title
from pullback_client.report.inversion.tables import failures, photographs
from pullback_client.report.page import page
from pullback_client.report.parts import Part, Plot
from pullback_client.report.style import require_extras

REPORT_FILES = ("report.html", "report.json", "contact_sheet.png", "loss_curves.png")
"""The files of a report."""


def is_report(folder: Path) -> bool:
    """Whether a folder holds a report that `write_report` wrote."""
    try:
        told = json.loads((folder / "report.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and {"summary", "photographs", "failures"} <= told.keys()


def write_report(outcomes: Sequence[InversionOutcome], folder: Path) -> list[Path]:
    """Writes a report: everything is drawn first, then each file is written atomically. Files that exist are replaced.

    Args:
        outcomes: What became of the photographs, at least one of which was inverted; all by one generator.
        folder: Where the files go; it is made where there is none.

    Returns:
        The files, as `REPORT_FILES` lists them. `report.json` holds the sentences of the `summary`, each photograph's
        `provenance` and `best_so_far`, and the `failures`.

    Raises:
        FailedPreconditionError: Matplotlib is not installed.
        InvalidArgumentError: No photograph was inverted.
    """
    require_extras()
    found = [outcome for outcome in outcomes if isinstance(outcome, Inversion)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, InversionFailure)]
    if not found:
        raise InvalidArgumentError("no photograph was inverted, so there is nothing to report")
    summary = summarize(found, failed)
    plots = (contact_sheet(found), loss_curves(found))
    parts: list[Part] = [*plots, photographs(found), *([failures(failed)] if failed else [])]
    numbers = {
        "summary": summary,
        "photographs": [_numbers(inversion) for inversion in found],
        "failures": [{"label": failure.label, "error": failure.error.message} for failure in failed],
    }
    contents = {part.file: part.png for part in parts if isinstance(part, Plot)}
    contents["report.json"] = (to_json(numbers) + "\n").encode()
    contents["report.html"] = page(title(found), introduction(), summary, parts, _provenance(found)).encode(
        "utf-8", "backslashreplace"
    )
    files = [folder / name for name in REPORT_FILES]
    for file in files:
        write_bytes(file, contents[file.name])
    return files


def _numbers(inversion: Inversion) -> dict[str, Any]:
    course = {name: values.tolist() for name, values in inversion.best_so_far()._asdict().items()}
    return inversion.provenance | {"best_so_far": course}


def _provenance(found: Sequence[Inversion]) -> dict[str, Any]:
    """Settings and hashes, each with every value that it has among the photographs."""
    each = []
    for inversion in found:
        settings = inversion.settings
        weights = {f"weight of {name}": value for name, value in settings.get("weights", {}).items()}
        alignment = {f"alignment {name}": value for name, value in settings.get("alignment", {}).items()}
        plain = {name: value for name, value in settings.items() if not isinstance(value, dict)}
        names = ("generator_weights_hash", "distance_weights_hash", "version", "name", "job")
        each.append(plain | weights | alignment | {name: getattr(inversion, name) for name in names})
    keys = dict.fromkeys(key for values in each for key in values)
    return {key: list(dict.fromkeys(values[key] for values in each if key in values)) for key in keys}
