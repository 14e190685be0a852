"""Logs in JSON: what a line says, and what none does."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

from pullback_server.watching.context import about
from pullback_server.watching.logs import JsonFormatter


def line(message: str, *arguments: object, error: BaseException | None = None) -> dict[str, object]:
    """What the formatter makes of a record, read again."""
    raised = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("a.logger", logging.WARNING, __file__, 1, message, arguments, raised)
    text = JsonFormatter("worker-0").format(record)
    assert "\n" not in text
    read: dict[str, object] = json.loads(text)
    return read


def test_a_line_says_who_and_what_it_is_about() -> None:
    with about(request="r1", key="rig"), about(job="j1"):
        said = line("%s lines\nand 'quotes'", 2)
    assert said["message"] == "2 lines\nand 'quotes'"
    assert (said["process"], said["level"], said["logger"]) == ("worker-0", "WARNING", "a.logger")
    assert (said["request"], said["key"], said["job"]) == ("r1", "rig", "j1")
    assert str(said["time"]).endswith("+00:00")
    assert "job" not in line("later")


def test_an_error_is_told_with_its_traceback() -> None:
    try:
        raise ValueError("no such thing")
    except ValueError as error:
        said = line("it failed", error=error)
    assert "ValueError: no such thing" in str(said["error"])


def test_no_line_says_a_token() -> None:
    try:
        raise ValueError("authorization: Bearer abc.def-123")
    except ValueError as error:
        said = line("headers: %s", {"authorization": "bearer s3cret"}, error=error)
    assert "s3cret" not in json.dumps(said)
    assert "abc.def" not in json.dumps(said)


def test_what_a_process_would_write_by_itself_is_a_line_too() -> None:
    code = """
import logging, threading, warnings
from pullback_server.watching.logs import announce_format, configure
announce_format("json")
configure(logging.INFO, "server")
warnings.warn("old", DeprecationWarning)
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("the end")
"""
    ended = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 1
    told = [json.loads(each) for each in ended.stderr.splitlines()]
    assert ["old" in told[0]["message"], *("Error: " in each["error"] for each in told[1:])] == [True, True, True]
    assert {each["process"] for each in told} == {"server"}
