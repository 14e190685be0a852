"""Files of tuned weights, as far as server and worker agree on what they say. Needs no torch."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format

from pullback_api.v1 import tunings_pb2

METADATA = "tuning"
"""Under which name the header of a file tells of its tuning."""


def told_in(content: bytes) -> tunings_pb2.Tuning:
    """What a weight file says of its tuning; none of its tensors is read.

    Raises:
        ValueError: It says nothing of the kind.
    """
    length = int.from_bytes(content[:8], "little")
    header: Any = json.loads(content[8 : 8 + length])
    return json_format.Parse(header["__metadata__"][METADATA], tunings_pb2.Tuning())
