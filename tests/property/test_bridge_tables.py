"""Tables of scores: however they are arranged and written, the same channels come of them."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback_client.bridge.score_files import Reading, read

VALUES = st.one_of(st.floats(allow_infinity=False, width=64), st.integers(-(10**6), 10**6).map(float))


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, list[str], list[list[float]]]:
    """A file, the names of its images, and the values of its channels in the order of their numbers."""
    count, channels = draw(st.integers(1, 5)), draw(st.integers(1, 13))
    first = draw(st.integers(0, 1))
    ids = [f"block000_{place:03d}_thread000_gen000_{place:06d}.png" for place in range(count)]
    values = [[draw(VALUES) for _ in range(channels)] for _ in ids]
    columns = {"image_id": ids}
    delimiter, comma = draw(st.sampled_from([(",", False), (";", False), (";", True), ("\t", False)]))
    for channel in range(channels):
        name = draw(st.sampled_from(["channel_{}", "Channel {}", "CHANNEL{}", "channel-{:02d}"])).format(
            channel + first
        )
        texts = [repr(row[channel]) for row in values]
        columns[name] = [text.replace(".", ",") if comma else text for text in texts]
    columns["note"] = [draw(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=5)) for _ in ids]
    order = draw(st.permutations(list(columns)))
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer,
        delimiter=delimiter,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    if draw(st.booleans()) and order[0] == "image_id":
        buffer.write(f"sep={delimiter}\n")
    writer.writerow(order)
    writer.writerows(zip(*(columns[name] for name in order), strict=True))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return buffer.getvalue().encode(encoding), ids, values


@settings(deadline=None, max_examples=200)
@given(tables())
def test_any_order_of_columns_gives_the_same_channels(drawn: tuple[bytes, list[str], list[list[float]]]) -> None:
    content, ids, values = drawn
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block000.csv"
        path.write_bytes(content)
        found = read(path, Reading(images=len(ids)))
    assert found.ids == tuple(ids)
    np.testing.assert_array_equal(found.values, values)
