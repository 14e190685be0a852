"""What the server keeps: jobs, their events and their results."""

from pullback_server.store.blobs import BlobCorruptedError, BlobStore
from pullback_server.store.database import IncompatibleStoreError
from pullback_server.store.faults import StorageFullError
from pullback_server.store.records import EventRecord, JobRecord, JobState, ResultRecord
from pullback_server.store.store import InUseError, RequestConflictError, Store

__all__ = [
    "BlobCorruptedError",
    "BlobStore",
    "EventRecord",
    "InUseError",
    "IncompatibleStoreError",
    "JobRecord",
    "JobState",
    "RequestConflictError",
    "ResultRecord",
    "StorageFullError",
    "Store",
]
