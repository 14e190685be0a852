"""Summary of a told block in numbers: mean score, best image, failed trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pullback_client.bridge.journal import Shown
from pullback_client.search.history import REFERENCE
from pullback_client.search.results import TrialResult


def summary(shown: Sequence[Shown], results: Sequence[TrialResult], threads: Sequence[dict[str, Any]]) -> list[str]:
    """What came of each thread, and of the references, in a few words each; threads of which nothing is shown in none.

    The score of several channels is what the server makes of them: their weighted sum, without weights their mean.

    Args:
        shown: The block.
        results: What became of its trials.
        threads: Settings of the session's threads, under the contract's names.
    """
    files: dict[str, str] = {}
    for each in shown:
        files.setdefault(each.image_id, each.file)
    lines = []
    for number, thread in enumerate(threads):
        weights, lowest = thread.get("channel_weights") or [], bool(thread.get("minimize"))
        own = [result for result in results if result.image_id.startswith(f"thread{number:03d}_")]
        if own:
            said = _said(own, weights, files, best=min if lowest else max)
            lines.append(f"thread {number}: {said}" if len(threads) > 1 else said)
    references = [result for result in results if result.image_id.startswith(REFERENCE)]
    if references:
        lines.append(f"references: {_said(references, [], files, best=None)}")
    return lines


def _said(results: Sequence[TrialResult], weights: Sequence[float], files: dict[str, str], best: Any) -> str:
    scored = [(_score(result, weights), result.image_id) for result in results if result.has_score]
    failed = len(results) - len(scored)
    if not scored:
        return f"no score, failed trials {failed}"
    said = f"mean score {math.fsum(score for score, _ in scored) / len(scored):.6g} of {len(scored)}"
    if best is not None:
        score, image_id = best(scored, key=lambda pair: pair[0])
        said += f", best {score:.6g} ({files.get(image_id, image_id)})"
    return f"{said}, failed trials {failed}"


def _score(result: TrialResult, weights: Sequence[float]) -> float:
    if result.score is not None:
        return float(result.score)
    values = result.channel_values
    if len(weights) == len(values):
        return math.fsum(weight * value for weight, value in zip(weights, values, strict=True))
    return math.fsum(values) / len(values)
