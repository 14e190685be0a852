"""Searches in thousands of dimensions: what is the same in all states is written once, and no state has n² numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from pullback.errors import InvalidInputError
from pullback.geometry import Eigenbasis, Provenance
from pullback.search import Constants, Optimizer, SearchSettings, make_optimizer, restore, unsuitable
from pullback.search.methods import hessian_cma
from pullback.search.methods.adaptation import Distribution, TriangularDistribution
from pullback_server.protocol.calls import CallDone, ConstantsWanted, Evolve, Evolved
from pullback_server.stored_files import StoredFile
from pullback_server.worker import search_calls
from searching import normal_space

N, AXES = 300, 250
PROVENANCE = Provenance("faces", "ab" * 32, "z", "mse", "", "sketch", 2000, 7, "0.1.0")


def basis_of(n: int = N, k: int = AXES) -> Eigenbasis:
    vectors, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((n, k)))
    return Eigenbasis(np.geomspace(10, 0.1, k), vectors, None, PROVENANCE, floor=0.05)


def begun() -> Optimizer:
    settings = SearchSettings("hessian_cma", axes=AXES, population=12)
    return make_optimizer(settings, space=normal_space(N), eigenbasis=basis_of(), seed=3)


def told(optimizer: Optimizer, generations: int = 1) -> None:
    for _ in range(generations):
        latents = optimizer.ask().latents
        optimizer.tell(latents, -np.square(latents - 0.3).sum(axis=1))


def test_states_leave_out_what_is_the_same_and_go_on_bit_for_bit_with_it() -> None:
    one = begun()
    told(one)
    state, constants = one.to_parts()
    assert constants is not None
    assert len(state) < 4 * AXES**2 < len(constants.to_bytes()) < 8 * N * (AXES + 3)
    again = restore(state, Constants.read(constants.to_bytes()))
    assert again.to_parts()[0] == state
    whole = restore(one.to_bytes())
    for optimizer in (one, again, whole):
        told(optimizer, 3)
    assert again.to_bytes() == one.to_bytes() == whole.to_bytes()
    assert again.to_parts()[1].digest == constants.digest  # type: ignore[union-attr]
    with pytest.raises(InvalidInputError, match=f"goes with the constants of {constants.digest}, but none came"):
        restore(state)
    other = Constants.read(
        make_optimizer(
            SearchSettings("hessian_cma", axes=AXES), space=normal_space(N), eigenbasis=basis_of(), start=np.ones(N)
        )
        .to_parts()[1]
        .to_bytes()
    )  # type: ignore[union-attr]
    with pytest.raises(InvalidInputError, match=f"but those of {other.digest} came"):
        restore(state, other)
    with pytest.raises(InvalidInputError, match="without the metadata of the constants of a search"):
        Constants.read(safetensors.numpy.save({"a": np.ones(3)}))


def test_a_search_that_began_with_a_whole_covariance_goes_on_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hessian_cma, "_MOST_WHOLE", AXES)
    one = begun()
    told(one)
    before = one.to_bytes()
    assert b"pullback-search-2" in before
    monkeypatch.undo()
    again = restore(before)
    state, constants = again.to_parts()
    assert b"pullback-search-3" in state
    again = restore(state, constants)
    for optimizer in (one, again):
        told(optimizer, 3)
    assert again.to_bytes() == one.to_bytes()
    assert isinstance(again._standing.state.distribution, Distribution)  # type: ignore[attr-defined]


def test_a_small_search_is_written_as_before() -> None:
    settings = SearchSettings("hessian_cma", axes=20)
    optimizer = make_optimizer(settings, space=normal_space(40), eigenbasis=basis_of(40, 30))
    told(optimizer, 2)
    assert optimizer.to_parts() == (optimizer.to_bytes(), None)
    assert b"pullback-search-2" in optimizer.to_bytes()


def test_a_root_follows_the_covariance_that_is_kept_whole() -> None:
    k, rng = 12, np.random.default_rng(1)
    whole, root = (kind.begin(np.zeros(k), 0.7) for kind in (Distribution, TriangularDistribution))
    target = np.diag(np.geomspace(1, 100, k))
    for number in range(100):
        # The same points for both, drawn by one of them, and the same step size.
        points, sigma = whole.sample(16, rng), 0.7 * 0.97**number
        scores = -np.einsum("mi,ij,mj->m", points, target, points)
        whole = whole.updated(points, scores, first=0.7, sigma=sigma)
        root = root.updated(points, scores, first=0.7, sigma=sigma)
        np.testing.assert_allclose(root._root @ root._root.T, whole.covariance, atol=1e-4)
        np.testing.assert_allclose(root.mean, whole.mean, atol=1e-5)
        # A rotation does not change the length of the path.
        np.testing.assert_allclose(np.linalg.norm(root.path), np.linalg.norm(whole.path), rtol=0.2)
    assert np.ptp(np.log(np.linalg.eigvalsh(whole.covariance))) > 1


def test_it_finds_what_the_whole_covariance_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for most in (5, 240):
        monkeypatch.setattr(hessian_cma, "_MOST_WHOLE", most)
        settings = SearchSettings("hessian_cma", axes=10, population=14)
        best = []
        for seed in range(3):
            optimizer = make_optimizer(settings, space=normal_space(20), eigenbasis=basis_of(20, 10), seed=seed)
            told(optimizer, 60)
            assert optimizer.best is not None
            best.append(optimizer.best.score)
        found.append(np.mean(best))
    assert found[0] == pytest.approx(found[1], rel=0.2)


def test_cma_is_refused_where_its_state_would_have_too_many_numbers() -> None:
    space = normal_space(1025)
    with pytest.raises(InvalidInputError, match=r"17 MB a generation here: it searches 1,024 coordinates at most, but"):
        make_optimizer(SearchSettings("cma"), space=space)
    assert not unsuitable(SearchSettings("cma"), 1024)
    assert not unsuitable(SearchSettings("cholesky_cma"), 4096)


def answer_to(call: Evolve) -> object:
    (done,) = search_calls.evolve(call)
    assert isinstance(done, CallDone)
    return done.value


def test_a_worker_reads_constants_that_it_has_not_met_and_wants_those_that_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimizer = begun()
    latents = optimizer.ask().latents
    state, constants = optimizer.to_parts()
    assert constants is not None
    monkeypatch.setattr(search_calls, "_known", search_calls._Known())
    file = tmp_path / constants.digest
    there = StoredFile(str(file), constants.digest)
    call = Evolve(1, state, latents, np.arange(12.0), None, ("",) * 12, 12, there)
    for lost in (None, b"damaged"):
        if lost is not None:
            file.write_bytes(lost)
        assert answer_to(call) == ConstantsWanted(constants.digest)
    file.write_bytes(constants.to_bytes())
    with_them = answer_to(call)
    assert isinstance(with_them, Evolved)
    file.unlink()
    # What whoever asks has already is not sent.
    assert (with_them.digest, with_them.constants) == (constants.digest, b"")
    without = answer_to(call)
    assert isinstance(without, Evolved)
    assert without.state == with_them.state
    np.testing.assert_array_equal(without.latents, with_them.latents)
    # A state that is whole by itself brings them.
    whole = answer_to(Evolve(**vars(call) | {"state": optimizer.to_bytes()}))
    assert isinstance(whole, Evolved)
    assert (whole.state, whole.constants) == (without.state, constants.to_bytes())
    for number in range(4):
        search_calls._known.put(Constants({}, str(number)))
    assert answer_to(call) == ConstantsWanted(constants.digest)
