"""Resource names: `generators/faces` of `faces`, and back."""

from __future__ import annotations

from pullback_client.errors import InvalidArgumentError


def id_of(name: str) -> str:
    """The last part of a resource name: `faces` of `generators/faces`."""
    return name.rpartition("/")[2]


def generator_name(generator: str) -> str:
    """`generators/faces` of `faces`; a whole resource name stays as it is.

    Raises:
        InvalidArgumentError: The name is empty.
    """
    if not generator:
        raise InvalidArgumentError("the generator's name is empty; Client.list_generators() lists the known ones")
    return generator if generator.startswith("generators/") else f"generators/{generator}"


def job_name(job: str) -> str:
    """`jobs/7` of `7`; a whole resource name stays as it is.

    Raises:
        InvalidArgumentError: The name is empty.
    """
    if not job:
        raise InvalidArgumentError("the job's name is empty; Client.list_jobs() lists the known ones")
    return job if job.startswith("jobs/") else f"jobs/{job}"


def session_name(session: str) -> str:
    """`sessions/7` of `7`; a whole resource name stays as it is.

    Raises:
        InvalidArgumentError: The name is empty.
    """
    if not session:
        raise InvalidArgumentError("the session's name is empty; Client.list_sessions() lists the known ones")
    return session if session.startswith("sessions/") else f"sessions/{session}"
