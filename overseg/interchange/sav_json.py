"""SA-V's JSON: for every frame a list with the mask of every object, empty where it is not visible.

Frames of the input before the first one that is exported, and between those of a stride, have empty masks.
"""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from overseg.data.rles import Rles
from overseg.interchange.json_output import known, write_json
from overseg.interchange.selection import Selection

FILE = "masklets_auto.json"
_SMALL_PX, _MEDIUM_PX = 32**2, 96**2  # SA-V's README: bounds of masklet_size_bucket


def write(selection: Selection, pictures: list[str], folder: Path) -> None:
    """Write `masklets_auto.json` with all fields of SA-V's own; every frame is annotated, not each fourth."""
    height, width = selection.size
    n, info, times = len(selection.objects), selection.result.info, selection.result.frames.timestamp_s
    seen, n_frames = _Seen(selection), selection.source_numbers[-1] + 1
    members: dict[str, Any] = {
        "video_id": selection.name,
        "video_duration": float(times[selection.frames[-1]] - times[selection.frames[0]]) + 1 / (info.fps or 24.0),
        "video_frame_count": float(n_frames),
        "video_height": float(height),
        "video_width": float(width),
        "video_resolution": float(height * width),
        "video_environment": [],
        "video_split": "train",
        "masklet": seen.masklets(),
        "masklet_id": [id + 1 for id in selection.objects.id.tolist()],
        "masklet_num": n,
        "masklet_type": ["auto"] * n,
        "masklet_edited_frame_count": [0] * n,
        "masklet_frame_count": [n_frames] * n,
        "masklet_stability_score": _stability_scores(selection),
        "masklet_size_abs": lambda: seen.mean_area_px().tolist(),
        "masklet_size_rel": lambda: (seen.mean_area_px() / (height * width)).tolist(),
        "masklet_size_bucket": lambda: [_bucket(area) for area in seen.mean_area_px().tolist()],
        "masklet_visibility_changes": lambda: seen.n_changes.tolist(),
        "masklet_first_appeared_frame": lambda: seen.first_frame.tolist(),
    }
    write_json(folder / FILE, members)


class _Seen:
    """Makes the rows of `masklet`, and counts where each object is visible.

    Attributes:
        n_changes: how often each object appeared or disappeared after its first frame.
        first_frame: the first frame of the export with each object.
    """

    def __init__(self, selection: Selection) -> None:
        n = len(selection.objects)
        self._selection = selection
        self._n_frames, self._area_px, self._was_there = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, bool)
        self.n_changes, self.first_frame = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def masklets(self) -> Iterator[list[dict[str, Any]]]:
        """For each frame the mask of every object."""
        height, width = self._selection.size
        nowhere = Rles.empty((height, width)).union().counts[0].decode("ascii")
        empty = [{"size": [height, width], "counts": nowhere}] * len(self._selection.objects)
        before = -1
        for frame in self._selection:
            yield from repeat(empty, frame.source_number - before - 1)
            before = frame.source_number
            rows = np.searchsorted(self._selection.objects.id, frame.masks.track)
            self._note(frame.source_number, rows, frame.masks.rles.area_px())
            texts = [nowhere] * len(self._selection.objects)
            for row, counts in zip(rows.tolist(), frame.masks.rles.counts, strict=True):
                texts[row] = counts.decode("ascii")
            yield [{"size": [height, width], "counts": text} for text in texts]

    def mean_area_px(self) -> Float64[np.ndarray, " o"]:
        """The mean area of each object over the frames on which it is visible."""
        return self._area_px / np.maximum(self._n_frames, 1)

    def _note(self, position: int, rows: Int64[np.ndarray, " n"], area_px: Int64[np.ndarray, " n"]) -> None:
        is_there = np.zeros_like(self._was_there)
        is_there[rows] = True
        is_new = is_there & (self._n_frames == 0)
        self.n_changes += (is_there != self._was_there) & ~is_new
        self.first_frame[is_new] = position
        self._was_there = is_there
        self._n_frames[rows] += 1
        self._area_px[rows] += area_px


def _stability_scores(selection: Selection) -> Iterator[list[float | None]]:
    """For each frame the score of every object; null where it is not visible or has none."""
    before = -1
    for frame in selection:
        yield from repeat([None] * len(selection.objects), frame.source_number - before - 1)
        before = frame.source_number
        scores, masks = np.full(len(selection.objects), np.nan), frame.masks
        scores[np.searchsorted(selection.objects.id, masks.track)] = masks.stability_score
        yield [known(score) for score in scores.tolist()]


def _bucket(area_px: float) -> str:
    return "small" if area_px < _SMALL_PX else "medium" if area_px < _MEDIUM_PX else "large"
