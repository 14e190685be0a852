"""Searches as bytes: whole, the same for the same search, and refused when they are not."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import safetensors.numpy

from pullback.errors import InvalidInputError
from pullback.search import METHODS, Constraint, restore
from searching import class_space, ellipsoid, evolve, normal_space, search

SCORE = ellipsoid(np.diag(np.arange(1.0, 9.0)), np.ones(8))


@pytest.mark.parametrize("method", METHODS)
def test_a_search_that_is_restored_before_every_step_goes_on_bit_for_bit(method: str) -> None:
    one = search(method, normal_space(8, Constraint(max_norm=4.0)), minimize=True)
    other = restore(one.to_bytes())
    rng = np.random.default_rng(0)
    for generation in range(40):
        latents = one.ask().latents
        np.testing.assert_array_equal(other.ask().latents, latents)
        other = restore(other.to_bytes())
        # Parts of a generation, repeats, gaps and latents of one's own.
        told = np.concatenate([latents[: rng.integers(1, len(latents) + 1)], rng.standard_normal((generation % 3, 8))])
        scores = SCORE(told)
        scores[rng.random(len(told)) < 0.2] = np.nan
        ids = [f"{generation}-{i}" for i in range(len(told))]
        for optimizer in (one, other):
            optimizer.tell(told, scores, ids=ids, variances=np.abs(told[:, 0]))
        other = restore(other.to_bytes())
        assert other.to_bytes() == one.to_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_bytes_hold_all_that_a_search_says_of_itself(method: str) -> None:
    one = search(method, class_space(6, 2, held=1), minimize=True)
    evolve(one, lambda latents: latents[:, 0].astype(np.float64), 3)
    other = restore(one.to_bytes())
    assert other.settings == one.settings
    assert other.setup == one.setup
    assert (other.dim, other.population, other.generation) == (one.dim, one.population, 3)
    assert one.best is not None
    assert other.best is not None
    assert (other.best.score, other.best.id, other.best.generation) == (one.best.score, "", one.best.generation)
    np.testing.assert_array_equal(other.best.latent, one.best.latent)
    np.testing.assert_array_equal(other.incumbent, one.incumbent)


def test_what_was_given_for_the_first_generation_and_not_asked_yet_is_kept() -> None:
    given = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    optimizer = search("cholesky_cma", normal_space(8), initial_latents=given)
    optimizer.ask(2)
    np.testing.assert_array_equal(restore(optimizer.to_bytes()).ask(3).latents, given[2:])


def written(method: str = "genetic") -> bytes:
    optimizer = search(method, normal_space(8))
    evolve(optimizer, SCORE, 2)
    return optimizer.to_bytes()


def test_bytes_are_safetensors_with_json_and_no_pickle() -> None:
    for method in METHODS:
        data = written(method)
        assert all(array.dtype.kind == "f" for array in safetensors.numpy.load(data).values())
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["pullback"])
        assert header["format"] == "pullback-search-2"
        with pytest.raises((pickle.UnpicklingError, ValueError)):  # by what the file's length makes of its first bytes
            pickle.loads(data)


def without(data: bytes, name: str) -> bytes:
    """The same file without one of its arrays."""
    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    return safetensors.numpy.save({k: v for k, v in safetensors.numpy.load(data).items() if k != name}, metadata)


def test_bytes_that_are_no_search_are_refused() -> None:
    data = written()
    for wrong, message in (
        (b"", "not a readable safetensors file"),
        (b"no tensor in sight", "not a readable safetensors file"),
        (data[:-8], "not a readable safetensors file"),
        (safetensors.numpy.save({"a": np.ones(2)}), "without the metadata of a search's state"),
        (
            data.replace(b"pullback-search-2", b"pullback-search-1"),
            "of format 'pullback-search-1', but this version of pullback reads 'pullback-search-2'",
        ),
        (data.replace(b'\\"genetic\\"', b'\\"genetik\\"'), "not whole .*no search method is named 'genetik'"),
        (data.replace(b'\\"population\\": 20', b'\\"population\\": -2'), "not whole .*population is 2 to 1000"),
        (data.replace(b'\\"PCG64\\"', b'\\"PCG65\\"'), "not whole"),
        (data.replace(b'\\"generation\\"', b'\\"generazion\\"'), "not whole .*generation"),
        (without(data, "state.points"), r"not whole .*points"),
        (without(data, "waiting.latents"), r"not whole .*latents"),
        (without(data, "best.latent"), r"not whole .*latent"),
        (without(data, "initial"), r"not whole .*initial"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            restore(wrong)
