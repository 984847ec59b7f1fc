"""Rows of regions in tables of masks: which row a region has, with how much support, and pairs of them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Int, Int64

from overseg.data.masks import Masks


@dataclass(frozen=True)
class Pairs:
    """Masks on the two keyframes of a clip: starts[i] and stops[i] are the same region. Ordered by stops.region."""

    starts: Masks
    stops: Masks

    @classmethod
    def of(
        cls, starts: Masks, stops: Masks, region_from: Int64[np.ndarray, " k"], region_to: Int64[np.ndarray, " k"]
    ) -> "Pairs":
        """The pairs of regions, from one table and the other; a pair without a row in both is left out."""
        of_start, of_stop = row_of(starts.region, region_from), row_of(stops.region, region_to)
        known = np.flatnonzero((of_start >= 0) & (of_stop >= 0))
        known = known[np.argsort(region_to[known], kind="stable")]
        return cls(starts.take(of_start[known]), stops.take(of_stop[known]))

    def take(self, rows: Int[np.ndarray, " k"]) -> "Pairs":
        """The pairs at these numbers."""
        return Pairs(self.starts.take(rows), self.stops.take(rows))

    def rows(self, forward: Masks, backward: Masks) -> Masks:
        """Rows of these pairs, forward ones of `starts` and backward ones of `stops`, with the regions of `stops`."""
        at = row_of(self.starts.region, forward.region)
        ours = forward.take(at >= 0)
        renamed = replace(ours, region=self.stops.region[at[at >= 0]])
        return Masks.concatenate([renamed, backward.take(np.isin(backward.region, self.stops.region))])


def mutual_best(similarity: Float[np.ndarray, "m k"], *, at_least: float) -> Int64[np.ndarray, "n 2"]:
    """Pairs (row, column) where each is the most similar one to the other; ordered by row."""
    if not similarity.size:
        return np.zeros((0, 2), np.int64)
    row = np.arange(len(similarity))
    column = similarity.argmax(axis=1)
    is_best = (similarity.argmax(axis=0)[column] == row) & (similarity[row, column] >= at_least)
    return np.stack([row, column], axis=1)[is_best]


def row_of(regions: Int64[np.ndarray, " r"], wanted: Int64[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
    """The row number of each wanted region in a table; -1 where it has none."""
    row_of = {region: row for row, region in enumerate(regions.tolist())}
    return np.array([row_of.get(region, -1) for region in wanted.tolist()], np.int64)


def support_of(regions: Int64[np.ndarray, " r"], rows: Masks) -> Float32[np.ndarray, " r"]:
    """The support of each region's row; 0 where it has none."""
    return np.append(rows.score, np.float32(0))[row_of(rows.region, regions)]


def support_by_frame(
    regions: Int64[np.ndarray, " r"], frames: Int64[np.ndarray, " f"], rows: Masks
) -> Float32[np.ndarray, "r f"]:
    """The largest support of each region, ascending, on each of consecutive frames; 0 where it has no row."""
    support = np.zeros((len(regions), len(frames)), np.float32)
    np.maximum.at(support, (np.searchsorted(regions, rows.region), rows.frame - frames[0]), rows.score)
    return support


def best_rows(rows: Masks) -> Masks:
    """One row for each region: the one with the most support."""
    ordered = rows.take(np.argsort(-rows.score, kind="stable"))
    return ordered.take(np.unique(ordered.region, return_index=True)[1])


def without(rows: Masks, others: Masks) -> Masks:
    """The rows whose region has none of the other rows on the same frame."""
    there = set(zip(others.region.tolist(), others.frame.tolist(), strict=True))
    here = zip(rows.region.tolist(), rows.frame.tolist(), strict=True)
    return rows.take(np.array([one not in there for one in here], bool))
