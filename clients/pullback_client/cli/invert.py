"""`pullback invert`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pullback_client.cli import invert_options as option
from pullback_client.cli.common import Force, Target, err, following, out, refuse_overwriting, show
from pullback_client.cli.photographs import PhotographFiles, find, masks_of, refuse_doubled_files, tell_failures
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion import Inversion, InversionOutcome
from pullback_client.inversion_options import InversionOptions
from pullback_client.report import require_extras
from pullback_client.report.inversion import REPORT_FILES, write_report


def invert(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO|FOLDER...", help="Image files, or folders of them.")],
    *,
    generator: Annotated[str, typer.Option(help="Name of the generator.")],
    folder: option.Folder = None,
    method: option.Method = "hessian_adam",
    space: option.Space = None,
    distance: option.Distance = None,
    weights: option.Weights = None,
    learning_rate: option.LearningRate = None,
    schedule: option.Schedule = None,
    basis: option.Basis = None,
    local_every: option.LocalEvery = None,
    eigenbasis: option.Eigenbasis = None,
    exponent: option.Exponent = None,
    truncation: option.Truncation = None,
    start: option.Start = None,
    seed: option.Seed = 0,
    steps: option.Steps = None,
    restarts: option.Restarts = None,
    thin: option.Thin = None,
    evaluations: option.Evaluations = None,
    seconds: option.Seconds = None,
    patience: option.Patience = None,
    class_label: option.Class = None,
    align: option.Align = False,
    align_scale: option.AlignScale = None,
    align_shift: option.AlignShift = None,
    mask: option.Mask = None,
    ignore: option.Ignore = None,
    center_crop: option.CenterCrop = False,
    top_k: option.TopK = None,
    paste: option.Paste = False,
    report: option.Report = False,
    resume: option.Resume = False,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
) -> None:
    """Find the latents that draw photographs. Exits with 1 where one of them failed; the others' results are kept."""
    options: InversionOptions = {
        "method": method,
        "space": space,
        "distance": distance,
        "weights": option.weights_of(weights),
        "learning_rate": learning_rate,
        "schedule": schedule,
        "basis": basis,
        "local_every": local_every,
        "eigenbasis": eigenbasis,
        "exponent": exponent,
        "truncation": truncation,
        "start": start,
        "seed": seed,
        "steps": steps,
        "restarts": restarts,
        "thin": thin,
        "evaluations": evaluations,
        "seconds": seconds,
        "patience": patience,
        "alignment": option.alignment_of(align, align_scale, align_shift),
        "ignore": [option.box_of(text) for text in ignore or ()],
        "center_crop": center_crop,
        "top_k": top_k,
        **option.class_options(class_label),
    }
    for name, given in (("--report", report), ("--paste", paste), ("--resume", resume)):
        if given and folder is None:
            raise InvalidArgumentError(f"{name} needs --out, the folder of the results")
    if report:
        require_extras()
    found = find(photos, err)
    asked = [
        PhotographFiles(path, its_mask, folder, top_k or 1, paste)
        for path, its_mask in zip(found, masks_of(found, mask, err), strict=True)
    ]
    refuse_doubled_files(asked)
    report_folder = folder / "report" if folder is not None and report else None
    report_files = [] if report_folder is None else [report_folder / name for name in REPORT_FILES]

    hashes = ["" if folder is None else photo.request_hash(generator, options) for photo in asked]
    outcomes: list[InversionOutcome | None] = [
        photo.kept(request_hash) if resume else None for photo, request_hash in zip(asked, hashes, strict=True)
    ]
    left = [number for number, outcome in enumerate(outcomes) if outcome is None]
    replaced = [*(file for number in left for file in asked[number].files), *report_files]
    refuse_overwriting(replaced, force or resume)
    if left:
        options["masks"] = [asked[number].mask for number in left]
        paths = [asked[number].path for number in left]
        with (
            Client(target) as client,
            following() as draw,
            closing(client.iter_invert(paths, generator, progress=draw, **options)) as results,
        ):
            for number, outcome in zip(left, results, strict=True):
                outcomes[number] = outcome
                if folder is not None and isinstance(outcome, Inversion):
                    asked[number].save(outcome, hashes[number])
    finished = [outcome for outcome in outcomes if outcome is not None]
    _show(asked, finished)
    if folder is not None:
        line = f"of each photograph PNG, npz, safetensors and JSON are in {folder}"
        out.print(line, soft_wrap=True)
    if report_folder is not None and any(isinstance(outcome, Inversion) for outcome in finished):
        page = write_report(finished, report_folder)[0]
        out.print(f"wrote the report; open {page}", soft_wrap=True)
    tell_failures([photo.path for photo in asked], finished, err)


def _show(asked: Sequence[PhotographFiles], outcomes: Sequence[InversionOutcome]) -> None:
    table = Table("photograph", "distance", "loss", "evaluations", "restart", "step")
    for photo, outcome in zip(asked, outcomes, strict=True):
        if isinstance(outcome, Inversion):
            table.add_row(
                photo.path.name,
                f"{outcome.distance:.4f}",
                f"{outcome.loss:.4f}",
                str(outcome.evaluations),
                str(outcome.best_restart),
                str(outcome.best_step),
            )
    if table.row_count:
        show(table)
