"""The pages beside the code: their examples run, their links lead somewhere, and the site can be made of them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from pullback.generators import entry
from pullback.generators.registry import FAMILIES
from pullback.generators.style_based.named_layers import style_layers

ROOT = Path(__file__).parents[2]


def pages() -> list[Path]:
    """Every page of the project."""
    parts = ("protos", "optimizers", "service", "clients", ".github")
    return sorted([*ROOT.glob("*.md"), *(page for part in parts for page in (ROOT / part).rglob("*.md"))])


def test_the_librarys_examples_run_in_their_order(tmp_path: Path) -> None:
    page = (ROOT / "optimizers/README.md").read_text("utf-8")
    code = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(code) == 4
    namespace: dict[str, object] = {}
    for number, example in enumerate(code):
        # Dataclasses look their module up.
        namespace["__name__"] = "__main__"
        exec(compile(example, f"optimizers/README.md, example {number + 1}", "exec"), namespace)


def test_the_page_of_published_generators_has_every_family_and_option_and_entries_that_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "optimizers/pullback/generators/README.md").read_text("utf-8")
    rows = {row[1]: row[0] for row in re.finditer(r"^\| `([\w-]+)` \|.*$", page, re.MULTILINE)}
    assert rows.keys() == FAMILIES.keys()
    for name, family in FAMILIES.items():
        assert [option.name for option in family.options if f"`{option.name}`" not in rows[name]] == []
        assert [
            option.name for option in family.options if option.required != (f"**`{option.name}`**" in rows[name])
        ] == []
        assert all(f"`{key}`" in rows[name] for key in family.layout.keys)
    (tmp_path / "mine.toml").write_text(
        "".join(re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)), "utf-8"
    )
    monkeypatch.setenv("PULLBACK_CATALOGUE", str(tmp_path / "mine.toml"))
    for name in ("ffhq", "old-faces"):
        found = entry(name)
        assert style_layers(found) == found.space("w+").dim // 512
    classes = entry("biggan-deep-128").space("class")
    assert classes.labels[207] == classes.default == "golden retriever"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = [unquote(target) for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    within = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in within if target and not (page.parent / target).exists()] == []


def test_every_folder_and_file_that_a_page_names_is_there() -> None:
    for page in ("optimizers/README.md", "service/README.md", "clients/README.md", "protos/README.md"):
        text = (ROOT / page).read_text("utf-8")
        named = re.findall(r"^\| `((?:pullback|matlab|examples)[\w/]*/)`", text, re.MULTILINE)
        assert named, page
        assert [name for name in named if not (ROOT / page).parent.joinpath(name).is_dir()] == []


def test_every_module_that_the_servers_page_names_is_there() -> None:
    packages = (ROOT / "service/pullback_server", ROOT / "clients/pullback_client")
    named = set(re.findall(r"[a-z_]+(?:/[a-z_]+)*/[a-z_]+\.py", (ROOT / "service/README.md").read_text("utf-8")))
    assert len(named) > 10
    places = [package.parent for package in packages] + list(packages) + [packages[0] / "worker"]
    assert sorted(name for name in named if not any((place / name).is_file() for place in places)) == []
