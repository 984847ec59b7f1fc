"""Small charts as SVG, for pages that load nothing."""

from collections.abc import Sequence
from html import escape

import numpy as np
from jaxtyping import Float64, Int

WIDTH, _LEFT, _BOTTOM = 880, 52, 22
_MOST_POINTS = 800


def line_chart(
    values: Float64[np.ndarray, " n"], *, title: str, cuts: Sequence[int] = (), top: float | None = None
) -> str:
    """Return a line chart of a value by frame; long ones are drawn as the means of neighbouring frames.

    Args:
        values: one for each frame.
        title: what the chart shows, for readers who cannot see it.
        cuts: first frames of the later shots; a thin line marks each.
        top: the largest value on the axis; None for that of the values.
    """
    height, inner = 150, 150 - _BOTTOM - 8
    top = top or max(float(values.max(initial=0.0)), 1e-9)
    groups = np.array_split(values, min(len(values), _MOST_POINTS)) if len(values) else []
    x = np.linspace(_LEFT, WIDTH - 4, max(1, len(groups)))
    y = [8 + inner * (1 - float(group.mean()) / top) for group in groups]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y, strict=False))
    marks = "".join(
        f'<line class="cut" x1="{_x(cut, len(values)):.1f}" x2="{_x(cut, len(values)):.1f}" y1="8" y2="{8 + inner}"/>'
        for cut in cuts
    )
    labels = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - 4}" y1="{at:.1f}" y2="{at:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        for value, at in ((top, 8), (top / 2, 8 + inner / 2), (0, 8 + inner))
    )
    axis = _frame_axis(len(values), height)
    return _svg(height, title, f'{labels}{marks}<polyline class="line" points="{points}"/>{axis}')


def histogram(values: Int[np.ndarray, " n"], *, title: str) -> str:
    """Return a bar chart of how often values from 1 on occur, in at most 40 equal ranges."""
    height, inner = 150, 150 - _BOTTOM - 8
    top_value = int(values.max(initial=1))
    edges = np.unique(np.linspace(1, top_value + 1, min(40, top_value) + 1).round().astype(int))
    counts, _ = np.histogram(values, edges)
    top, step = max(1, int(counts.max(initial=0))), (WIDTH - 4 - _LEFT) / max(1, len(counts))
    bars = ""
    for place, count in enumerate(counts.tolist()):
        low, high = int(edges[place]), int(edges[place + 1]) - 1
        span = str(low) if low == high else f"{low} to {high}"
        length = inner * count / top
        bars += (
            f'<rect class="bar" x="{_LEFT + place * step + 1:.1f}" y="{8 + inner - length:.1f}" '
            f'width="{max(1, step - 2):.1f}" height="{length:.1f}"><title>{span} frames: {count} tracks</title></rect>'
        )
    labels = (
        f'<text x="{_LEFT - 6}" y="12" text-anchor="end">{top}</text>'
        f'<text x="{_LEFT - 6}" y="{8 + inner + 4}" text-anchor="end">0</text>'
        f'<text x="{_LEFT}" y="{height - 4}">1</text>'
        f'<text x="{WIDTH - 4}" y="{height - 4}" text-anchor="end">{top_value} frames</text>'
    )
    return _svg(height, title, bars + labels)


def timeline(rows: Sequence[tuple[str, str, Sequence[tuple[int, int]]]], n_frames: int, *, title: str) -> str:
    """Return a row for each track with bars where it is seen.

    Args:
        rows: (label, colour as #rrggbb, spans of frames from the first to the last) of each track.
        n_frames: number of frames.
        title: what the chart shows, for readers who cannot see it.
    """
    row_px, left = 16, 150
    height = len(rows) * row_px + _BOTTOM
    drawn = ""
    for place, (label, colour, spans) in enumerate(rows):
        y = place * row_px
        drawn += f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(label)}</text>'
        for first, last in spans:
            x = left + (WIDTH - 4 - left) * first / max(1, n_frames)
            width = max(1.5, (WIDTH - 4 - left) * (last + 1 - first) / max(1, n_frames))
            drawn += (
                f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{row_px - 6}" rx="2" fill="{colour}">'
                f"<title>{escape(label)}: frames {first} to {last}</title></rect>"
            )
    return _svg(height, title, drawn + _frame_axis(n_frames, height, left=left))


def _x(frame: int, n_frames: int) -> float:
    return _LEFT + (WIDTH - 4 - _LEFT) * frame / max(1, n_frames - 1)


def _frame_axis(n_frames: int, height: int, *, left: int = _LEFT) -> str:
    return (
        f'<text x="{left}" y="{height - 4}">0</text>'
        f'<text x="{WIDTH - 4}" y="{height - 4}" text-anchor="end">frame {max(0, n_frames - 1)}</text>'
    )


def _svg(height: int, title: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{content}</svg>"
    )
