"""Files that scripts of this folder make: formatted as all others are, and written or compared."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path


def formatted(text: str, path: Path, *fixes: str) -> str:
    """A module's text as the formatter leaves it.

    Args:
        text: The text.
        path: Where it is to stand.
        *fixes: Arguments of `ruff check`, whose fixes are made first; none where nothing is to be fixed.

    Raises:
        SystemExit: It is no module.
    """
    commands = [["check", *fixes, "--fix"], ["format"]] if fixes else [["format"]]
    for command in commands:
        done = subprocess.run(  # noqa: S603  (the formatter beside this interpreter)
            [Path(sys.executable).with_name("ruff"), *command, "--quiet", "--stdin-filename", str(path), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        text = done.stdout
    return text


def write_or_compare(files: Iterable[tuple[Path, str]]) -> None:
    """Writes files, or with `--check` on the command line compares them.

    Args:
        files: Where each stands, and what it is to hold.

    Raises:
        SystemExit: One differs.
    """
    for path, text in files:
        if "--check" not in sys.argv[1:]:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            raise SystemExit(f"{path} is not what it would be made: run python clients/{Path(sys.argv[0]).name}")
