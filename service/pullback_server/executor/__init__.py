"""Worker processes: what is said to them (`executor`), those of a device (`device`), each kept going (`worker`).

- `program`: what their processes run.
- `keeping`: who keeps them going, and ends them together.
- `sender`, `listener`: what is sent to a worker, and what it says, in threads of their own.
- `occupation`: what they have to do at a moment.
- `watch`: when a worker counts as silent, and when it is given up.
"""

from pullback_server.executor.executor import Executor
from pullback_server.executor.occupation import Occupation

__all__ = ["Executor", "Occupation"]
