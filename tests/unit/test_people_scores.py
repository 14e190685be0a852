"""Scores of what people answer: ratings, shares of wins, and strengths, against closed forms and another optimizer."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize  # type: ignore[import-untyped]

from pullback_client import FailedPreconditionError, InvalidArgumentError
from pullback_client.studio.people.answers import Answer, checked_answer, reports
from pullback_client.studio.people.design import COMBINATIONS, Design, checked_observer
from pullback_client.studio.people.plan import Presentation, plan
from pullback_client.studio.people.ratings import Rating, mean_ratings, standardised_ratings
from pullback_client.studio.people.scoring import scores, wins_share
from pullback_client.studio.people.strengths import Choice, bradley_terry, thurstone

IMAGES = [f"image{number}" for number in range(7)]


def answer(images: tuple[str, ...], value: int, observer: str = "anna", key: str = "g0000-0000") -> Answer:
    return Answer(key, observer, images, value, 500.0, 1.0, 500.0, 100.0, 0)


def won(winner: str, loser: str, times: int) -> list[Choice]:
    return [Choice((winner, loser), winner)] * times


# Ratings


def test_the_mean_of_ratings_is_over_all_observers() -> None:
    ratings = [Rating("anna", "a", 9), Rating("ben", "a", 3), Rating("anna", "b", 1)]

    assert mean_ratings(ratings) == {"a": 6, "b": 1}


def test_observers_who_use_the_scale_differently_count_alike_once_standardised() -> None:
    # Ben says the same of the images as Anna, in a corner of the scale.
    anna = [Rating("anna", image, value) for image, value in zip("abc", (1, 5, 9), strict=True)]
    ben = [Rating("ben", image, value) for image, value in zip("abc", (6, 7, 8), strict=True)]

    found = standardised_ratings([*anna, *ben])

    # z = (r − mean) / deviation by n − 1: −1, 0, 1 of each.
    assert found == pytest.approx({"a": -1, "b": 0, "c": 1})


def test_ratings_of_earlier_generations_keep_progress_on_the_scale() -> None:
    before = [Rating("anna", "old", value) for value in (1, 3)]

    found = standardised_ratings([Rating("anna", "new", 8), Rating("anna", "newer", 8)], before)

    assert found["new"] == pytest.approx((8 - 5) / np.std([1, 3, 8, 8], ddof=1))
    assert standardised_ratings([Rating("anna", "a", 8), Rating("anna", "b", 8)]) == {"a": 0, "b": 0}


# Choices


def test_the_share_of_wins_is_of_the_sets_an_image_was_in() -> None:
    choices = [Choice(("a", "b", "c"), "a"), Choice(("a", "b", "c"), "b"), Choice(("a", "d"), "a")]

    assert wins_share(choices) == {"a": 2 / 3, "b": 1 / 2, "c": 0, "d": 0}


@pytest.mark.parametrize(("wins", "losses"), [(1, 1), (3, 1), (9, 2)])
def test_two_images_have_the_strengths_of_the_closed_forms(wins: int, losses: int) -> None:
    choices = [*won("a", "b", wins), *won("b", "a", losses)]
    share = wins / (wins + losses)

    luce = bradley_terry(choices, spread=math.inf)
    normal = thurstone(choices, spread=math.inf)

    assert luce["a"] - luce["b"] == pytest.approx(math.log(share / (1 - share)), abs=1e-8)
    assert normal["a"] - normal["b"] == pytest.approx(NormalDist().inv_cdf(share), abs=1e-8)
    assert luce["a"] + luce["b"] == pytest.approx(0)


def test_a_set_of_three_that_is_often_shown_has_luces_closed_form() -> None:
    choices = [Choice(("a", "b", "c"), chosen) for chosen in "aaaaabbbcc"]

    found = bradley_terry(choices, spread=math.inf)

    logs = np.log([0.5, 0.3, 0.2])
    assert [found[name] for name in "abc"] == pytest.approx(logs - logs.mean(), abs=1e-8)


def posterior(at: np.ndarray, choices: list[Choice], names: list[str], model: str, spread: float) -> float:
    """Minus the log posterior, written down once more and slowly."""
    by_name = dict(zip(names, at, strict=True))
    total = float(at @ at) / (2 * spread**2)
    for choice in choices:
        if model == "luce":
            total -= by_name[choice.chosen] - math.log(sum(math.exp(by_name[each]) for each in choice.images))
        else:
            (other,) = set(choice.images) - {choice.chosen}
            total -= math.log(NormalDist().cdf(by_name[choice.chosen] - by_name[other]))
    return total


@pytest.mark.parametrize("model", ["luce", "thurstone"])
@pytest.mark.parametrize("seed", range(3))
def test_strengths_are_where_another_optimizer_finds_the_maximum(model: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names, true = list("abcdef"), rng.standard_normal(6)
    choices = []
    for first, second in itertools.combinations(range(6), 2):
        for _ in range(3):
            ahead = true[first] - true[second] + rng.logistic()
            choices.append(Choice((names[first], names[second]), names[first if ahead > 0 else second]))

    found = (bradley_terry if model == "luce" else thurstone)(choices, spread=2.0)

    peer = minimize(posterior, np.zeros(6), (choices, names, model, 2.0), tol=1e-12)
    assert [found[name] for name in names] == pytest.approx(peer.x - peer.x.mean(), abs=1e-4)


@pytest.mark.parametrize("model", [bradley_terry, thurstone])
def test_one_who_always_wins_has_a_finite_strength_and_without_a_prior_none(model: object) -> None:
    choices = won("a", "b", 5)

    found = model(choices)  # type: ignore[operator]

    assert 0 < found["a"] < 5
    with pytest.raises(InvalidArgumentError, match="always win"):
        model(choices, spread=math.inf)  # type: ignore[operator]


def test_anchors_keep_their_strengths_and_carry_the_scale_on() -> None:
    choices = [*won("new", "anchor", 3), *won("anchor", "new", 1)]

    found = bradley_terry(choices, {"anchor": 2.5}, spread=1e6)

    assert found == pytest.approx({"new": 2.5 + math.log(3)}, abs=1e-5)


def test_a_choice_of_what_was_not_shown_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="among different images"):
        bradley_terry([Choice(("a", "b"), "c")])
    with pytest.raises(InvalidArgumentError, match="of pairs"):
        thurstone([Choice(("a", "b", "c"), "c")])


@pytest.mark.parametrize(("way", "combination"), [(way, each) for way, known in COMBINATIONS.items() for each in known])
def test_every_combination_ranks_images_as_observers_did(way: str, combination: str) -> None:
    size = {"rate": 1, "choose": 3, "compare": 2}[way]
    design = Design(way, size, 4, combination=combination)  # type: ignore[arg-type]
    answers = []
    for shown in plan(IMAGES, [], design, generation=0, seed=3):
        ranks = [IMAGES.index(image) for image in shown.images]
        answers.append(answer(shown.images, ranks[0] + 1 if way == "rate" else int(np.argmax(ranks)), key=shown.key))

    found = scores(answers, design, images=IMAGES)

    assert max(found, key=found.__getitem__) == IMAGES[-1]
    assert np.corrcoef([found[image] for image in IMAGES], range(len(IMAGES)))[0, 1] > 0.8


# Plans


@given(count=st.integers(2, 12), size=st.integers(1, 9), answers=st.integers(1, 6), seed=st.integers(0, 100))
def test_every_image_is_judged_as_often_as_any_other_or_once_more(
    count: int, size: int, answers: int, seed: int
) -> None:
    size = min(size, count)
    design = Design("rate" if size == 1 else "choose", size, answers, combination="mean" if size == 1 else "share")
    images = [f"image{number}" for number in range(count)]

    found = plan(images, [], design, generation=2, seed=seed)

    counts = Counter(image for shown in found for image in shown.images)
    assert set(counts) == set(images)
    assert set(counts.values()) <= {answers, answers + 1}
    assert all(len(set(shown.images)) == size for shown in found)
    assert len({shown.key for shown in found}) == len(found)
    assert found == plan(images, [], design, generation=2, seed=seed)


def test_everyone_sees_everything_in_an_order_of_their_own() -> None:
    design = Design(answers=1, sharing="everyone", observers=("anna", "ben"))

    found = plan(IMAGES, [], design, generation=0, seed=0)

    orders = [[shown.images[0] for shown in found if shown.observer == name] for name in ("anna", "ben")]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(IMAGES)


def test_too_few_images_for_a_set_are_said() -> None:
    with pytest.raises(InvalidArgumentError, match="4 images side by side"):
        plan(["a", "b"], ["c"], Design("choose", 4, combination="share"), generation=0, seed=0)


# Designs and answers


def test_a_design_comes_back_from_the_notes_of_its_session() -> None:
    design = Design(
        "compare",
        2,
        5,
        sharing="everyone",
        observers=("Anna", "Ben Ö."),
        combination="thurstone",
        anchors=2,
        stimulus_ms=250,
        instructions="Which one is more like a cat?\nTake your time.",
    )

    assert Design.from_notes(design.to_notes() | {"rig": "left"}) == design


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"way": "guess"}, "unknown way"),
        ({"combination": "share"}, "cannot be 'share': expected mean, standardised"),
        ({"alternatives": 2}, "images side by side must be 1"),
        ({"answers": 0}, "answers to each image must be 1 to 30"),
        ({"anchors": 1}, "anchors must be 0"),
        ({"stimulus_ms": -1}, "stimulus .ms. must be 0 to 60000"),
        ({"sharing": "everyone"}, "observers who judge every image must be 1 to 16"),
        ({"observers": ("anna",)}, "named only where everyone"),
        ({"sharing": "everyone", "observers": ("anna", "anna")}, "same name"),
        ({"instructions": "x" * 1001}, "may have 1000 characters"),
    ],
)
def test_designs_that_cannot_be_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        Design(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("notes", [{}, {"people": "{}]"}, {"people": '{"way": "guess"}'}, {"people": '{"colour": 1}'}])
def test_a_session_without_a_design_is_not_one_for_people(notes: dict[str, str]) -> None:
    with pytest.raises(FailedPreconditionError, match=r"not scored by people|cannot be used"):
        Design.from_notes(notes)


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\nb"])
def test_observers_need_a_name(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="1 to 40 characters"):
        checked_observer(name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": 0},
        {"value": 10},
        {"value": True},
        {"value": "5"},
        {"reaction_ms": -1},
        {"onset_s": None},
        {"shown_ms": "x"},
    ],
)
def test_answers_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    sent = {"value": 5, "reaction_ms": 400.0, "shown_ms": 500, "fixation_ms": 100.0, "onset_s": 1.5e9}
    shown = Presentation("g0000-0000", ("a",))
    assert checked_answer(sent, shown, "anna", "rate").value == 5

    with pytest.raises(InvalidArgumentError):
        checked_answer(sent | wrong, shown, "anna", "rate")


def test_a_choice_is_told_for_its_own_images_and_its_raw_answer_once() -> None:
    design = Design("choose", 3, combination="share")
    given_answer = answer(("a", "old", "b"), 2)

    told = reports(given_answer, design, ["a", "b"])

    assert [(each.image_id, each.score, each.outcome) for each in told] == [("a", 0, "scored"), ("b", 1, "scored")]
    assert Answer.from_note(told[0].note) == given_answer
    assert told[1].note == f"see {told[0].trial_id}"


def test_an_answer_is_no_score_where_scores_are_made_of_all_of_them() -> None:
    told = reports(answer(("a", "b"), 1), Design("compare", 2, combination="bradley_terry"), ["a", "b"])

    assert [(each.score, each.outcome) for each in told] == [(None, "failed")] * 2
