"""Layout of the folder: every file name, column and variable, said once for the readers, the help and the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

IMAGE_ID, INDEX, SCORE, CHANNEL = "image_id", "index", "score", "channel"
"""Columns of a table; channels are `channel_1`, `channel_2` and so on."""

STIMULUS_ID, RESPONSES = "stimulusID", "tEvokedResp"
"""Variables of a .mat: XDream's names."""

SCORES, INDICES = "scores", "indices"
"""Datasets of an .h5."""

ONSET = "t_onset"
"""When each image appeared: a column, a variable or a dataset."""

SUFFIXES = (".mat", ".h5", ".csv")
"""Of score files."""

END_BLOCK, END_BRIDGE = "end_block", "end_bridge"
"""Marker files that end a block, and a block and the bridge."""

END_BLOCK_KEY, END_BRIDGE_KEY = "e", "q"
"""Keys, each followed by Enter, that do the same in the bridge's terminal."""

JOURNAL, LOG = "pullback-bridge.json", "pullback-bridge.log"
SPACE_OPTS, SCORES_RECORD = "space_opts.mat", "scores_record.mat"


class Part(NamedTuple):
    """A column or a variable: its name, what it holds, and whether a file does without it."""

    name: str
    holds: str
    optional: bool = False


class File(NamedTuple):
    """A file of the folder: its name, `%03d` being numbers of three digits or more, what it is, and what is in it."""

    name: str
    what: str
    parts: tuple[Part, ...] = ()


_IMAGES = "one name per image: its file's name, with or without folder and suffix, or its image id"
_ONSETS = "when each image appeared, in seconds of the rig's clock; empty or NaN where it did not"

FROM_RIG = (
    File(
        "block%03d.csv",
        "scores as a table: a row per image; commas, semicolons or tabs; UTF-8, or UTF-16 with its mark",
        (
            Part(IMAGE_ID, f"{_IMAGES}; or instead"),
            Part(INDEX, "the image's place in the block, from 0"),
            Part(SCORE, "the score; empty or NaN = a failed trial; or instead"),
            Part(f"{CHANNEL}_1, {CHANNEL}_2 …", "one column per channel, numbered from 1 or from 0 without a gap"),
            Part(ONSET, _ONSETS, optional=True),
        ),
    ),
    File(
        "block%03d.mat",
        "scores as MATLAB saves them, version 7.3 or older",
        (
            Part(STIMULUS_ID, f"{_IMAGES}; a cell array of characters, or a char matrix"),
            Part(RESPONSES, "numbers, images × channels or channels × images; NaN = a failed trial"),
            Part(ONSET, _ONSETS, optional=True),
        ),
    ),
    File(
        "block%03d.h5",
        "scores as HDF5",
        (
            Part(SCORES, "numbers, one per image, or images × channels or channels × images; NaN = a failed trial"),
            Part(INDICES, "the places of these images in the block, from 0; without it, every image in order", True),
            Part(ONSET, _ONSETS, optional=True),
        ),
    ),
    File(END_BLOCK, "an empty file of this name ends the block: images without a score count as failed trials"),
    File(END_BRIDGE, "the same, and the bridge ends after it"),
)
"""What the rig writes. Each score file does alone."""

TO_RIG = (
    File("block%03d_%03d_IMAGE.png", "an image (--naming xdream): block, place in the block from 0, image id; or .bmp"),
    File(
        "block%03d_thread%03d_gen_gen%03d_%06d.png",
        "an image (--naming ponce); block%03d_thread%03d_ref_LABEL.png is a reference",
    ),
    File(
        "block%03d_thread%03d_code.mat",
        "the latents of a block (--naming ponce)",
        (Part("codes", "images × dim, single"), Part("ids", "1 × images, a cell array of the files' names")),
    ),
    File(
        SPACE_OPTS,
        "what the threads are (--naming ponce)",
        (Part("space_opts", "1 × threads, a struct array: name, generator, space, optimizer, population, minimize"),),
    ),
    File(
        SCORES_RECORD,
        "every generation's scores, written when the bridge ends (--naming ponce)",
        (
            Part("scores_record", "generations × threads, a cell array: images × 1, NaN = no score"),
            Part("ids_record", "generations × threads, a cell array of cell arrays of image ids"),
            Part("codes_record", "generations × threads, a cell array: images × dim, single"),
        ),
    ),
    File(JOURNAL, "the bridge's memory: started again on the folder, it goes on where it was; not to be touched"),
    File(LOG, "every line that the bridge said, with its time"),
)
"""What the bridge writes."""


def expected(block: int, files: Sequence[str]) -> str:
    """Which score files a block waits for, with their columns, in one line.

    Args:
        block: Number of the block.
        files: Its images' files, in their order.
    """
    name, last = f"block{block:03d}", len(files) - 1
    return (
        f"waiting for the scores of {files[0]} to {files[-1]}: "
        f"{name}.csv ({IMAGE_ID} or {INDEX} 0 to {last}; {SCORE} or {CHANNEL}_1, {CHANNEL}_2 …), "
        f"{name}.mat ({STIMULUS_ID}, {RESPONSES}) or {name}.h5 ({SCORES}; {INDICES})"
    )


def as_text() -> list[str]:
    """The table in lines for a terminal: one per file, and one per part, which starts with two spaces."""
    lines = ["Files from the rig:"]
    lines += [line for file in FROM_RIG for line in _lines(file)]
    lines.append("Files from the bridge:")
    lines += [line for file in TO_RIG for line in _lines(file)]
    return lines


def as_markdown() -> str:
    """The table as the page has it."""
    blocks = []
    for title, files in (("From the rig", FROM_RIG), ("From the bridge", TO_RIG)):
        rows = [f"### {title}", "", "| file | what it is, and what is in it |", "|---|---|"]
        for file in files:
            rows.append(f"| `{file.name}` | {file.what} |")
            rows += [f"| · `{part.name}` | {_told(part)} |" for part in file.parts]
        blocks.append("\n".join(rows))
    return "\n\n".join(blocks) + "\n"


def _lines(file: File) -> list[str]:
    return [f"{file.name}: {file.what}", *(f"  {part.name}: {_told(part)}" for part in file.parts)]


def _told(part: Part) -> str:
    return f"optional: {part.holds}" if part.optional else part.holds
