"""Worker processes, one per device: what is said to them (`executor`), and how each is kept going (`worker`).

- `sending`: what is sent to a worker, in a thread of its own.
- `watching`: when a worker counts as silent, and when it is given up.
"""

from pullback_server.executor.executor import Executor
from pullback_server.executor.worker import JobListener

__all__ = ["Executor", "JobListener"]
