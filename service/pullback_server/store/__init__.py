"""Store of the server: jobs, their events, results, what people say of these, and search sessions."""

from pullback_server.store.annotations import TitleTakenError
from pullback_server.store.aside import move_aside
from pullback_server.store.blobs import BlobCorruptedError, BlobStore
from pullback_server.store.damage_log import log_once
from pullback_server.store.database import IncompatibleStoreError, only_reads, reads
from pullback_server.store.deletion import NotEndedError
from pullback_server.store.faults import (
    NotThereError,
    RefusedTextError,
    RequestConflictError,
    StorageBusyError,
    StorageFailingError,
    StorageFullError,
    StorageUnavailableError,
    StoreDamagedError,
    StoreError,
    UnreadableError,
    unreadable,
)
from pullback_server.store.keys import ALL_KEYS, EVERYBODYS, KeyTakenError
from pullback_server.store.privacy import make_folder, tighten
from pullback_server.store.records import (
    JOB_KINDS,
    AnnotationRecord,
    EventRecord,
    JobRecord,
    JobState,
    KeyRecord,
    ResultRecord,
    SessionChange,
    SessionEventRecord,
    SessionRecord,
)
from pullback_server.store.results import InUseError
from pullback_server.store.store import Store

__all__ = [
    "ALL_KEYS",
    "EVERYBODYS",
    "JOB_KINDS",
    "AnnotationRecord",
    "BlobCorruptedError",
    "BlobStore",
    "EventRecord",
    "InUseError",
    "IncompatibleStoreError",
    "JobRecord",
    "JobState",
    "KeyRecord",
    "KeyTakenError",
    "NotEndedError",
    "NotThereError",
    "RefusedTextError",
    "RequestConflictError",
    "ResultRecord",
    "SessionChange",
    "SessionEventRecord",
    "SessionRecord",
    "StorageBusyError",
    "StorageFailingError",
    "StorageFullError",
    "StorageUnavailableError",
    "Store",
    "StoreDamagedError",
    "StoreError",
    "TitleTakenError",
    "UnreadableError",
    "log_once",
    "make_folder",
    "move_aside",
    "only_reads",
    "reads",
    "tighten",
    "unreadable",
]
