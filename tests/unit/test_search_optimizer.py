"""What every search promises, whatever its method."""

from __future__ import annotations

import numpy as np
import pytest

from pullback.errors import InvalidInputError
from pullback.search import METHODS, Optimizer, restore
from searching import CMA_METHODS, ellipsoid, evolve, normal_space, search

DIM = 10
OPTIMUM = np.random.default_rng(3).standard_normal(DIM)
SCORE = ellipsoid(np.eye(DIM), OPTIMUM)

every_method = pytest.mark.parametrize("method", METHODS)


def begun(method: str, **options: object) -> Optimizer:
    return search(method, normal_space(DIM), **options)


def told(optimizer: Optimizer, generations: int = 3) -> Optimizer:
    evolve(optimizer, SCORE, generations)
    return optimizer


@every_method
def test_ask_gives_as_many_finite_latents_as_asked(method: str) -> None:
    optimizer = begun(method)
    for n in (None, 1, 2, 7, 100):
        candidates = optimizer.ask(n)
        wanted = optimizer.population if n is None else n
        assert candidates.latents.shape == (wanted, DIM)
        assert candidates.latents.dtype == np.float32
        assert np.isfinite(candidates.latents).all()
        assert len(candidates.origins) == wanted
    assert optimizer.generation == 0


@every_method
def test_a_search_improves_on_its_first_generation(method: str) -> None:
    optimizer = begun(method)
    first = SCORE(optimizer.ask().latents).max()
    told(optimizer, 40)
    assert optimizer.best is not None
    assert optimizer.best.score > first


@every_method
def test_the_same_seed_gives_the_same_search_and_another_a_different_one(method: str) -> None:
    one, same, other = told(begun(method)), told(begun(method)), told(begun(method, seed=2))
    np.testing.assert_array_equal(one.ask().latents, same.ask().latents)
    assert not np.array_equal(one.ask().latents, other.ask().latents)


@every_method
def test_searches_side_by_side_do_not_disturb_each_other(method: str) -> None:
    alone = [told(begun(method, seed=seed), 6).to_bytes() for seed in (1, 2)]
    together = [begun(method, seed=seed) for seed in (1, 2)]
    for _ in range(6):
        asked = [optimizer.ask().latents for optimizer in together]
        for optimizer, latents in zip(together, asked, strict=True):
            optimizer.tell(latents, SCORE(latents))
    assert [optimizer.to_bytes() for optimizer in together] == alone


@every_method
def test_global_random_numbers_are_left_alone(method: str) -> None:
    before = str(np.random.get_state())  # noqa: NPY002
    told(begun(method))
    assert str(np.random.get_state()) == before  # noqa: NPY002


@every_method
def test_to_minimize_is_to_maximize_the_negative(method: str) -> None:
    up, down = begun(method), begun(method, minimize=True)
    for _ in range(5):
        latents = up.ask().latents
        np.testing.assert_array_equal(down.ask().latents, latents)
        up.tell(latents, SCORE(latents))
        down.tell(latents, -SCORE(latents))
    np.testing.assert_array_equal(up.incumbent, down.incumbent)
    assert up.best is not None
    assert down.best is not None
    assert up.best.score == -down.best.score


@every_method
def test_no_score_is_the_same_as_not_being_told(method: str) -> None:
    with_gaps, without = told(begun(method)), told(begun(method))
    latents = with_gaps.ask().latents
    assert np.array_equal(without.ask().latents, latents)
    scores = SCORE(latents)
    ids = [f"image {i}" for i in range(len(latents))]
    variances = np.linspace(0.1, 0.5, len(latents))
    gone = np.arange(len(latents)) % 3 == 1
    with_gaps.tell(latents, np.where(gone, np.nan, scores), ids=ids, variances=variances)
    kept = [name for name, is_gone in zip(ids, gone, strict=True) if not is_gone]
    without.tell(latents[~gone], scores[~gone], ids=kept, variances=variances[~gone])
    assert with_gaps.to_bytes() == without.to_bytes()


@every_method
def test_a_generation_without_a_score_counts_and_teaches_nothing(method: str) -> None:
    optimizer, untold = told(begun(method)), told(begun(method))
    optimizer.tell(np.ones((5, DIM)), np.full(5, np.nan))
    assert (optimizer.generation, untold.generation) == (4, 3)
    np.testing.assert_array_equal(optimizer.ask().latents, untold.ask().latents)
    np.testing.assert_array_equal(optimizer.incumbent, untold.incumbent)


@every_method
def test_any_part_of_a_generation_can_be_told(method: str) -> None:
    for m in range(1, 12):
        optimizer = told(begun(method))
        for _ in range(4):
            latents = optimizer.ask().latents[:m]
            optimizer.tell(latents, SCORE(latents))
        assert optimizer.generation == 7
        assert np.isfinite(optimizer.ask().latents).all()


@pytest.mark.parametrize("method", [*CMA_METHODS, "sphere_cma"])
def test_too_few_scores_to_rank_wait_for_more(method: str) -> None:
    parts, whole = (begun(method, start=np.ones(DIM)) for _ in range(2))
    latents = parts.ask(5).latents
    whole.ask(5)
    before = parts.incumbent
    for rows in (slice(0, 1), slice(1, 3)):
        parts.tell(latents[rows], SCORE(latents[rows]))
        np.testing.assert_array_equal(parts.incumbent, before)
        assert parts.best is not None
    parts = restore(parts.to_bytes())
    parts.tell(latents[3:], SCORE(latents[3:]))
    whole.tell(latents, SCORE(latents))
    np.testing.assert_array_equal(parts.incumbent, whole.incumbent)
    np.testing.assert_array_equal(parts.ask().latents, whole.ask().latents)


@every_method
def test_equal_scores_break_nothing(method: str) -> None:
    optimizer = begun(method)
    for _ in range(30):
        latents = optimizer.ask().latents
        optimizer.tell(latents, np.zeros(len(latents)))
    latents = optimizer.ask().latents
    optimizer.tell(latents, np.zeros(len(latents)), variances=np.ones(len(latents)))
    assert np.isfinite(optimizer.ask().latents).all()


@every_method
def test_latents_that_it_never_proposed_are_learnt_from(method: str) -> None:
    optimizer = told(begun(method), generations=1)
    before = SCORE(optimizer.incumbent[None])
    near = OPTIMUM + 0.01 * np.random.default_rng(0).standard_normal((30, DIM))
    optimizer.tell(near, SCORE(near))
    assert SCORE(optimizer.incumbent[None]) > before
    optimizer.tell(OPTIMUM[None], [0.0], ids=["mine"])
    assert optimizer.best is not None
    assert optimizer.best.id == "mine"
    np.testing.assert_array_equal(optimizer.best.latent, OPTIMUM.astype(np.float32))


@pytest.mark.parametrize("method", CMA_METHODS)
def test_a_latent_far_away_moves_the_mean_no_farther_than_a_sample_could(method: str) -> None:
    optimizer = begun(method, sigma=0.5)
    latents = optimizer.ask().latents
    latents[0] = 1e6
    scores = SCORE(latents)
    scores[0] = 1.0
    optimizer.tell(latents, scores)
    assert np.linalg.norm(optimizer.incumbent) < 20
    assert np.abs(optimizer.ask().latents).max() < 50


@every_method
def test_the_best_is_the_first_of_the_best_scores(method: str) -> None:
    optimizer = begun(method)
    assert optimizer.best is None
    latents = optimizer.ask(6).latents
    optimizer.tell(latents, [1.0, 5.0, np.nan, 5.0, -3.0, 0.0], ids=list("abcdef"))
    optimizer.tell(latents, [5.0, 5.0, 4.0, 5.0, 0.0, 0.0], ids=list("ghijkl"))
    best = optimizer.best
    assert best is not None
    assert (best.score, best.id, best.generation) == (5.0, "b", 0)
    np.testing.assert_array_equal(best.latent, latents[1])


@pytest.mark.parametrize("method", [*CMA_METHODS, "sphere_cma", "genetic"])
def test_what_is_given_for_the_first_generation_is_asked_first(method: str) -> None:
    given = np.random.default_rng(5).standard_normal((6, DIM)).astype(np.float32)
    optimizer = begun(method, initial_latents=given)
    first, second, third = optimizer.ask(4), optimizer.ask(4), optimizer.ask(2)
    np.testing.assert_array_equal(np.concatenate([first.latents, second.latents[:2]]), given)
    kinds = [origin.kind for asked in (first, second, third) for origin in asked.origins]
    assert kinds[:6] == ["initial"] * 6
    assert "initial" not in kinds[6:]


@pytest.mark.parametrize("method", CMA_METHODS)
def test_searches_with_a_mean_begin_at_the_start_or_at_the_mean_of_what_is_given(method: str) -> None:
    given = np.random.default_rng(5).standard_normal((6, DIM))
    for options, mean in (
        ({}, np.zeros(DIM)),
        ({"start": OPTIMUM}, OPTIMUM),
        ({"initial_latents": given}, given.mean(axis=0)),
        ({"initial_latents": given, "start": OPTIMUM}, OPTIMUM),
    ):
        np.testing.assert_allclose(begun(method, **options).incumbent, mean, atol=1e-6)


@pytest.mark.parametrize("method", CMA_METHODS)
def test_sigma_is_in_units_of_the_prior(method: str) -> None:
    latents = begun(method, sigma=0.3).ask(4000).latents
    assert np.sqrt(np.square(latents).mean()) == pytest.approx(0.3, rel=0.02)


@every_method
def test_equal_variances_change_nothing_and_a_score_that_is_unsure_counts_less(method: str) -> None:
    plain, equal = told(begun(method)), told(begun(method))
    latents = plain.ask(8).latents
    equal.ask(8)
    scores = SCORE(latents)
    plain.tell(latents, scores)
    equal.tell(latents, scores, variances=np.full(8, 0.3))
    if method in ("genetic", "random", "hessian_gp"):
        return  # Their order is what counts below; for `genetic` scores themselves, for a process those before, too.
    np.testing.assert_array_equal(plain.incumbent, equal.incumbent)
    # The lucky one was shown once, the good one often: its score is the one to believe.
    lucky, good = told(begun(method)), told(begun(method))
    values = np.array([10.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    rows = lucky.ask(8).latents
    good.ask(8)
    lucky.tell(rows, values, variances=[200.0] + [0.01] * 7)
    good.tell(rows, [8.0, *values[1:]])
    np.testing.assert_array_equal(lucky.incumbent, good.incumbent)


def test_variances_that_are_not_known_count_as_the_mean_of_the_others() -> None:
    some, filled = told(begun("cholesky_cma")), told(begun("cholesky_cma"))
    latents = some.ask(6).latents
    filled.ask(6)
    some.tell(latents, SCORE(latents), variances=[0.5, np.nan, 4.0, np.nan, 1.5, 2.0])
    filled.tell(latents, SCORE(latents), variances=[0.5, 2.0, 4.0, 2.0, 1.5, 2.0])
    np.testing.assert_array_equal(some.incumbent, filled.incumbent)


@every_method
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"latents": np.zeros((3, DIM - 1))},
            rf"latents that are told have shape \(n, {DIM}\) .* but shape \(3, 9\) came",
        ),
        ({"latents": np.zeros((0, DIM)), "scores": []}, "with n at least 1, but shape"),
        ({"latents": np.zeros(DIM)}, r"but shape \(10,\) came"),
        ({"latents": np.full((3, DIM), np.nan)}, "finite numbers of float32, but NaN, infinity or a greater one came"),
        ({"latents": np.full((3, DIM), 1e39)}, "finite numbers of float32"),
        ({"scores": np.zeros(4)}, r"3 latents have scores of shape \(3,\), but shape \(4,\) came"),
        ({"scores": [1.0, np.inf, 0.0]}, "scores are finite, or NaN where there is none, but infinity came"),
        ({"scores": [1.0, -np.inf, 0.0]}, "but infinity came"),
        ({"ids": ["a", "b"]}, "3 latents have as many ids, but 2 came"),
        ({"variances": [1.0, 1.0]}, r"variances of shape \(3,\), but shape \(2,\) came"),
        ({"variances": [1.0, -1.0, 0.0]}, "variances are finite and at least 0"),
        ({"variances": [1.0, np.inf, 0.0]}, "variances are finite and at least 0"),
    ],
)
def test_a_tell_that_cannot_be_used_says_why_and_changes_nothing(
    method: str, arguments: dict[str, object], message: str
) -> None:
    optimizer = told(begun(method))
    before = optimizer.to_bytes()
    with pytest.raises(InvalidInputError, match=message):
        optimizer.tell(**({"latents": np.zeros((3, DIM)), "scores": [1.0, 2.0, 3.0]} | arguments))
    assert optimizer.to_bytes() == before


@every_method
def test_asking_for_nothing_is_an_error_that_changes_nothing(method: str) -> None:
    optimizer = begun(method)
    before = optimizer.to_bytes()
    for n in (0, -3):
        with pytest.raises(InvalidInputError, match=f"at least 1 candidate can be asked for, but {n} came"):
            optimizer.ask(n)
    assert optimizer.to_bytes() == before


@every_method
def test_what_is_handed_over_can_be_written_to_without_harm(method: str) -> None:
    optimizer, untouched = told(begun(method)), told(begun(method))
    latents = optimizer.ask().latents
    scores = SCORE(latents)
    untouched.tell(untouched.ask().latents, scores)
    optimizer.tell(latents, scores)
    latents[:], scores[:] = 7.0, 7.0
    assert optimizer.to_bytes() == untouched.to_bytes()
