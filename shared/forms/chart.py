"""A bar chart as SVG that also those can read who do not see it (WCAG 2.2; WAI-ARIA graphics).

The bars are for the eye alone. Beside each stand its name and its figure as text, and together these are a table: the
chart's twin, in the same file. Nothing tells by colour alone.
"""

from collections.abc import Sequence
from html import escape

_LINE = 24
_LEFT = 430
_WIDTH = 900
_TOP = 84
_BARS = _WIDTH - _LEFT - 90
_STYLE = (
    "text{font:14px sans-serif;fill:#1a1a1a}.title{font-size:18px;font-weight:bold}.bar{fill:#1f5a8a}"
    "@media(prefers-color-scheme:dark){text{fill:#f2f2f2}.bar{fill:#8fc1ea}}"
)


def bars(
    title: str, description: str, heads: tuple[str, str], figures: Sequence[tuple[str, int]], *, language: str
) -> bytes:
    """Return a chart with one bar for each (name, figure). `heads` stand above names and figures."""
    height = _TOP + _LINE * (len(figures) + 1)
    most = max([figure for _, figure in figures], default=0) or 1
    rows = [_row(place, name, figure, most) for place, (name, figure) in enumerate(figures)]
    return "".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" lang="{escape(language)}" '
        'role="group" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title><desc id="desc">{escape(description)}</desc>',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="10" y="26" aria-hidden="true">{escape(title)}</text>',
        f'<text x="10" y="48" aria-hidden="true">{escape(description)}</text>',
        '<g role="table" aria-labelledby="title"><g role="row">',
        f'<text role="columnheader" x="10" y="{_TOP - 10}">{escape(heads[0])}</text>',
        f'<text role="columnheader" x="{_LEFT}" y="{_TOP - 10}">{escape(heads[1])}</text></g>',
        *rows,
        "</g></svg>",
    ]).encode()  # fmt: skip


def _row(place: int, name: str, figure: int, most: int) -> str:
    top = _TOP + _LINE * place
    width = max(1, round(_BARS * figure / most)) if figure else 0
    return (
        f'<g role="row"><text role="rowheader" x="10" y="{top + 15}">{escape(name)}</text>'
        f'<rect class="bar" aria-hidden="true" x="{_LEFT}" y="{top}" width="{width}" height="{_LINE - 6}"/>'
        f'<text role="cell" x="{_LEFT + width + 8}" y="{top + 15}">{figure}</text></g>'
    )
