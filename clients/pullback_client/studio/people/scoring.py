"""Scores of a generation's images from all that observers answered.

| combination | score of an image |
|---|---|
| `mean` | mean of its ratings |
| `standardised` | mean of its ratings, each in units of its observer's own; see `ratings.py` |
| `share` | share of its sets in which it was chosen |
| `bradley_terry`, `thurstone` | its strength; see `strengths.py`; anchors have the scores that they were told with |

Answers of all observers count alike. An image that nobody judged has no score.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pullback_client.studio.people.answers import Answer
from pullback_client.studio.people.design import Design
from pullback_client.studio.people.ratings import Rating, mean_ratings, standardised_ratings
from pullback_client.studio.people.strengths import Choice, bradley_terry, thurstone


def scores(
    answers: Sequence[Answer],
    design: Design,
    *,
    images: Collection[str],
    anchors: Mapping[str, float] | None = None,
    before: Sequence[Answer] = (),
) -> dict[str, float]:
    """The scores that answers make.

    Args:
        answers: To the generation.
        design: The design.
        images: The generation's images.
        anchors: Scores of earlier images that were shown among them.
        before: Answers to earlier generations.
    """
    match design.combination:
        case "mean":
            found = mean_ratings(_ratings(answers))
        case "standardised":
            found = standardised_ratings(_ratings(answers), _ratings(before))
        case "share":
            found = wins_share(_choices(answers))
        case "bradley_terry":
            found = bradley_terry(_choices(answers), anchors)
        case "thurstone":
            found = thurstone(_choices(answers), anchors)
    return {image: found[image] for image in images if image in found}


def wins_share(choices: Sequence[Choice]) -> dict[str, float]:
    """The share of its sets in which each image was chosen, 0 to 1."""
    shown: dict[str, int] = {}
    won: dict[str, int] = {}
    for choice in choices:
        won[choice.chosen] = won.get(choice.chosen, 0) + 1
        for image in choice.images:
            shown[image] = shown.get(image, 0) + 1
    return {image: won.get(image, 0) / count for image, count in shown.items()}


def _ratings(answers: Sequence[Answer]) -> list[Rating]:
    return [Rating(answer.observer, answer.images[0], float(answer.value)) for answer in answers]


def _choices(answers: Sequence[Answer]) -> list[Choice]:
    return [Choice(answer.images, answer.images[answer.value]) for answer in answers]
