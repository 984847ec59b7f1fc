"""Masks as polygons that OpenCV fills to exactly the same pixels, with their holes."""

import numpy as np
from jaxtyping import Bool, Float64, Int64

Polygon = Int64[np.ndarray, "_ 2"]


def polygons_of(mask: Bool[np.ndarray, "h w"]) -> list[Polygon]:
    """One polygon (x, y) for each connected part, through the middles of its outermost pixels.

    A hole is joined to the outline left of it by a line there and back, so that one polygon has it.
    """
    import cv2

    contours, hierarchy = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return []
    points = [contour[:, 0, :].astype(np.int64) for contour in contours]
    parent = hierarchy[0][:, 3]
    outlines = {int(row): points[row] for row in np.flatnonzero(parent < 0)}
    for row in sorted(np.flatnonzero(parent >= 0).tolist(), key=lambda row: int(points[row][:, 0].min())):
        owner = int(parent[row])
        outlines[owner] = _joined(outlines[owner], points[row], mask)
    return [_without_straight_points(outline) for outline in outlines.values()]


def mask_of(polygons: list[Float64[np.ndarray, "_ 2"]], size: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """What OpenCV fills: the inside of each polygon (x, y) in pixels and its outline."""
    import cv2

    mask = np.zeros(size, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
    return mask.astype(bool)


def _joined(outline: Polygon, hole: Polygon, mask: Bool[np.ndarray, "h w"]) -> Polygon:
    """The outline with a hole joined to it. All holes that begin further to the left are joined already."""
    start = int(hole[:, 0].argmin())
    x, y = hole[start].tolist()
    outside = np.flatnonzero(~mask[y, :x])
    edge = int(outside[-1]) + 1 if len(outside) else 0
    at = int(np.flatnonzero((outline == (edge, y)).all(axis=1))[0])
    around = np.concatenate([hole[start:], hole[: start + 1]])
    return np.concatenate([outline[: at + 1], around, outline[at:]])


def _without_straight_points(outline: Polygon) -> Polygon:
    """The same outline without points in the middle of a straight line."""
    outline = outline[(outline != np.roll(outline, 1, axis=0)).any(axis=1)] if len(outline) > 1 else outline
    if len(outline) < 3:
        return outline
    before, after = outline - np.roll(outline, 1, axis=0), np.roll(outline, -1, axis=0) - outline
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    turns_back = (before * after).sum(axis=1) < 0
    return outline[turns | turns_back] if (turns | turns_back).any() else outline[:1]
