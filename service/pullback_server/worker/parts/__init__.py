"""Parts of jobs that other workers compute: shards, computed by whoever has time and wanted in their order."""

from pullback_server.worker.parts.part import Part, read_shards, shards_to_bytes, write_shards
from pullback_server.worker.parts.shared_shards import SharedShards
from pullback_server.worker.parts.sources import Shard, ShardSource, of_estimator, of_samples

__all__ = [
    "Part",
    "Shard",
    "ShardSource",
    "SharedShards",
    "of_estimator",
    "of_samples",
    "read_shards",
    "shards_to_bytes",
    "write_shards",
]
