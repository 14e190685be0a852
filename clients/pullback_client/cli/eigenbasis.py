"""`pullback eigenbasis`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from pullback_api.v1 import specs_pb2
from pullback_client.cli import completion
from pullback_client.cli.console import following, out, show
from pullback_client.cli.described_options import takes_options
from pullback_client.cli.options import Force, Target
from pullback_client.cli.outputs import refuse_overwriting
from pullback_client.client import DEFAULT_TARGET, Client
from pullback_client.errors import InvalidArgumentError


@takes_options(specs_pb2.EigenbasisSpec, leave_out={"samples"})
def eigenbasis(
    generator: Annotated[str, typer.Argument(help="Name of the generator.", autocompletion=completion.generators)],
    *,
    samples: Annotated[
        str | None,
        typer.Option(
            help="Probes or positions; auto = until it has settled.",
            show_default="2000 (sketch), 100 (others)",
            autocompletion=completion.one_of("auto"),
        ),
    ] = None,
    out_file: Annotated[Path | None, typer.Option("--out", help="Save it to this .npz file.")] = None,
    force: Force = False,
    target: Target = DEFAULT_TARGET,
    **settings: Any,
) -> None:
    """Compute a generator's global eigenbasis, or fetch it where the server has it."""
    if out_file is not None:
        if out_file.suffix.lower() != ".npz":
            raise InvalidArgumentError(f"--out must be an .npz file, got {str(out_file)!r}")
        refuse_overwriting([out_file], force)
    with Client(target) as client, following() as report:
        basis = client.compute_eigenbasis(
            generator,
            progress=report,
            samples=_samples(samples),
            **settings,
        )
    table = Table(show_header=False)
    table.add_row("name", basis.name)
    table.add_row("of", f"{basis.generator}, {basis.space} under {basis.distance}")
    table.add_row("estimated by", f"{basis.method}, {basis.samples} samples, seed {basis.seed}")
    if basis.agreement is not None:
        table.add_row("agreement", f"{basis.agreement:.4f} with the basis of the whole space, estimated from halves")
    table.add_row("dimensions", f"{basis.dim}; {basis.dims_for(0.9)} hold 90 %, {basis.dims_for(0.99)} hold 99 %")
    if basis.k < basis.dim:
        rest = f"the others' eigenvalues are {basis.floor:.4g} on average"
        table.add_row("eigenpairs", f"the {basis.k} leading ones; {rest}")
    table.add_row("largest eigenvalues", "  ".join(f"{value:.4g}" for value in basis.eigenvalues[:6]))
    show(table)
    if out_file is not None:
        basis.save(out_file)
        out.print(f"saved {out_file}", soft_wrap=True)


def _samples(text: str | None) -> int | Literal["auto"] | None:
    if text is None:
        return None
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) == 0:
        raise InvalidArgumentError(f"--samples must be a number from 1 on, or auto; got {text!r}")
    return int(text)
