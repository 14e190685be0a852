"""Exit codes of worker processes that say why one has ended."""

from __future__ import annotations

DEVICE_LOST = 75
"""Whatever it asked of its device failed: a kernel had gone astray, or the device itself."""

REASONS = {DEVICE_LOST: "its device was lost to it: a kernel went astray there, or the device failed"}
