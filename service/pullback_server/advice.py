"""Advice in messages: what to do, in the words of Python, of the command line and of the contract."""

from __future__ import annotations

COMPUTE_EIGENBASIS = (
    "compute it first, with Client.compute_eigenbasis, `pullback eigenbasis`, or Geometry.ComputeEigenbasis of the API"
)
ASK_AGAIN = "it was deleted before the job began; ask again, and one of the default specification is computed anew"
LIST_EIGENBASES = "Client.list_eigenbases (ListEigenbases of the API) tells which there are"
LIST_ANALYSES = "Client.list_analyses (ListAnalyses of the API) tells which there are"
LIST_DIRECTIONS = (
    "Client.list_directions, `pullback directions GENERATOR --list` (ListDirections of the API) tell which there are"
)
LIST_INVERSIONS = "ListInversions of the API tells which there are"
LIST_TUNINGS = "Client.list_tunings, `pullback tunings` (ListTunings of the API) tell which there are"
LIST_JOBS = "Client.list_jobs, `pullback jobs list` (ListJobs of the API) tell which there are"
CANCEL_JOBS = "wait for it, or cancel it with Job.cancel, `pullback jobs cancel`, or CancelJob of the API"
CASCADE = "delete with cascade=True (--cascade, `cascade` of the API) to have {what}"
CLOSE_SESSION = "close it first, with EvolutionSession.close, `pullback sessions close`, or CloseSession of the API"
LIST_SESSIONS = "Client.list_sessions, `pullback sessions` (ListSessions of the API) tell which there are"
TAKE_LESS_MEMORY = (
    "ask for less at once: fewer images, restarts or samples, or a bound by max_memory_mib (--max-memory-mib); or give "
    "the server more memory"
)
