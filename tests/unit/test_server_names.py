"""Resource names: one form each, and an error that says which."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from pullback_server import names
from pullback_server.errors import ApiError

PARSERS: dict[str, Callable[[str, str], object]] = {
    "generators/{generator}": names.parse_generator,
    "generators/{generator}/eigenbases/{eigenbasis}": names.parse_eigenbasis,
    "generators/{generator}/directions/{directions}": names.parse_directions,
    "inversions/{inversion}": names.parse_inversion,
    "jobs/{job}": names.parse_job,
}


def test_names_are_parsed_into_their_ids() -> None:
    assert names.parse_generator("generators/faces", "f") == "faces"
    assert names.parse_eigenbasis("generators/faces/eigenbases/z-mse.v1_2", "f") == ("faces", "z-mse.v1_2")
    assert names.parse_directions("generators/faces/directions/sefa-z-20", "f") == ("faces", "sefa-z-20")
    assert names.parse_inversion("inversions/0a", "f") == "0a"
    assert names.parse_job("jobs/7", "f") == "7"


def test_names_are_formatted_in_the_same_forms() -> None:
    assert names.generator_name("faces") == "generators/faces"
    assert names.eigenbasis_name("faces", "z-mse") == "generators/faces/eigenbases/z-mse"
    assert names.directions_name("faces", "sefa-z-20") == "generators/faces/directions/sefa-z-20"
    assert names.inversion_name("0a") == "inversions/0a"
    assert names.job_name("7") == "jobs/7"


def test_fresh_ids_differ_and_can_be_parsed() -> None:
    ids = {names.new_id(lambda _: False) for _ in range(100)}
    assert len(ids) == 100
    for fresh in ids:
        assert len(fresh) == 8
        assert not set(fresh) & set("aeiou01l")
        assert names.parse_job(names.job_name(fresh), "name") == fresh


def test_an_id_that_is_taken_is_not_given_again() -> None:
    seen: list[str] = []

    def taken(candidate: str) -> bool:
        seen.append(candidate)
        return len(seen) < 3

    assert names.new_id(taken) == seen[2]
    assert len(seen) == 3


@pytest.mark.parametrize("form", PARSERS)
@pytest.mark.parametrize(
    "name",
    [
        "faces",
        "generators/",
        "generators/-",
        "generators/Faces",
        "generators/faces/",
        "/generators/faces",
        "generators/../jobs",
        "generators/faces\n",
        "generators/faces/eigenbases/",
        "generators/faces/eigenbases/a/b",
        "generators/ünïcode",
        "jobs/",
        "jobs/.hidden",
        "jobs/a b",
        "jobs/" + "a" * 123,
        "inversions//a",
    ],
)
def test_another_form_is_an_invalid_argument_that_says_the_form(form: str, name: str) -> None:
    with pytest.raises(ApiError) as caught:
        PARSERS[form](name, "the.field")
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = caught.value.violations
    assert violation.field == "the.field"
    assert f"of the form {form}" in violation.description
    assert repr(name) in violation.description


def test_an_empty_name_is_called_nothing() -> None:
    with pytest.raises(ApiError, match=r"name: expected .* of the form jobs/\{job\}, but nothing came"):
        names.parse_job("", "name")


def test_a_long_name_is_not_repeated_whole() -> None:
    with pytest.raises(ApiError) as caught:
        names.parse_job("x" * 100_000, "name")
    assert len(caught.value.message) < 500
