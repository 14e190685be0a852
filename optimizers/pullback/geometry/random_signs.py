"""Random signs and numbers from a counter: the same on every device, of any part of a vector, in any blocks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor

# SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), on 64-bit integers
# that have a sign here: products wrap, and a shift to the right is told to bring zeros.
_STEP = 0x9E3779B97F4A7C15 - 2**64
_MIXERS = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))
_LAST_SHIFT = 31
_BITS = 64
# Signs that are made at once.
_AT_ONCE = 1 << 20


def random_signs(keys: Sequence[int], count: int, like: Tensor, *, start: int = 0) -> Float[Tensor, "keys {count}"]:
    """Independent signs, ±1 with equal probability; integers alone decide, so that no device rounds them otherwise.

    Sign i of a key is bit i mod 64 of the key's word i div 64.

    Args:
        keys: One for each row, integers from 0 to 2⁶³ − 1, such as `derive_seed` gives; each has a stream of its own.
        count: How many of each row.
        like: A tensor on the device, and of the type, of the signs.
        start: Number of the first; those from there on are the same as where all are made.

    Returns:
        Shape (keys, count).
    """
    signs = like.new_empty(len(keys), count)
    if not keys:
        return signs
    end = -(-(start + count) // _BITS)
    at_once = max(1, _AT_ONCE // (_BITS * len(keys)))
    for word in range(start // _BITS, end, at_once):
        stop = min(word + at_once, end)
        bits = _bits(_words(keys, word, stop, like.device))
        left, right = max(word * _BITS, start), min(stop * _BITS, start + count)
        signs[:, left - start : right - start] = bits[:, left - word * _BITS : right - word * _BITS]
    return signs.mul_(2).sub_(1)


def folded(vectors: Float[Tensor, "rows n"], width: int) -> Float[Tensor, "rows short"]:
    """Long vectors as short ones whose products are, on average over signs, those of the long ones.

    Entries get signs, those of one seed, and entry i is added to entry i mod `width`: a count sketch (Charikar, Chen &
    Farach-Colton, 2002) whose buckets take turns. Of the product of two vectors it keeps the value up to a share of
    about √(2 / width) of the product of their lengths, however unequal their entries are, unless those that matter lie
    in few buckets; so `width` is best odd, that it has no part in the sides and channels of maps.

    Args:
        vectors: Shape (rows, n).
        width: How long the result is; vectors that are no longer come back as they are.

    Returns:
        Shape (rows, width), or `vectors` itself, where they are no longer.
    """
    rows, n = vectors.shape
    if n <= width:
        return vectors
    found = vectors.new_zeros(rows, width)
    # Whole rounds of buckets at a time.
    rounds = max(1, _AT_ONCE // width)
    for start in range(0, n, rounds * width):
        stop = min(start + rounds * width, n)
        signed = vectors[:, start:stop] * random_signs([0], stop - start, vectors, start=start)
        for place in range(0, stop - start, width):
            part = signed[:, place : place + width]
            found[:, : part.shape[1]] += part
    return found


def random_numbers(key: int, rows: int, columns: int, device: torch.device) -> Float64[Tensor, "{rows} {columns}"]:
    """Independent numbers, uniform between −1 and 1, the same bits on every device; float64.

    Args:
        key: Of the stream, as for `random_signs`.
        rows: How many rows.
        columns: How many columns.
        device: Where they are made.
    """
    return (_words([key], 0, rows * columns, device).double() * 2.0 ** (1 - _BITS)).reshape(rows, columns)


def _words(keys: Sequence[int], start: int, stop: int, device: torch.device) -> Int64[Tensor, "keys words"]:
    """Those words of each key's stream."""
    steps = torch.arange(start + 1, stop + 1, device=device) * _STEP
    # Keys as numbers, not as a tensor, that nothing has to be sent to the device.
    mixed = torch.stack([steps + key for key in keys])
    for shift, mixer in _MIXERS:
        mixed = (mixed ^ _shifted(mixed, shift)) * mixer
    return mixed ^ _shifted(mixed, _LAST_SHIFT)


def _bits(words: Int64[Tensor, "keys words"]) -> UInt8[Tensor, "keys bits"]:
    """The bits of words, the lowest of each first."""
    places = torch.arange(8, device=words.device)
    # By way of bytes: most of the work is then on small numbers.
    octets = ((words[..., None] >> 8 * places) & 255).to(torch.uint8)
    return ((octets[..., None] >> places.to(torch.uint8)) & 1).flatten(1)


def _shifted(words: Int64[Tensor, "*batch"], by: int) -> Int64[Tensor, "*batch"]:
    """Words shifted to the right, with zeros from the left."""
    return (words >> by) & ((1 << (_BITS - by)) - 1)
