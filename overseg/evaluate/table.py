"""The figures of an evaluation as text."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overseg.evaluate.evaluation import Evaluation

_COLUMNS = {  # of the table of objects: field -> heading
    "name": "object",
    "n_seen": "frames",
    "best_track": "track",
    "best_track_j": "best J",
    "best_track_jf": "best J&F",
    "union_j": "union J",
    "n_union": "of tracks",
    "switches": "switches",
    "fragments": "fragments",
    "undersegmentation_error": "underseg.",
}


def as_table(found: "Evaluation") -> str:
    """What `print` shows: a line for each figure, and a table with a row for each object of the ground truth."""
    lines = [f"{name:<28}{_text(value)}" for name, value in found.means().items()]
    if found.objects is None:
        return "\n".join(lines)
    rows = [tuple(_COLUMNS.values())]
    rows += [tuple(_text(getattr(one, name)) for name in _COLUMNS) for one in found.objects]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    means = [f"{name:<28}{_text(value)}" for name, value in found.truth_means().items()]
    return "\n".join([*lines, "", *table, "", *means])


def _text(value: float | int | str | None) -> str:
    return "-" if value is None or value != value else f"{value:.4f}" if isinstance(value, float) else str(value)
