"""Catalogue entries as TOML, of files that tests write."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pullback.generators import CatalogueEntry


def entry_text(entry: CatalogueEntry, weights: Path, source: str = "") -> str:
    """The entry with its spaces, labels and options, of a file on this machine.

    Args:
        entry: What it says.
        weights: The file.
        source: Further lines of the source's table.
    """
    spaces = "\n".join(
        f'[[{entry.name}.spaces]]\nname = "{space.name}"\ndim = {space.dim}\nstart = {space.start}\n'
        f'prior = "{space.prior}"\n'
        + (f'labels = {json.dumps(space.labels)}\ndefault = "{space.default}"\n' if space.labels else "")
        for space in entry.spaces
    )
    options = "\n".join(f"{name} = {json.dumps(value)}" for name, value in entry.options.items())
    return f"""
[{entry.name}]
title = "{entry.title}"
family = "{entry.family}"
input_space = "{entry.input_space}"
image_shape = {list(entry.image_shape)}

{spaces}
[{entry.name}.options]
{options}

[{entry.name}.source]
kind = "path"
location = "{weights.as_posix()}"
sha256 = "{hashlib.sha256(weights.read_bytes()).hexdigest()}"
{source}
"""
