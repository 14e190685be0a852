"""JSON as MATLAB writes it: what each field means, and what no field can mean."""

from __future__ import annotations

import json
import math
from typing import Any

import grpc
import pytest

from pullback_api.v1 import geometry_pb2, jobs_pb2, search_pb2, values_pb2
from pullback_server.errors import ApiError
from pullback_server.http.codec import to_json
from pullback_server.http.lenient_json import parse


def tell(**fields: Any) -> search_pb2.TellRequest:
    """The request that a body with these fields stands for."""
    return parse(json.dumps(fields).encode(), search_pb2.TellRequest)


def refusals(body: Any, message_class: Any = search_pb2.TellRequest) -> dict[str, str]:
    """The violations of a body that cannot be read."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ApiError) as caught:
        parse(data, message_class)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    return {violation.field: violation.description for violation in caught.value.violations}


# What MATLAB writes -------------------------------------------------------------------------------------------------


def test_a_scalar_is_a_list_of_one() -> None:
    columns = {"trial_ids": "a", "image_ids": "i", "scores": 1.5, "valid": True, "t_onsets": 0}
    assert tell(columns=columns) == tell(columns={name: [value] for name, value in columns.items()})


def test_an_object_is_a_list_of_one_message() -> None:
    assert tell(trials={"trial_id": "a", "score": 2}) == tell(trials=[{"trial_id": "a", "score": 2}])


@pytest.mark.parametrize("nothing", [None, []], ids=["null", "brackets"])
@pytest.mark.parametrize("field", ["columns", "trials", "session", "end_generation"])
def test_null_and_empty_brackets_are_nothing(field: str, nothing: Any) -> None:
    read = tell(**{field: nothing})
    assert read == search_pb2.TellRequest()


def test_empty_brackets_are_an_empty_map() -> None:
    request = parse(b'{"spec": {"notes": [], "title": "t"}}', search_pb2.CreateSessionRequest)
    assert not request.spec.notes
    assert request.spec.title == "t"


def test_an_empty_object_is_a_message_that_is_there() -> None:
    assert parse(b'{"spec": {"dry_run": {}}}', search_pb2.CreateSessionRequest).spec.HasField("dry_run")
    assert not parse(b'{"spec": {"dry_run": []}}', search_pb2.CreateSessionRequest).spec.HasField("dry_run")


def test_both_spellings_of_a_field_are_read() -> None:
    assert tell(endGeneration=[1], columns={"trialIds": ["a"]}) == tell(
        end_generation=[1], columns={"trial_ids": ["a"]}
    )


def test_a_spelling_that_says_nothing_does_not_stand_in_the_way() -> None:
    assert list(tell(end_generation=None, endGeneration=[1]).end_generation) == [1]


def test_one_and_zero_are_truth_values_and_seconds_are_a_duration() -> None:
    request = parse(b'{"include_images": 1, "wait": 0.25}', search_pb2.AskRequest)
    assert request.include_images
    assert request.wait.ToMilliseconds() == 250
    assert parse(b'{"wait": "0.25s"}', search_pb2.AskRequest).wait == request.wait


def test_enums_come_by_name_or_number() -> None:
    for state in ("JOB_STATE_FAILED", 4, ["JOB_STATE_FAILED"]):
        request = parse(json.dumps({"states": state}).encode(), jobs_pb2.ListJobsRequest)
        assert list(request.states) == [jobs_pb2.JOB_STATE_FAILED]


def test_null_among_numbers_is_nan() -> None:
    values = tell(trials={"trial_id": "a", "channel_values": [1, None]}).trials[0].channel_values
    assert values[0] == 1
    assert math.isnan(values[1])


# Scores that are null -----------------------------------------------------------------------------------------------


def test_a_null_score_is_not_valid() -> None:
    columns = tell(columns={"trial_ids": ["a", "b", "c"], "scores": [1, None, 3]}).columns
    assert list(columns.valid) == [True, False, True]
    assert columns.scores[0] == 1
    assert columns.scores[2] == 3


def test_a_null_score_agrees_with_valid_being_false() -> None:
    columns = tell(columns={"trial_ids": ["a", "b"], "scores": [1, None], "valid": [True, False]}).columns
    assert list(columns.valid) == [True, False]


def test_the_null_of_a_single_trial_is_its_score() -> None:
    for names in ("trial_ids", "trialIds"):
        columns = tell(columns={names: "a", "scores": None}).columns
        assert list(columns.valid) == [False]
        assert len(columns.scores) == 1


def test_a_null_onset_is_nan_among_others_and_nothing_alone() -> None:
    onsets = tell(columns={"trial_ids": ["a", "b"], "scores": [1, 2], "t_onsets": [0.5, None]}).columns.t_onsets
    assert onsets[0] == 0.5
    assert math.isnan(onsets[1])
    assert not tell(columns={"trial_ids": "a", "scores": 1, "t_onsets": None}).columns.t_onsets
    assert not tell(trials={"trial_id": "a", "score": 1, "t_onset": None}).trials[0].HasField("t_onset")


def test_a_null_column_of_several_trials_is_no_column() -> None:
    assert not tell(columns={"trial_ids": ["a", "b"], "scores": None, "valid": [False, False]}).columns.scores


def test_a_null_score_that_is_said_to_be_valid_is_refused() -> None:
    wrong = refusals({"columns": {"trial_ids": ["a", "b"], "scores": [None, 1], "valid": [True, True]}})
    assert wrong == {"columns.valid[0]": "is true, but scores[0] is null; send a score, or false"}


# What no field can mean ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"sesion": "x"}, "sesion", "no such field; TellRequest has session, trials, columns, end_generation"),
        ({"trials": [{"score": 1, "scor": 1}]}, "trials[0].scor", "no such field; TrialReport has trial_id"),
        ({"session": 3}, "session", "expected a text, but 3 came"),
        ({"session": ["a"]}, "session", 'expected a text, but ["a"] came'),
        ({"columns": {"scores": [1, "x"]}}, "columns.scores[1]", 'expected a number, but "x" came'),
        ({"columns": {"scores": [[1, 2]]}}, "columns.scores[0]", "expected a number, but [1, 2] came"),
        ({"columns": {"valid": [True, 2]}}, "columns.valid[1]", "expected true or false, but 2 came"),
        ({"columns": {"trial_ids": ["a", None]}}, "columns.trial_ids[1]", "expected a text, but null came"),
        ({"columns": [{"scores": 1}]}, "columns", 'expected an object, but [{"scores": 1}] came'),
        ({"trials": [None]}, "trials[0]", "expected an object, but null came"),
        ({"end_generation": 1.5}, "end_generation[0]", "expected a whole number of 32 bits, but 1.5 came"),
        ({"end_generation": 2**31}, "end_generation[0]", "expected a whole number of 32 bits, but 2147483648 came"),
        ({"end_generation": [0], "endGeneration": [1]}, "endGeneration", "came as 'end_generation' already"),
        ({"trials": {"outcome": "FAILED"}}, "trials[0].outcome", "expected one of OUTCOME_UNSPECIFIED, OUTCOME_SCORED"),
        ([{"session": "x"}], "body", "expected an object"),
        (3, "body", "expected an object, but 3 came"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_path(body: Any, field: str, words: str) -> None:
    wrong = refusals(body)
    assert wrong.keys() == {field}
    assert words in wrong[field]


def test_bytes_durations_and_maps_say_what_they_expect() -> None:
    body = {"spec": {"lease": "soon", "notes": "x", "references": {"image": {"data": 5}}}}
    wrong = refusals(body, search_pb2.CreateSessionRequest)
    assert wrong["spec.lease"] == 'expected a number of seconds, or a text such as "3.5s", but "soon" came'
    assert wrong["spec.notes"] == 'expected an object of texts, but "x" came'
    assert wrong["spec.references[0].image.data"] == "expected bytes in base64, but 5 came"


def test_everything_wrong_with_a_body_is_said_at_once() -> None:
    assert refusals({"sesion": "x", "columns": {"scores": "x"}, "trials": 1}).keys() == {
        "sesion",
        "columns.scores[0]",
        "trials[0]",
    }


def test_two_members_of_a_oneof_are_refused() -> None:
    wrong = refusals({"invert": {}, "analyze_metric": {}}, jobs_pb2.Job)
    assert wrong == {"analyze_metric": "came as 'invert' already; send one of them"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (b"{", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'{"session": "a", "session": "b"}', "field 'session' comes twice"),
        (b'{"columns": {"scores": [NaN]}}', "NaN is no number in JSON; write null where a score is missing"),
        (b'{"columns": {"scores": [-Infinity]}}', "-Infinity is no number in JSON"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_what_is_no_json_is_refused(data: bytes, words: str) -> None:
    assert words in refusals(data)["body"]


# What is answered ---------------------------------------------------------------------------------------------------


def test_answers_keep_the_contracts_names_and_every_plain_field() -> None:
    answer = json.loads(to_json(search_pb2.AskResponse(retry_after_ms=50)))
    assert answer == {"trials": [], "retry_after_ms": 50, "more": False, "finished": False, "waiting_for": ""}


def test_numbers_of_answers_are_numbers() -> None:
    distance = geometry_pb2.Distance(name="mse", is_default=True)
    told = json.loads(to_json(distance))
    assert {"name": "mse", "title": "", "weights_hash": "", "is_default": True}.items() <= told.items()
    assert json.loads(to_json(values_pb2.Tensor(shape=[2, 3])))["shape"] == [2, 3]
