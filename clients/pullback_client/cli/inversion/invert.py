"""`pullback invert`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from pullback_api.v1 import specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import err, following, out, show
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.inversion import invert_options as option
from pullback_client.cli.inversion.file_kinds import is_sound
from pullback_client.cli.inversion.photographs import (
    Listed,
    failed_before,
    find,
    masks_of,
    refuse_doubled_files,
    tell_failures,
    tell_unpasted,
)
from pullback_client.cli.inversion.results import Earlier, PhotographFiles, Request, refuse_others
from pullback_client.cli.options import Force, Target
from pullback_client.cli.outputs import refuse_file_as_folder, refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import ClientError, InvalidArgumentError
from pullback_client.inversion.options import InversionOptions
from pullback_client.inversion.result import Inversion, InversionFailure, InversionOutcome
from pullback_client.inversion.starts import Starts, read_starts
from pullback_client.report import require_extras
from pullback_client.report.inversion import REPORT_FILES, is_report, write_report
from pullback_client.text.printable import printable
from pullback_client.wire.names import id_of


@takes_options(specs_pb2.InversionSettings, leave_out={"class_mode", "preview_every"}, said={"method"})
def invert(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO|FOLDER...", help="Image files, or folders of them.")],
    *,
    generator: Annotated[str, typer.Option(help="Name of the generator.", autocompletion=completion.generators)],
    folder: option.Folder = option.DEFAULT_FOLDER,
    weights: option.Weights = None,
    class_label: option.Class = None,
    align: option.Align = False,
    align_scale: option.AlignScale = None,
    align_shift: option.AlignShift = None,
    mask: option.Mask = None,
    ignore: option.Ignore = None,
    crop: option.CropText = None,
    start_from: option.StartFrom = None,
    center_crop: option.CenterCrop = False,
    convert: option.Convert = False,
    tune: option.Tune = False,
    paste: option.Paste = False,
    feather: option.Feather = None,
    report: option.Report = False,
    resume: option.Resume = False,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Find the latents that draw photographs, and save them into a folder.

    Exits with 1 where one of them failed; the others' results are kept. Photographs are never written to.
    """
    solutions = settings["top_k"] or 1
    options = cast(
        "InversionOptions",
        {
            **settings,
            "weights": option.weights_of(weights),
            "alignment": option.alignment_of(align, align_scale, align_shift),
            "ignore": [option.box_of(text) for text in ignore or ()],
            "crop": option.crop_of(crop),
            "center_crop": center_crop,
            # Of sounds alone, so that what was made before there were any stays known.
            **({"convert": True} if convert else {}),
            **option.class_options(class_label),
        },
    )
    edge = option.feather_of(feather, paste)
    if report:
        require_extras()
    refuse_file_as_folder(folder)
    listed = find(photos, err)
    masks = masks_of([each.path for each in listed], mask, err)
    starts = Starts([None] * len(listed))
    if start_from is not None:
        starts = read_starts(start_from, [each.path.stem for each in listed])
        options["start_space"] = options.get("start_space") or starts.space or None
    asked = [
        _Asked(
            each,
            PhotographFiles(each.path, its_mask, folder, solutions, paste, edge, start, tune, is_sound(each.kind)),
            generator,
            options,
        )
        for each, its_mask, start in zip(listed, masks, starts.latents, strict=True)
    ]
    refuse_doubled_files(each.files for each in asked)
    report_folder = folder / "report"
    report_files = [report_folder / name for name in REPORT_FILES] if report else []

    if resume:
        for each in asked:
            each.look(anew=force)
        if not force:
            refuse_others([each.earlier for each in asked], [each.files for each in asked])
    own = {file for each in asked if each.known for file in each.files.files}
    if resume and is_report(report_folder):
        own.update(report_files)
    replaced = [file for each in asked if each.outcome is None for file in each.files.files]
    reads = [*(each.listed.path for each in asked), *masks]
    refuse_overwriting([file for file in (*replaced, *report_files) if file not in own], force, reads)
    refuse_overwriting([*replaced, *report_files], force=True)
    left = [each for each in asked if each.outcome is None]
    for each in asked:
        each.paste_kept()
    if left:
        options["masks"] = [each.files.mask for each in left]
        options["starts"] = [each.files.start for each in left]
        with (
            Client(target) as client,
            following() as draw,
            closing(
                client.iter_invert([e.listed.path for e in left], generator, tune=tune, progress=draw, **options)
            ) as results,
        ):
            for each, outcome in zip(left, results, strict=True):
                each.take(outcome, client)
    finished = [each.outcome for each in asked if each.outcome is not None]
    _show(asked)
    if any(isinstance(outcome, Inversion) for outcome in finished):
        line = f"of each photograph PNG, npz, safetensors and JSON are in {printable(folder)}"
        out.print(line, soft_wrap=True)
        if report:
            page = write_report(finished, report_folder)[0]
            line = f"wrote the report; open {printable(page)}"
            out.print(line, soft_wrap=True)
    unpasted = [(each.listed.path, each.unpasted) for each in asked if each.unpasted is not None]
    tell_unpasted(unpasted, err)
    tell_failures([each.listed.path for each in asked], finished, err)
    if unpasted:
        raise typer.Exit(1)


class _Asked:
    """A photograph on its way: what was asked, what is there of it, and what became of it.

    Args:
        listed: The photograph.
        files: Its files.
        generator: Name of the generator.
        options: How it is inverted.
    """

    def __init__(self, listed: Listed, files: PhotographFiles, generator: str, options: InversionOptions) -> None:
        self.listed = listed
        self.files = files
        self.outcome: InversionOutcome | None = listed.failure
        self.earlier = Earlier()
        self.known = False  # whether the files in the place of its results are known to be an earlier run's
        self.unpasted: ClientError | None = None
        self._request: Request = {}
        if self.outcome is None:
            try:
                files.check_names()
                self._request = files.request(generator, options)
            except InvalidArgumentError as error:
                self.outcome = failed_before(listed.path, error.message)

    def look(self, *, anew: bool) -> None:
        """Sees what an earlier run left; with `anew`, results of another request are done again."""
        if self.outcome is not None:
            return
        self.earlier = self.files.earlier(self._request)
        self.outcome = self.earlier.result
        self.known = not self.earlier.unknown and (anew or not self.earlier.differences)

    def paste_kept(self) -> None:
        """Lays a result that was there already into its photograph, where that is asked for."""
        if isinstance(self.outcome, Inversion):
            self.unpasted = self.files.paste_kept(self.outcome, self._request)

    def take(self, outcome: InversionOutcome, client: Client) -> None:
        """Takes what became of it, and saves it, with what tuned weights draw where there are some."""
        if isinstance(outcome, InversionFailure):
            self.outcome = self.listed.explained(outcome)
        else:
            self.outcome = outcome
            tuned = None
            if outcome.tuning:
                generator, space = id_of(outcome.settings["generator"]), outcome.settings["space"]
                (tuned,) = client.render(generator, outcome.latent, space=space, tuning=outcome.tuning)
            self.unpasted = self.files.save(outcome, self._request, tuned)


def _show(asked: Sequence[_Asked]) -> None:
    table = Table("photograph", "distance", "loss", "evaluations", "restart", "step")
    for each in asked:
        if isinstance(outcome := each.outcome, Inversion):
            table.add_row(
                printable(each.listed.path.name),
                f"{outcome.distance:.4f}",
                f"{outcome.loss:.4f}",
                str(outcome.evaluations),
                str(outcome.best_restart),
                str(outcome.best_step),
            )
    if table.row_count:
        show(table)
