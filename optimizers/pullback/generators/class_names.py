"""Names of classes that many generators share, so that a catalogue need not list them. Imports no torch."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

LABEL_SETS = ("imagenet-1k",)


@lru_cache(maxsize=1)
def imagenet_names() -> tuple[str, ...]:
    """The 1,000 classes of ILSVRC 2012 in the order of their numbers, each by the first word that WordNet has for it.

    Where that is the word of two classes (a crane lifts, or flies), the number of its synset follows.
    """
    # The files of timm, read without importing it, which would import torch.
    found = find_spec("timm")
    assert found is not None and found.origin is not None  # noqa: S101, PT018  (a dependency)
    folder = Path(found.origin).parent / "data" / "_info"
    synsets = (folder / "imagenet_synsets.txt").read_text(encoding="utf-8").split()
    lines = (folder / "imagenet_synset_to_lemma.txt").read_text(encoding="utf-8").splitlines()
    lemmas = dict(line.split("\t", 1) for line in lines)
    words = [lemmas[synset].partition(",")[0].strip() for synset in synsets]
    uses = Counter(words)
    return tuple(word if uses[word] == 1 else f"{word} ({synset})" for word, synset in zip(words, synsets, strict=True))
