"""Chooses the objects to track among the masks of a frame, and makes clicks on each of them."""

from dataclasses import dataclass, fields

import numpy as np

from overseg.data.rles import Rles
from overseg.data.setting import check_range
from overseg.prompts.choosing import largest_objects, without_specks
from overseg.prompts.clicks import Clicks
from overseg.prompts.seeds import background_points, seed_points

_LEAST = {"max_objects": 1, "min_mask_region_area_px": 1, "seeds_per_object": 1, "background_seeds": 0}


@dataclass(frozen=True, kw_only=True)
class Seeding:
    """Options of choosing objects among masks, and of clicking on them.

    Attributes:
        max_objects: maximum number of objects; the largest are chosen.
        min_mask_region_area_px: smaller connected parts of masks are removed; in pixels.
        seeds_per_object: points on each object, at least 25 px apart; fewer on small objects.
        background_seeds: points beside each object, on no other object.
    """

    max_objects: int = 3
    min_mask_region_area_px: int = 500
    seeds_per_object: int = 2
    background_seeds: int = 0

    def __post_init__(self) -> None:
        """Refuse impossible values; the SettingsError names the option, what it takes and what came."""
        for field in fields(self):
            check_range(field.name, getattr(self, field.name), int, _LEAST[field.name], None)

    def largest(self, masks: Rles) -> tuple[Rles, tuple[str, ...]]:
        """Return the largest objects among all masks of a frame, with the names obj_1, obj_2 and so on."""
        objects = largest_objects(masks, max_objects=self.max_objects, min_area_px=self.min_mask_region_area_px)
        return objects, tuple(f"obj_{row + 1}" for row in range(len(objects)))

    def first(self, masks: Rles, names: tuple[str, ...]) -> tuple[Rles, tuple[str, ...]]:
        """Return the first of these objects that are large enough, with their names."""
        cleaned = without_specks(masks, self.min_mask_region_area_px)
        rows = np.flatnonzero(cleaned.area_px() > 0)[: self.max_objects]
        return cleaned.take(rows), tuple(names[row] for row in rows)

    def clicks(self, objects: Rles, names: tuple[str, ...], *, frame: int = 0) -> Clicks:
        """Make clicks on the objects of a frame, which have these names."""
        xy, label, of = [], [], []
        for row, (mask, name) in enumerate(zip(objects.to_masks(), names, strict=True)):
            inside = seed_points(mask, self.seeds_per_object)
            beside = background_points(objects, row, self.background_seeds)
            xy += [inside, beside]
            label += [1] * len(inside) + [0] * len(beside)
            of += [name] * (len(inside) + len(beside))
        return Clicks(
            xy=np.concatenate([np.zeros((0, 2), np.int64), *xy]),
            label=np.array(label, np.int64),
            frame=np.full(len(of), frame, np.int64),
            object=tuple(of),
            size=objects.size,
        )
