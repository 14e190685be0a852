"""`pullback jobs list|watch|cancel`."""

from __future__ import annotations

from typing import Annotated

import typer

from pullback_client.cli import completion
from pullback_client.cli.console import following, out
from pullback_client.cli.listing import Listing, age, short_ids
from pullback_client.cli.options import Target
from pullback_client.client import DEFAULT_TARGET, AnyJob, Client
from pullback_client.jobs.events import JobState
from pullback_client.wire.names import id_of

app = typer.Typer(help="List, watch and cancel jobs.", no_args_is_help=True)

_STATES = [state.value for state in JobState if state is not JobState.UNKNOWN]
UnfinishedName = Annotated[
    str,
    typer.Argument(
        metavar="JOB",
        help="Name of the job: jobs/ID, ID, or how it begins.",
        autocompletion=completion.unfinished_jobs,
    ),
]


@app.command("list")
def list_jobs(
    state: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only these: {', '.join(_STATES)}. May be repeated.", autocompletion=completion.one_of(*_STATES)
        ),
    ] = None,
    target: Target = DEFAULT_TARGET,
) -> None:
    """List jobs, newest last."""
    with Client(target) as client:
        known = client.list_jobs(states=state or ())
    known.reverse()
    ids = short_ids([job.name for job in known])
    Listing(
        headers=("job", "kind", "generator", "state", "progress", "loss", "created", "result"),
        rows=[_row(job) for job in known],
        brief_headers=("job", "kind", "generator", "state", "progress", "age", "result"),
        brief_rows=[_brief_row(name, job) for name, job in zip(ids, known, strict=True)],
        kept=("job", "state", "age"),
    ).show()


@app.command()
def watch(name: UnfinishedName, target: Target = DEFAULT_TARGET) -> None:
    """Follow a job to its end. Ctrl-C leaves it running."""
    with Client(target) as client, following() as report:
        job = client.get_job(name).follow(progress=report)
    out.print(f"{job.name} succeeded: {job.result_name}", soft_wrap=True)


@app.command()
def cancel(name: UnfinishedName, target: Target = DEFAULT_TARGET) -> None:
    """Cancel a job; one that has ended stays as it is."""
    with Client(target) as client:
        job = client.get_job(name).cancel()
    ended = job.state.ended
    out.print(f"{job.name} is {job.state.value}{'' if ended else '; it stops after its step'}")


def _progress(job: AnyJob) -> str:
    progress = job.progress
    return f"{progress.phase} {progress.step}/{progress.total or '?'}" if progress.phase else ""


def _brief_row(name: str, job: AnyJob) -> tuple[str, ...]:
    error = job.error
    return (
        name,
        job.kind,
        id_of(job.generator),
        job.state.value,
        # One that has ended shows what came of it.
        "" if job.state.ended else _progress(job),
        age(job.created),
        job.result_name if error is None else error.message,
    )


def _row(job: AnyJob) -> tuple[str, ...]:
    progress, error = job.progress, job.error
    return (
        job.name,
        job.kind,
        id_of(job.generator),
        job.state.value,
        _progress(job),
        "" if progress.loss is None else f"{progress.loss:.4f}",
        f"{job.created.astimezone():%Y-%m-%d %H:%M:%S}",
        job.result_name if error is None else error.message,
    )
