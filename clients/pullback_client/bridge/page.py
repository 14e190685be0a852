"""The page about the bridge: its tables are written from `layout`. Run it after `layout` was changed.

python -m pullback_client.bridge.page
"""

from __future__ import annotations

from pathlib import Path

from pullback_client.bridge.layout import as_markdown

PAGE = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- from layout.py -->\n", "<!-- until here -->\n"


def with_tables(page: str) -> str:
    """The page with the tables as `layout` has them.

    Args:
        page: The page, with the two marks between which they stand.
    """
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{as_markdown()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
