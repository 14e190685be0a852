"""Responses of observers to the study's questions, as a file that is read again, and as a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.people.design import checked_observer
from pullback_client.studio.study.protocol import Protocol, StudyTrial, make_trials

_FORMAT = "pullback perceptual study 1"
_LONGEST_WORDS = 500


@dataclass(frozen=True)
class Response:
    """What an observer said of a trial.

    Attributes:
        trial: Number of the trial.
        seen: Whether a change was seen. What follows is None, and empty, where none was.
        magnitude: How large it was, 0 to 100 %.
        words: A description of what the changes have in common.
        shared: How many of the images shared it.
        consistency: How alike the changes were, 1 to 9, 9 most alike.
        difficulty: How difficult it was to describe, 1 to 9, 9 most difficult.
        seconds: How long the trial took.
    """

    trial: int
    seen: bool
    magnitude: float | None = None
    words: str = ""
    shared: int | None = None
    consistency: int | None = None
    difficulty: int | None = None
    seconds: float = 0.0


def check_response(response: Response, protocol: Protocol) -> None:
    """Raises InvalidArgumentError where a question is not answered, or an answer is none that can be."""
    _within("seconds", response.seconds, 0, 1e7)
    if not isinstance(response.seen, bool):
        raise InvalidArgumentError("say whether you see any change")
    if not response.seen:
        return
    _within("the magnitude of the change", response.magnitude, 0, 100)
    _within("how many images share it", response.shared, 0, protocol.references, whole=True)
    _within("how alike the changes are", response.consistency, 1, 9, whole=True)
    _within("how difficult it is to describe", response.difficulty, 1, 9, whole=True)
    if not isinstance(response.words, str) or not 1 <= len(response.words.strip()) <= _LONGEST_WORDS:
        raise InvalidArgumentError(f"describe the change in your own words, in at most {_LONGEST_WORDS} characters")


@dataclass
class Study:
    """A protocol with one observer's responses.

    Attributes:
        protocol: What is shown.
        observer: Who answers.
        responses: By trial, as far as there are any.
    """

    protocol: Protocol
    observer: str
    responses: dict[int, Response] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises InvalidArgumentError where the observer has no name."""
        self.observer = checked_observer(self.observer)
        self.trials: list[StudyTrial] = make_trials(self.protocol)

    @property
    def next(self) -> StudyTrial | None:
        """The first trial without a response; None where all have one."""
        return next((trial for trial in self.trials if trial.number not in self.responses), None)

    def respond(self, response: Response) -> None:
        """Keeps a response.

        Raises:
            InvalidArgumentError: It is none that can be.
        """
        check_response(response, self.protocol)
        if response.trial not in range(len(self.trials)):
            raise InvalidArgumentError(f"the study has {len(self.trials)} trials, got number {response.trial}")
        self.responses[response.trial] = response

    def to_json(self) -> bytes:
        """As a file, with which the study goes on later."""
        whole = {
            "format": _FORMAT,
            "observer": self.observer,
            "protocol": asdict(self.protocol),
            "responses": [asdict(each) for each in self.responses.values()],
        }
        return json.dumps(whole, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Study:
        """Of such a file.

        Raises:
            InvalidArgumentError: It is none.
        """
        try:
            whole = json.loads(data)
            if not isinstance(whole, dict) or whole.get("format") != _FORMAT:
                raise InvalidArgumentError(f"expected a file whose format is {_FORMAT!r}")
            study = cls(Protocol(**whole["protocol"]), whole["observer"])
            for each in whole["responses"]:
                study.respond(Response(**each))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidArgumentError(f"this is no file of a perceptual study: {error}") from error
        return study


def responses_csv(studies: Sequence[Study]) -> bytes:
    """The responses as a table, one a row; an empty cell where no change was seen."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [each.name for each in fields(Response)]
    writer.writerow(["observer", "generator", "group", "axis", "reference_seed", *names])
    for study in studies:
        for trial in study.trials:
            if (response := study.responses.get(trial.number)) is not None:
                cells: list[Any] = [_cell(getattr(response, name)) for name in names]
                writer.writerow([study.observer, study.protocol.generator, trial.group, trial.axis, trial.seed, *cells])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return "" if value is None else int(value) if isinstance(value, bool) else value


def _within(what: str, value: Any, least: float, most: float, *, whole: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not least <= value <= most:
        raise InvalidArgumentError(f"say {what}, from {least:g} to {most:g}; got {value!r}")
