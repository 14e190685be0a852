"""Random signs and numbers from a counter, against SplitMix64 in Python's integers."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from pullback.geometry import random_signs as module
from pullback.geometry.random_signs import folded, random_numbers, random_signs

KEYS = [0, 1, 1234567, 2**63 - 1]
FLOAT = torch.zeros(())


def words(key: int):
    """The stream of SplitMix64, as its authors wrote it."""
    state = key
    while True:
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        word = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) % 2**64
        word = ((word ^ word >> 27) * 0x94D049BB133111EB) % 2**64
        yield word ^ word >> 31


def signs(key: int, count: int) -> list[float]:
    bits = "".join(f"{word:064b}"[::-1] for word in islice(words(key), count // 64 + 1))
    return [1.0 if bit == "1" else -1.0 for bit in bits[:count]]


def test_the_stream_is_the_published_one():
    # The published program's first words of the seed 1234567.
    assert list(islice(words(1234567), 2)) == [6457827717110365317, 3203168211198807973]
    assert random_signs(KEYS, 1000, FLOAT).tolist() == [signs(key, 1000) for key in KEYS]


@pytest.mark.parametrize(("start", "count"), [(0, 1), (63, 2), (64, 64), (333, 500), (999, 1)])
def test_a_part_is_that_of_the_whole(start: int, count: int):
    whole = random_signs(KEYS, 1000, FLOAT)
    assert torch.equal(random_signs(KEYS, count, FLOAT, start=start), whole[:, start : start + count])


@pytest.mark.parametrize("at_once", [1, 64, 1000])
def test_blocks_do_not_change_them(at_once: int, monkeypatch: pytest.MonkeyPatch):
    whole, vectors = random_signs(KEYS, 1000, FLOAT), torch.rand(3, 1000)
    short = folded(vectors, 101)
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    assert torch.equal(random_signs(KEYS, 1000, FLOAT), whole)
    assert torch.equal(folded(vectors, 101), short)


def test_they_have_the_type_that_is_asked_for_and_no_key_gives_none():
    assert torch.equal(random_signs([5], 70, FLOAT.double()), random_signs([5], 70, FLOAT).double())
    assert random_signs([], 70, FLOAT).shape == (0, 70)
    assert random_signs([5], 0, FLOAT).shape == (1, 0)
    assert random_signs([5, 6], 70, torch.empty((), device="meta")).shape == (2, 70)


def test_neither_signs_nor_keys_tell_of_each_other():
    found = random_signs(range(64), 4096, FLOAT.double())
    # Means of 4,096 signs, and of 4,096 products of two rows' or of neighbours: normal, of deviation 1/64.
    means, products = found.mean(dim=1), found @ found.T / 4096 - torch.eye(64)
    neighbours = (found[:, 1:] * found[:, :-1]).mean(dim=1)
    assert means.abs().max() < 5 / 64
    assert neighbours.abs().max() < 5 / 64
    assert products.abs().max() < 6 / 64
    assert 0.8 < (64 * products).square().sum() / (64 * 63) < 1.2


def test_numbers_are_the_words_as_fractions():
    found = random_numbers(7, 3, 5, torch.device("cpu"))
    expected = [(word - 2**64 if word >= 2**63 else word) / 2**63 for word in islice(words(7), 15)]
    assert found.flatten().tolist() == expected
    many = random_numbers(8, 100, 100, torch.device("cpu"))
    assert many.abs().max() <= 1
    assert many.mean().abs() < 0.03
    assert many.var() == pytest.approx(1 / 3, abs=0.02)


def test_vectors_are_folded_by_signs_and_turns():
    vectors = torch.rand(2, 50, dtype=torch.float64)
    expected = torch.zeros(2, 7, dtype=torch.float64)
    for i, sign in enumerate(signs(0, 50)):
        expected[:, i % 7] += sign * vectors[:, i]
    torch.testing.assert_close(folded(vectors, 7), expected, rtol=1e-14, atol=1e-14)


def test_vectors_that_are_short_enough_stay_as_they_are():
    vectors = torch.rand(2, 50)
    assert folded(vectors, 50) is vectors
    assert folded(vectors, 60) is vectors


def test_lengths_and_products_survive_folding_whatever_the_entries_sizes():
    rng = torch.Generator().manual_seed(0)
    # A few entries outweigh the rest by far, as those of an embedding's last layers do.
    vectors = torch.randn(6, 200_000, generator=rng, dtype=torch.float64)
    vectors *= torch.cat([torch.full((199_000,), 0.01), torch.ones(1000)])
    vectors[1] += vectors[0]
    short = folded(vectors, 16_381)
    lengths = vectors.norm(dim=1)
    error = (short @ short.T - vectors @ vectors.T) / torch.outer(lengths, lengths)
    assert error.abs().max() < 5 * (2 / 16_381) ** 0.5
