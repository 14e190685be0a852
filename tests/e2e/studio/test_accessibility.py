"""Every page of the studio by the rules of WCAG 2.1 AA that axe-core checks, in the light and in the dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}}
PAGES = (
    "/",
    "/explore",
    "/explore/tiny",
    "/photograph",
    "/evolution",
    "/people",
    "/people/new",
    "/people/study",
    "/report",
    "/report/tiny",
    "/enter",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_violation(open_page: Callable[..., Page], path: str, scheme: str) -> None:
    page = open_page(path, color_scheme=scheme, reduced_motion="reduce")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    # What is fetched is there.
    expect(page.get_by_text("Loading", exact=False)).to_have_count(0)

    found = Axe().run(page, options=RULES)

    said = [
        f"{each['id']} ({each['impact']}): {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in found.response["violations"]
    ]
    assert said == []
