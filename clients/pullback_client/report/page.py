"""A report as one HTML page that needs nothing else: pictures are inside, and there are no scripts."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from pullback_client.report.parts import Part, Plot, Table

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { line-height: 1.2; }
h2 { margin: 3rem 0 .75rem; }
figure, .table { margin: 0; overflow-x: auto; }
figure img { display: block; width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption, caption { font-size: .85rem; line-height: 1.45; text-align: left; opacity: .85;
  max-width: min(52rem, 100vw - 2rem); }
figcaption { padding-top: .5rem; }
caption { caption-side: bottom; padding-top: .5rem; position: sticky; left: 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; position: sticky; left: 0; background: Canvas; }
tbody th { font-weight: normal; white-space: normal; min-width: 7rem; }
tbody th[scope=rowgroup] { font-weight: bold; padding-top: .8rem; }
thead th { border-bottom: 1px solid; vertical-align: bottom; }
tbody tr { border-bottom: 1px solid rgb(128 128 128 / .3); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; font-size: .85rem; }
dt { opacity: .75; }
dd { margin: 0; overflow-wrap: anywhere; }
@media print {
  body { max-width: none; margin: 0; font-size: 10pt; }
  section { break-inside: avoid; }
  figure, .table { overflow: visible; }
  th, td { padding-right: .5rem; }
}
"""


def page(
    title: str, introduction: str, summary: Sequence[str], parts: Sequence[Part], provenance: Mapping[str, Any]
) -> str:
    """The page's text.

    Args:
        title: What the report is of.
        introduction: What is looked at, as HTML.
        summary: Sentences for the top.
        parts: Plots and tables, in the order in which they are read.
        provenance: What was computed from what, as plain values by name.
    """
    lines = "\n".join(f"<li>{escape(line)}</li>" for line in summary)
    body = "\n".join(_section(part) for part in parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p>{introduction}</p>
<section>
<h2>Summary</h2>
<ul>
{lines}
</ul>
</section>
{body}
<section>
<h2>Provenance</h2>
{_provenance(provenance)}
</section>
</main>
</body>
</html>
"""


def _section(part: Part) -> str:
    content = _figure(part) if isinstance(part, Plot) else _table(part)
    return f"<section>\n<h2>{escape(part.title)}</h2>\n{content}\n</section>"


def _figure(plot: Plot) -> str:
    data = base64.b64encode(plot.png).decode("ascii")
    return (
        f'<figure>\n<img src="data:image/png;base64,{data}" alt="{escape(plot.alt)}">\n'
        f"<figcaption>{escape(plot.caption)}</figcaption>\n</figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.head)
    headings = [(0, ""), *table.headings, (len(table.rows), "")]
    groups = [_rows(table, heading, start, stop) for (start, heading), (stop, _) in pairwise(headings)]
    body = "\n".join(f"<tbody>\n{group}\n</tbody>" for group in groups if group)
    legend = _definitions(table.legend, "legend") if table.legend else ""
    return (
        f'<div class="table">\n<table>\n<caption>{escape(table.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n{body}\n</table>\n</div>{legend}"
    )


def _rows(table: Table, heading: str, start: int, stop: int) -> str:
    lines = [f'<tr><th scope="rowgroup" colspan="{len(table.head)}">{escape(heading)}</th></tr>'] if heading else []
    for first, *others in table.rows[start:stop]:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    return "\n".join(lines)


def _provenance(provenance: Mapping[str, Any]) -> str:
    entries = []
    for name, value in provenance.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        entries.append((name.replace("_", " "), text or "–"))
    return _definitions(entries, "provenance")


def _definitions(entries: Iterable[tuple[str, str]], kind: str) -> str:
    lines = "\n".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in entries)
    return f'<dl class="{kind}">\n{lines}\n</dl>'
