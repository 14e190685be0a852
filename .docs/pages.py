"""The site's pages: those beside the code, at the same places, and the reference that is made of code and contract.

python .docs/pages.py FOLDER
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from contract import reference

ROOT = Path(__file__).resolve().parents[1]
PICTURES = (".png", ".svg")
# The public modules, in the order in which somebody meets them.
REFERENCES = {
    "client": ("The Python client", ["pullback_client"]),
    "aio": ("The asynchronous client", ["pullback_client.aio.classes"]),
    "library": (
        "The numerical library",
        [
            "pullback.generators",
            "pullback.distances",
            "pullback.geometry",
            "pullback.inversion",
            "pullback.search",
            "pullback.directions",
            "pullback.neurons",
        ],
    ),
}


def gather(folder: Path) -> None:
    """Writes every page below a folder, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607
    for path in map(Path, listed.stdout.splitlines()):
        # What code forges read from their own folder stands at the top here.
        place = folder / (path.name if path.parts[0] == ".github" else path)
        if path.suffix == ".md":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_from_its_place(path, (ROOT / path).read_text("utf-8")), "utf-8")
        elif path.suffix in PICTURES and path.parts[0] != "tests":
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, place)
    shutil.copyfile(ROOT / ".docs" / "site.css", folder / "site.css")
    (folder / "reference").mkdir()
    for name, (title, modules) in REFERENCES.items():
        sections = [f"# {title}\n", *(f"::: {module}\n" for module in modules)]
        (folder / "reference" / f"{name}.md").write_text("\n".join(sections), "utf-8")
    (folder / "reference" / "contract.md").write_text(reference(), "utf-8")


def _from_its_place(path: Path, text: str) -> str:
    """A page whose links to files hold where it stands on the site."""
    return re.sub(r"\]\(\.\./", "](", text) if path.parts[0] == ".github" else text


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
