"""Scores, onsets and notes in every form in which experiments hold them: the same numbers arrive, or an error."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from in_process import POPULATION, InProcessServer
from pullback_api.v1 import search_pb2
from pullback_client import Client, EvolutionSession, InvalidArgumentError, TrialResult
from pullback_client.search.scores import plain, real, score_values

pandas = pytest.importorskip("pandas", reason="pandas is not installed")


@pytest.fixture
def session(server: InProcessServer) -> Iterator[EvolutionSession]:
    with Client(server.target, timeout=60) as client:
        yield client.evolve("faces", optimizer="cma", population=POPULATION)


def told(server: InProcessServer) -> dict[str, search_pb2.TrialReport]:
    return server.told()


class Array:
    """An array of a library that only has NumPy's protocol, as JAX's have."""

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        del copy
        return self._values if dtype is None else self._values.astype(dtype)


class Quantity:
    """A number that only can become a float."""

    def __float__(self) -> float:
        return 2.5


NUMBERS: dict[str, tuple[Any, float]] = {
    "float": (2.5, 2.5),
    "int": (2, 2),
    "bool": (True, 1),
    "numpy bool": (np.bool_(False), 0),
    "float16": (np.float16(2.5), 2.5),
    "float32": (np.float32(0.1), 0.10000000149011612),
    "long double": (np.longdouble("0.1"), 0.1),
    "uint8": (np.uint8(200), 200),
    "decimal": (Decimal("0.1"), 0.1),
    "fraction": (Fraction(1, 10), 0.1),
    "numpy, no axes": (np.array(2.5), 2.5),
    "numpy object": (np.array(Fraction(5, 2), dtype=object), 2.5),
    "tensor": (torch.tensor(2.5), 2.5),
    "tensor with a gradient": (torch.tensor(2.5, requires_grad=True) * 2, 5),
    "bfloat16": (torch.tensor(2.5, dtype=torch.bfloat16), 2.5),
    "integer tensor": (torch.tensor(7), 7),
    "boolean tensor": (torch.tensor(True), 1),
    "array protocol": (Array(2.5), 2.5),
    "float protocol": (Quantity(), 2.5),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_number_of_any_library_is_the_float_that_it_is(kind: str) -> None:
    value, expected = NUMBERS[kind]
    assert score_values("it", value) == expected
    # What has a batch's axis, as a network's answer has, holds one channel.
    assert score_values("it", [[value]]) == [expected]
    assert real("it", [[value]]) == expected


CHANNELS = {
    "list": [1, 2.5, -3],
    "tuple": (1.0, 2.5, -3.0),
    "deque": deque([1, 2.5, -3]),
    "numpy": np.array([1, 2.5, -3]),
    "row": np.array([[1, 2.5, -3]], np.float32),
    "tensor": torch.tensor([[1, 2.5, -3]], requires_grad=True),
    "bfloat16": torch.tensor([1, 2.5, -3], dtype=torch.bfloat16),
    "list of tensors": [torch.tensor(1), torch.tensor([2.5]).squeeze(), Decimal(-3)],
    "objects": np.array([Fraction(1), 2.5, np.int8(-3)], dtype=object),
    "series": pandas.Series([1, 2.5, -3], index=[7, 3, 5]),
    "array protocol": Array([1, 2.5, -3]),
}


@pytest.mark.parametrize("kind", CHANNELS)
def test_channels_of_any_library_are_their_values(kind: str) -> None:
    assert score_values("it", CHANNELS[kind]) == [1, 2.5, -3]


NONE = {
    "None": None,
    "NaN": math.nan,
    "decimal NaN": Decimal("nan"),
    "pandas.NA": pandas.NA,
    "masked": np.ma.masked,
    "a masked integer": np.ma.masked_array(3, True),
    "tensor": torch.tensor(math.nan),
}


@pytest.mark.parametrize("kind", NONE)
def test_what_stands_for_nothing_is_nan(kind: str) -> None:
    assert math.isnan(real("it", NONE[kind]))
    np.testing.assert_array_equal(plain("it", [1, NONE[kind]]), [1, np.nan])


REFUSED = {
    "complex": (1 + 2j, "must be a number, got .1\\+2j., which is complex: give its abs"),
    "complex without an imaginary part": (np.complex64(3), "which is complex"),
    "complex tensor": (torch.tensor([1j]), "which is complex"),
    "complex array": (np.array([1, 2j]), "which is complex"),
    "text": ("3.5", "must be a number, got '3.5'"),
    "bytes": (b"3", "must be a number, got b'3'"),
    "texts": (["1", "2"], "must be a number, got '1'"),
    "array of texts": (np.array(["1.5"]), "must be a number, got array"),
    "date": (datetime(2026, 1, 1, tzinfo=timezone.utc), "must be a number, got datetime"),
    "duration": (timedelta(seconds=1), "must be a number, got datetime.timedelta"),
    "numpy duration": (np.timedelta64(3, "s"), "must be a number, got np.timedelta64"),
    "pandas date": (pandas.Timestamp(0), "must be a number"),
    "no date": (pandas.NaT, "must be a number"),
    "records": (np.zeros(1, [("a", float)]), "must be a number"),
    "raw bytes": (np.zeros(1, "V8"), "must be a number"),
    "dict": ({"score": 1}, "must be a number, got {'score': 1}"),
    "set": ({1.0}, "must be a number"),
    "object": (object(), "must be a number, got <object"),
    "generator": ((value for value in [1.0]), "must be a number, got <generator"),
    "ragged": ([1, [2, 3]], "got parts of different shapes"),
    "matrix": (np.zeros((2, 3)), r"got numbers of shape \(2, 3\)"),
    "empty": ([], r"got numbers of shape \(0,\)"),
    "infinite": (math.inf, "is infinite"),
    "infinite channel": ([1, -math.inf], "is infinite"),
    "too large an integer": (10**400, "is infinite"),
    "too large a decimal": (Decimal("1e400"), "is infinite"),
    "too large a fraction": (Fraction(10**400, 3), "is infinite"),
    "too large a long double": (np.longdouble("1e400"), "is infinite"),
    "out of float32": (torch.tensor(1e39), "is infinite"),
    "beyond what is taken": (1e101, r"is 1e\+101: give numbers within ±1e\+100"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_real_number_is_refused_by_its_trial(
    session: EvolutionSession, server: InProcessServer, kind: str
) -> None:
    value, message = REFUSED[kind]
    batch = session.ask()
    with pytest.raises(InvalidArgumentError, match=f"the score of {batch[2].id} .*{message}"):
        session.tell(batch, [1.0, 2.0, value, 4.0])
    assert told(server) == {}


FORMS = {
    "tensor": torch.tensor([1.0, 2, math.nan, 4], requires_grad=True),
    "array protocol": Array([1.0, 2, math.nan, 4]),
    "generator": (value for value in [1, 2.0, None, Fraction(4)]),
    "dict's values": {"a": 1, "b": 2, "c": None, "d": 4}.values(),
    "series": pandas.Series([1, 2, None, 4]),
    "nullable series": pandas.Series([1, 2, None, 4], dtype="Int64"),
    "rows of a longer table": pandas.Series([9, 9, 1, 2, None, 4])[2:],
    "column": pandas.DataFrame({"score": [1, 2, None, 4], "rig": "b"})["score"],
    "list of everything": [torch.tensor(1), Decimal(2), pandas.NA, np.float16(4)],
}


@pytest.mark.parametrize("kind", FORMS)
def test_scores_of_a_batch_may_be_of_any_library(session: EvolutionSession, server: InProcessServer, kind: str) -> None:
    batch = session.ask()
    session.tell(batch, FORMS[kind])
    reports = [told(server)[trial.id] for trial in batch]
    assert [report.score if report.HasField("score") else None for report in reports] == [1, 2, None, 4]


@pytest.mark.parametrize("by", ["trial", "image"])
def test_a_table_whose_index_has_ids_is_matched_by_them(
    session: EvolutionSession, server: InProcessServer, by: str
) -> None:
    batch = session.ask()
    ids = [trial.id if by == "trial" else trial.image_id for trial in batch]
    session.tell(batch, pandas.Series([4.0, 1.0, 3.0], index=[ids[3], ids[0], ids[2]]))
    assert {name: report.score for name, report in told(server).items()} == {
        batch[0].id: 1,
        batch[2].id: 3,
        batch[3].id: 4,
    }
    table = pandas.DataFrame({"left": [1.0], "right": [2.0]}, index=[ids[1]])
    session.tell(batch, table)
    assert list(told(server)[batch[1].id].channel_values) == [1, 2]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (pandas.Series([1, 2, 3, 4]).sort_values(ascending=False), r"rows of the scores were moved, .*\[3, 2, 1, 0\]"),
        (pandas.Series([1, 2], index=["a", "a"]), "has an id twice"),
        (pandas.Series([1], index=["nobody"]), "'nobody' is neither a trial nor an image"),
        (np.ones((1, 4)), r"1 scores for 4 trials: .*of shape \(1, 4\), .* give its \.T"),
        (torch.ones(3), "3 scores for 4 trials"),
        (torch.tensor(3.0), "4 trials need as many scores, got tensor"),
        ("1234", "4 trials need as many scores, got '1234'"),
        ({1.0, 2.0, 3.0, 4.0}, "4 trials need as many scores"),
    ],
)
def test_scores_that_do_not_say_whose_they_are_are_refused(
    session: EvolutionSession, server: InProcessServer, scores: Any, message: str
) -> None:
    batch = session.ask()
    with pytest.raises(InvalidArgumentError, match=message):
        session.tell(batch, scores)
    assert told(server) == {}


def test_one_trial_may_be_told_one_number_of_any_shape(session: EvolutionSession, server: InProcessServer) -> None:
    batch = session.ask()
    session.tell(batch[0], torch.tensor(2.5, requires_grad=True))
    session.tell(batch[1:2], 3)
    session.tell(batch[2:3], np.array([[4.0]]))
    session.tell([TrialResult(batch[3].id, score=np.array([[5.0]]))])  # type: ignore[arg-type]
    reports = [told(server)[trial.id] for trial in batch]
    values = [report.score if report.HasField("score") else report.channel_values[0] for report in reports]
    assert values == [2.5, 3, 4, 5]


def test_results_take_numbers_of_any_library_and_notes_of_tables(
    session: EvolutionSession, server: InProcessServer
) -> None:
    batch = session.ask()
    notes = pandas.Series(["blinked", None, math.nan, "[/ok]"])
    onsets = [torch.tensor(0.5), np.array([1.5]), Decimal("2.5"), pandas.NA]
    session.tell(
        [
            TrialResult(trial.id, channel_values=torch.tensor([place, 1.0]), t_onset=onset, note=note)  # type: ignore[arg-type]
            for place, (trial, onset, note) in enumerate(zip(batch, onsets, notes, strict=True))
        ]
    )
    reports = [told(server)[trial.id] for trial in batch]
    assert [report.t_onset if report.HasField("t_onset") else None for report in reports] == [0.5, 1.5, 2.5, None]
    assert [report.note for report in reports] == ["blinked", "", "", "[/ok]"]
    assert [list(report.channel_values) for report in reports] == [[0, 1], [1, 1], [2, 1], [3, 1]]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"score": [1, 2]}, "the score of a must be one number, got 2 of them"),
        ({"score": 1j}, "the score of a must be a number, got 1j, which is complex"),
        ({"channel_values": [1, "2"]}, "the channel values of a must be a number, got '2'"),
        ({"t_onset": 1j}, "t_onset of a must be a number"),
        ({"t_onset": True}, "t_onset of a must be a number, got True"),
        ({"t_onset": datetime.now(timezone.utc)}, "t_onset of a must be a number, got datetime"),
        ({"note": 3}, "note of a must be a text, got 3"),
        ({"note": "x" * 1001}, "note of a has 1001 characters: give at most 1000"),
        ({"image_id": 3}, "image_id of a must be a text, got 3"),
        ({"trial_id": 3}, "trial_id of a result must be a text, got 3"),
    ],
)
def test_what_else_a_result_says_is_checked(session: EvolutionSession, result: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        session.tell([TrialResult(**{"trial_id": "a", "image_id": "b", **result})])


def test_a_score_of_a_trial_that_failed_is_kept_and_not_used(
    session: EvolutionSession, server: InProcessServer
) -> None:
    batch = session.ask()
    session.tell([TrialResult(batch[0].id, score=7, outcome="failed")])
    report = told(server)[batch[0].id]
    assert (report.score, report.outcome) == (7, search_pb2.OUTCOME_FAILED)
    assert session.status().threads[0].current.scored == 0
    (record,) = [each for each in session.history().trials if each.outcome]
    assert (record.score, record.used_score) == (7, None)
