"""What the server keeps: jobs, their events, their results and what people say of these, and search sessions."""

from pullback_server.store.annotations import AnnotationStore, TitleTakenError
from pullback_server.store.blobs import BlobCorruptedError, BlobStore
from pullback_server.store.database import IncompatibleStoreError
from pullback_server.store.faults import RequestConflictError, StorageFullError
from pullback_server.store.records import (
    AnnotationRecord,
    EventRecord,
    JobRecord,
    JobState,
    ResultRecord,
    SessionChange,
    SessionEventRecord,
    SessionRecord,
)
from pullback_server.store.sessions import SessionStore
from pullback_server.store.store import InUseError, Store

__all__ = [
    "AnnotationRecord",
    "AnnotationStore",
    "BlobCorruptedError",
    "BlobStore",
    "EventRecord",
    "InUseError",
    "IncompatibleStoreError",
    "JobRecord",
    "JobState",
    "RequestConflictError",
    "ResultRecord",
    "SessionChange",
    "SessionEventRecord",
    "SessionRecord",
    "SessionStore",
    "StorageFullError",
    "Store",
    "TitleTakenError",
]
