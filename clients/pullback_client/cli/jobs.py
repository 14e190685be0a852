"""`pullback jobs list|watch|cancel`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from pullback_client.cli.common import Target, following, out, show
from pullback_client.client import DEFAULT_TARGET, AnyJob, Client
from pullback_client.models import id_of

app = typer.Typer(help="List, watch and cancel jobs.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="JOB", help="Name of the job: jobs/ID, or ID.")]


@app.command("list")
def list_jobs(
    state: Annotated[
        list[str] | None,
        typer.Option(help="Only these: queued, running, succeeded, failed, cancelled. May be repeated."),
    ] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """List jobs, newest first."""
    with Client(target) as client:
        known = client.jobs(states=state or ())
    table = Table("job", "kind", "generator", "state", "progress", "loss", "created", "result")
    for job in known:
        table.add_row(*_row(job))
    show(table)


@app.command()
def watch(name: Name, target: Target = DEFAULT_TARGET) -> None:
    """Follow a job to its end. Ctrl-C leaves it running."""
    with Client(target) as client, following() as report:
        job = client.job(name).follow(progress=report)
    out.print(f"{job.name} succeeded: {job.result_name}", soft_wrap=True)


@app.command()
def cancel(name: Name, target: Target = DEFAULT_TARGET) -> None:
    """Cancel a job; one that has ended stays as it is."""
    with Client(target) as client:
        job = client.job(name).cancel()
    ended = job.state.ended
    out.print(f"{job.name} is {job.state.value}{'' if ended else '; it stops after its step'}")


def _row(job: AnyJob) -> tuple[str, ...]:
    progress, error = job.progress, job.error
    return (
        job.name,
        job.kind,
        id_of(job.generator),
        job.state.value,
        f"{progress.phase} {progress.step}/{progress.total or '?'}" if progress.phase else "",
        "" if progress.loss is None else f"{progress.loss:.4f}",
        f"{job.created.astimezone():%Y-%m-%d %H:%M:%S}",
        job.result_name if error is None else error.message,
    )
