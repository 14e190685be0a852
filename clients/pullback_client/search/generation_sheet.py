"""Generation sheet: the best image so far, and the generation's images, the best first."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont

from pullback_client.search.curve import Point
from pullback_client.search.history import GenerationRecord

MOST = 60
"""Images of a sheet; of a larger generation, the best."""

_TILE, _LABEL, _HEAD, _PAD, _COLUMNS = 128, 20, 28, 6, 10  # pixels; images in a row


def generation_sheet(
    point: Point, record: GenerationRecord, image: Callable[[str], Image.Image], *, minimize: bool
) -> Image.Image:
    """Draws the sheet.

    Args:
        point: The generation, and the best image until then, which stands first.
        record: The same generation with its images' scores.
        image: Gets an image by its id.
        minimize: Whether low scores are good ones.
    """
    scores = dict(zip(record.image_ids, record.scores.tolist(), strict=True))
    sign = 1 if minimize else -1
    # What has no score comes last.
    order = sorted(
        scores, key=lambda name: (math.isnan(scores[name]), 0 if math.isnan(scores[name]) else sign * scores[name])
    )
    tiles = [(name, "no score" if math.isnan(scores[name]) else f"{scores[name]:.4g}") for name in order[:MOST]]
    if point.best_score is not None:
        tiles = [(point.best_image_id, f"best: {point.best_score:.4g}"), *tiles]
    columns = min(_COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    summary = point.summary
    sheet = Image.new(
        "RGB", (max(columns * (_TILE + _PAD) + _PAD, 420), _HEAD + rows * (_TILE + _LABEL + _PAD) + _PAD), "white"
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    head = (
        f"thread {summary.thread}, generation {summary.generation}: {summary.scored} of {summary.images} images scored"
    )
    if len(order) > MOST:
        head += f", the best {MOST} of them"
    pen.text((_PAD, _HEAD / 2), head, fill="black", font=font, anchor="lm")
    for place, (name, label) in enumerate(tiles):
        left = _PAD + place % columns * (_TILE + _PAD)
        top = _HEAD + place // columns * (_TILE + _LABEL + _PAD)
        tile = _fitted(image(name))
        sheet.paste(tile, (left + (_TILE - tile.width) // 2, top + (_TILE - tile.height) // 2))
        pen.text((left + _TILE / 2, top + _TILE + _LABEL / 2), label, fill="black", font=font, anchor="mm")
    return sheet


def _fitted(image: Image.Image) -> Image.Image:
    """The image in a tile: small ones enlarged pixel by pixel, large ones made smaller."""
    longest = max(image.size)
    if longest <= _TILE:
        times = _TILE // longest
        return image.convert("RGB").resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    size = (max(1, image.width * _TILE // longest), max(1, image.height * _TILE // longest))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
