"""Restricts a detector to some of its categories."""

from collections.abc import Sequence

import numpy as np

from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.errors import SettingsError, did_you_mean
from overseg.stages import Detector

_MOST_SHOWN = 20


class OnlyCategories:
    """A detector that reports only some categories of another one. See `stages.Detector`."""

    def __init__(self, detector: Detector, wanted: Sequence[str]) -> None:
        """
        Args:
            detector: the other detector.
            wanted: names of the categories to report.

        Raises:
            SettingsError: the detector does not have such a category.
        """
        self.categories = detector.categories
        for name in wanted:
            if name not in self.categories:
                more = ", …" if len(self.categories) > _MOST_SHOWN else ""
                known = ", ".join(self.categories[:_MOST_SHOWN]) + more
                hint = did_you_mean(name, detector.categories)
                raise SettingsError(f"--category is one of the detector's, {known}, not {name!r}{hint}")
        self._detector = detector
        self._wanted = np.array([self.categories.index(name) for name in wanted], np.int32)

    def detect(self, frame: Frame) -> Detections:
        """Detect objects of these categories, the most confident first."""
        found = self._detector.detect(frame)
        return found.take(np.isin(found.category, self._wanted))
