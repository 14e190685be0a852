"""Client of a Pullback server: one connection, and the calls of every resource."""

from __future__ import annotations

from pullback_client.resources.connection import CALL_TIMEOUT, DEFAULT_TARGET, TARGET_VARIABLE
from pullback_client.resources.distances import DistanceCalls
from pullback_client.resources.former_names import renamed
from pullback_client.resources.generators import RENDER_TIMEOUT
from pullback_client.resources.jobs import AnyJob, JobCalls
from pullback_client.resources.keys import KeyCalls
from pullback_client.resources.morphs import MorphCalls
from pullback_client.resources.server import ServerCalls
from pullback_client.resources.sessions import SessionCalls
from pullback_client.resources.traversals import TraversalCalls

__all__ = ["CALL_TIMEOUT", "DEFAULT_TARGET", "RENDER_TIMEOUT", "TARGET_VARIABLE", "AnyJob", "Client"]


class Client(JobCalls, TraversalCalls, MorphCalls, SessionCalls, DistanceCalls, KeyCalls, ServerCalls):
    """A connection to a Pullback server. Use it as a context manager, or close it.

    Every call has a deadline. Calls that do no harm twice are tried again while the server cannot be reached. Objects
    of this class may be shared between threads.

    Args:
        target: Address of the server; None = $PULLBACK_TARGET, or `127.0.0.1:50051` where that is not set.
        timeout: Seconds that a call may take. Jobs and rendering have longer deadlines of their own.
        token: What lets calls in at the server of another user; None = $PULLBACK_TOKEN, or what is in the file that
            $PULLBACK_TOKEN_FILE names, or what a server of this user and this machine has left for its port.
        ca: For a server with TLS, the file of its authority's certificate, in PEM, or `system` for the authorities that
            browsers trust; None = $PULLBACK_CA, or a connection without TLS where that is not set.
        cert: The file of this client's own certificate, where the server asks for one; None = $PULLBACK_CERT.
        key: The file of its private key; None = $PULLBACK_KEY.

    Raises:
        InvalidArgumentError: `token` cannot be one, or one of the files is missing that another one needs.
        FailedPreconditionError: A file cannot be used.
    """

    # Until the next version.
    generators = renamed("generators", JobCalls.list_generators)
    generator = renamed("generator", JobCalls.get_generator)
    catalogue_faults = renamed("catalogue_faults", JobCalls.list_catalogue_faults)
    distances = renamed("distances", DistanceCalls.list_distances)
    eigenbasis = renamed("eigenbasis", JobCalls.compute_eigenbasis)
    eigenbases = renamed("eigenbases", JobCalls.list_eigenbases)
    analyses = renamed("analyses", JobCalls.list_analyses)
    sessions = renamed("sessions", SessionCalls.list_sessions)
    session = renamed("session", SessionCalls.get_session)
    directions = renamed("directions", JobCalls.discover_directions)
    direction = renamed("direction", JobCalls.find_direction)
    jobs = renamed("jobs", JobCalls.list_jobs)
    job = renamed("job", JobCalls.get_job)
