"""The tracks of a result as a table of text."""

import csv
import io
from collections.abc import Iterator

import numpy as np

from overseg.data.tracks import SAM_OUTPUTS
from overseg.store.result import Result

COLUMNS = (
    "track",
    "name",
    "category",
    "first_frame",
    "last_frame",
    "n_frames",
    "mean_area_px",
    "mean_score",
    "depth",
    "part_of",
    "sam_output",
)


def track_rows(result: Result) -> Iterator[tuple[str, ...]]:
    """Yield the columns `COLUMNS` of each track that has masks, in the order of numbers; "" where there is no value."""
    tracks, depth = result.tracks, result.tree.depth
    for track in np.flatnonzero(tracks.exists).tolist():
        name, sam_output, whole = result.names.get(track), tracks.sam_output[track], tracks.part_of[track]
        yield (
            str(track),
            name.name if name else "",
            name.category if name else "",
            str(tracks.first_frame[track]),
            str(tracks.last_frame[track]),
            str(tracks.n_frames[track]),
            f"{tracks.mean_area_px[track]:.1f}",
            f"{tracks.mean_score[track]:.4f}",
            str(depth[track]),
            str(whole) if whole >= 0 else "",
            SAM_OUTPUTS[sam_output] if sam_output >= 0 else "",
        )


def as_csv(rows: Iterator[tuple[str, ...]]) -> str:
    """Return rows as comma-separated values with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def as_text(rows: Iterator[tuple[str, ...]]) -> str:
    """Return rows as aligned columns with a header; a name is cut after 24 characters."""
    shown = [COLUMNS, *(tuple(cell if len(cell) <= 24 else f"{cell[:23]}…" for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown)
    return "\n".join(lines) + "\n"
