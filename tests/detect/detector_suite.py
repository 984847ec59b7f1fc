"""The tests of every Detector. A detector's tests inherit from `DetectorSuite` and override `make`."""

from collections.abc import Callable

import numpy as np
import pytest

from overseg.data.frame import Frame
from overseg.stages import Detector

MakeDetector = Callable[[float], Detector]


def picture(height: int, width: int) -> Frame:
    """A picture of a bright disc."""
    y, x = np.ogrid[:height, :width]
    is_disc = (y - height / 2) ** 2 + (x - width / 3) ** 2 < (min(height, width) / 4) ** 2
    return Frame(0, 0.0, np.where(is_disc[:, :, None], np.uint8(220), np.uint8(30)).repeat(3, axis=2))


class DetectorSuite:
    """Inherit as `class TestX(DetectorSuite)`."""

    @pytest.fixture
    def make(self) -> MakeDetector:
        """The detector that leaves out detections of less than a confidence. It finds two or more in a picture."""
        raise NotImplementedError

    def test_boxes_are_in_the_picture_and_of_its_categories(self, make: MakeDetector) -> None:
        detector, frame = make(0.0), picture(60, 90)
        found = detector.detect(frame)
        assert isinstance(detector, Detector)
        assert len(found) >= 2
        assert (found.boxes_xyxy >= 0).all() and (found.boxes_xyxy <= [90, 60, 90, 60]).all()
        assert (found.boxes_xyxy[:, 2:] >= found.boxes_xyxy[:, :2]).all()
        assert set(found.category.tolist()) <= set(range(len(detector.categories)))

    def test_the_most_confident_come_first_and_others_are_left_out(self, make: MakeDetector) -> None:
        found = make(0.0).detect(picture(60, 90))
        assert (np.diff(found.confidence) <= 0).all()
        assert found.confidence[-1] >= 0 and found.confidence[0] <= 1
        between = float(found.confidence[0] + found.confidence[-1]) / 2
        sure = make(between).detect(picture(60, 90))
        assert sure.confidence.tolist() == found.confidence[found.confidence >= between].tolist()
        assert len(make(1.0).detect(picture(60, 90))) == 0

    def test_the_same_picture_gives_the_same_boxes(self, make: MakeDetector) -> None:
        detector = make(0.0)
        one, other = (detector.detect(picture(60, 90)) for _ in range(2))
        assert np.array_equal(one.boxes_xyxy, other.boxes_xyxy) and np.array_equal(one.category, other.category)

    @pytest.mark.parametrize("size", [(97, 33), (1, 1)])
    def test_odd_sizes(self, make: MakeDetector, size: tuple[int, int]) -> None:
        found = make(0.0).detect(picture(*size))
        assert (found.boxes_xyxy <= [size[1], size[0], size[1], size[0]]).all()
