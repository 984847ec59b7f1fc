"""DAVIS's measure for unsupervised methods: at most 20 proposals, and one assignment for the whole video.

S. Caelles, J. Pont-Tuset, F. Perazzi, A. Montes, K.-K. Maninis, L. Van Gool, "The 2019 DAVIS Challenge on VOS:
Unsupervised Multi-Object Segmentation", section 3.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from overseg.evaluate.annotated import AnnotatedFrame, annotated_frames
from overseg.evaluate.boundary import boundary_f
from overseg.evaluate.truth import Truth
from overseg.store.flattened import Flattened, cut
from overseg.store.result import Result

MAX_PROPOSALS = 20


def davis_unsupervised_jf(result: Result, truth: Truth) -> float:
    """The mean of J and F over all objects, each with the proposal assigned to it; NaN without an object.

    The proposals are the 20 tracks with the most pixels, wholes before their parts, without overlap: small ones lie on
    top. The assignment is the one with the largest sum of (J + F) / 2. All annotated frames count.
    """
    if not len(truth.names):
        return float("nan")
    shown = cut(result.tracks, result.tree, n_tracks=MAX_PROPOSALS)
    proposals = np.flatnonzero(shown)
    flat = Flattened(result, result.tracks, shown, len(result))
    sums, n_frames = np.zeros((len(truth.names), len(proposals))), np.zeros(len(truth.names))
    for frame in annotated_frames(flat, truth):
        n_frames[frame.objects] += 1
        sums[frame.objects] += _jf(frame, proposals)
    mean = sums / np.maximum(n_frames, 1)[:, None]
    rows, columns = linear_sum_assignment(mean, maximize=True)
    return float(mean[rows, columns].sum() / len(truth.names))


def _jf(frame: AnnotatedFrame, proposals: np.ndarray) -> np.ndarray:
    """(J + F) / 2 of each object annotated on a frame with each proposal; 1 where both are not seen."""
    row_of = {track: row for row, track in enumerate(frame.tracks.tolist())}
    seen = set(frame.seen.tolist())
    iou = frame.truth.iou(frame.found)
    found = np.zeros((len(frame.objects), len(proposals)))
    for row in range(len(frame.objects)):
        for column, track in enumerate(proposals.tolist()):
            at = row_of.get(track)
            if row not in seen or at is None:
                found[row, column] = float(row not in seen and at is None)
            else:
                f = boundary_f(frame.truth.take([row]), frame.found.take([at]))
                found[row, column] = (iou[row, at] + f) / 2
    return found
