"""Cache of banks of starts in the user's cache folder: each bank is made once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path

from pullback.distances.distance import Distance
from pullback.errors import InvalidInputError, PullbackError
from pullback.generators.generator import Generator as ImageGenerator
from pullback.inversion.starts.bank import BankProvenance, StartBank
from pullback.inversion.starts.bank_construction import DEFAULT_RANK, bank_provenance, make_bank
from pullback.inversion.starts.bank_samples import DEFAULT_SIZE, ShardOf, computed_here
from pullback.pieces import in_pieces
from pullback.weights import cache_folder


def bank_path(provenance: BankProvenance) -> Path:
    """Where the cache keeps the bank of a provenance: every difference in it makes another file."""
    key = hashlib.sha256(json.dumps(asdict(provenance), sort_keys=True).encode()).hexdigest()[:16]
    parts = (provenance.generator, provenance.space, provenance.distance, key)
    name = "-".join(re.sub(r"[^\w.]+", "_", part) for part in parts)
    return cache_folder() / "banks" / f"{name}.safetensors"


@in_pieces
def cached_bank(
    generator: ImageGenerator,
    distance: Distance,
    space: str,
    *,
    size: int = DEFAULT_SIZE,
    rank: int = DEFAULT_RANK,
    seed: int = 0,
    shard_of: ShardOf = computed_here,
    progress: Callable[[int, int], None] | None = None,
) -> Generator[None, None, StartBank]:
    """The bank that `make_bank` makes, from the cache where that holds it; else it is made and kept there.

    The cache is `$PULLBACK_CACHE`, where converted weights are kept too. Processes that miss the same bank at once each
    make it, and keep the same bytes.

    Raises:
        InvalidInputError: As `make_bank` does; or the file in the cache is damaged.
        PullbackError: As `make_bank` does; or the cache cannot be read or written.
    """
    provenance = bank_provenance(generator, distance, space, size=size, rank=rank, seed=seed)
    path = bank_path(provenance)
    bank = _find(path, provenance)
    if bank is None:
        bank = yield from make_bank.in_pieces(
            generator, distance, space, size=size, rank=rank, seed=seed, shard_of=shard_of, progress=progress
        )
        _keep(bank, path)
    return bank


def _find(path: Path, provenance: BankProvenance) -> StartBank | None:
    """The bank that the cache holds; None where there is none."""
    remedy = "Delete this file, then run again: the bank is made anew."
    try:
        bank = StartBank.load(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(error) from error
    except InvalidInputError as error:
        raise InvalidInputError(f"{error}. {remedy}") from error
    if bank.provenance != provenance:
        raise InvalidInputError(f"{path} is the bank of something else ({bank.provenance}). {remedy}")
    return bank


def _keep(bank: StartBank, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        bank.save(path)
    except OSError as error:
        raise _unusable(error) from error


def _unusable(error: OSError) -> PullbackError:
    return PullbackError(
        f"cannot use the cache {cache_folder()} for a bank of starts: {error.strerror or error}. Nothing half-written "
        "was left. Make room there, or set PULLBACK_CACHE to another folder, and run again."
    )
