"""Sub-sequences of a video with ground truth: detection, propagation between sub-sequences, and identities."""

import json
from dataclasses import asdict, dataclass, field

import numpy as np
import pytest
from toy import SIZE, ToyVideo
from toy_runs import SilentReport

from overseg.data.detections import Detections
from overseg.data.frame import Frame
from overseg.data.located import Located
from overseg.data.prompts import ObjectMasks, Prompts
from overseg.data.rles import Rles
from overseg.data.track_names import TrackName
from overseg.engine.follow.redetection import FrameDetections, Redetection, distinct, identified
from overseg.engine.follow.track import follow_objects
from overseg.errors import InputError, SettingsError
from overseg.prompts.objects import PromptedObjects
from overseg.propagate.flow import FlowPropagator
from overseg.propagate.two_witnesses import TwoWitnessFollower
from overseg.stages import Detector, PromptMasks
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore

VIDEO = ToyVideo(24)
CATEGORIES = ("tray", "ball")


@dataclass(frozen=True)
class TruthDetector:
    """Detects the tray and the ball on some frames, with a given confidence.

    Attributes:
        sure: by frame, the categories that it is sure of; it is half sure of all others.
        asked: the frames that it was asked about.
    """

    sure: dict[int, tuple[str, ...]]
    asked: list[int] = field(default_factory=list)
    categories: tuple[str, ...] = CATEGORIES

    def detect(self, frame: Frame) -> Detections:
        self.asked.append(frame.index)
        there = {name: VIDEO.truth(frame.index)[name] for name in self.categories}
        boxes = [box_of(mask) for mask in there.values()]
        confidence = [0.95 if name in self.sure.get(frame.index, ()) else 0.5 for name in there]
        order = np.argsort(-np.array(confidence, np.float32), kind="stable")
        found = Detections(
            np.array(boxes, np.float32), np.array(confidence, np.float32), np.arange(len(there), dtype=np.int32)
        )
        return found.take(order)


@dataclass(frozen=True)
class SeesTheTruth:
    """For a box, the shape that fills it; propagated masks are returned unchanged."""

    locate_work = 1.0

    def masks(self, frame: Frame, prompts: Prompts) -> ObjectMasks:
        shapes = list(VIDEO.truth(frame.index).values())
        rles = [
            prompts.rles.take([row]) if prompts.has_mask[row] else Rles.from_masks(nearest(shapes, box)[None])
            for row, box in enumerate(prompts.box_xyxy.tolist())
        ]
        ones = np.ones(len(prompts), np.float32)
        return ObjectMasks(Rles.concatenate(SIZE, rles), prompts.object, prompts.frame, ones)

    def least_area_px(self, size: tuple[int, int]) -> float:
        return 0.0

    def similarities(self, frame: Frame, memories, masks: Rles) -> np.ndarray:
        return np.zeros((len(memories), len(masks)), np.float32)

    def sightings(self, frame: Frame, masks: Rles) -> list[None]:
        return [None] * len(masks)

    def locate(self, frame: Frame, memories, propagated: Rles, support: np.ndarray) -> Located:
        return Located(propagated, support, support)


def box_of(mask: np.ndarray) -> list[float]:
    y, x = np.nonzero(mask)
    return [float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1)]


def nearest(shapes: list[np.ndarray], box: list[float]) -> np.ndarray:
    return min(shapes, key=lambda shape: float(np.abs(np.subtract(box_of(shape), box)).sum()))


def follow() -> TwoWitnessFollower:
    return TwoWitnessFollower(FlowPropagator(min_area_px=20), SeesTheTruth(), SeesTheTruth(), step=5)


def tracked(path, detector=None, objects=None, *, subsequence=8, report=None) -> Result:
    with ZarrStore.create_or_resume(
        path, identity={"video": asdict(VIDEO.info)}, provenance={}, size=VIDEO.info.size
    ) as store:
        follow_objects(
            VIDEO,
            follow(),
            objects,
            store,
            subsequence=subsequence,
            redetection=None if detector is None else Redetection(detector, confidence=0.9),
            min_area_px=20,
            report=report or SilentReport(),
        )
    return open_result(path)


def prompted(*frames: int, shape: str = "tray", name: str = "my tray") -> PromptedObjects:
    rows = [
        Prompts.of_boxes(SIZE, object=[0], frame=frame, boxes_xyxy=[box_of(VIDEO.truth(frame)[shape])])
        for frame in frames
    ]
    return PromptedObjects(Prompts.concatenate(rows), (TrackName(name, name),))


def worst_iou(result: Result, track: int, shape: str) -> float:
    """Over all frames of the video."""
    masks = result.masks_of(track)
    assert masks.frame.tolist() == list(range(len(VIDEO)))
    truth = Rles.from_masks(np.stack([VIDEO.truth(frame)[shape] for frame in range(len(VIDEO))]))
    return float(masks.rles.iou(truth).diagonal().min())


def test_the_test_doubles_fit_their_protocols():
    assert isinstance(TruthDetector({}), Detector)
    assert isinstance(SeesTheTruth(), PromptMasks)


def test_each_sub_sequence_starts_at_its_first_confident_frame_and_propagates_both_ways(tmp_path):
    detector = TruthDetector({3: CATEGORIES, 5: CATEGORIES, 8: CATEGORIES, 23: CATEGORIES})
    result = tracked(tmp_path / "a", detector)
    assert detector.asked == [*range(4), 8, *range(16, 24)]
    assert np.flatnonzero(result.frames.is_keyframe).tolist() == [3, 8, 23]
    assert result.names == {0: TrackName("tray", "tray"), 1: TrackName("ball", "ball")}
    assert worst_iou(result, 0, "tray") > 0.6
    assert worst_iou(result, 1, "ball") > 0.7
    assert result.summary["bridged"] == []
    assert [found["frame"] for found in result.summary["detections"]] == [3, 8, 23]
    assert result.summary["detections"][0]["objects"][0] == {
        "category": "tray",
        "confidence": 0.95,
        "points": [[26, 40], [116, 40], [116, 112], [26, 112]],
    }


def test_an_object_without_any_mask_is_reported(tmp_path):
    lines = []

    class Report(SilentReport):
        def event(self, name, **facts):
            lines.append(facts.get("line"))

    speck = np.zeros((1, *SIZE), bool)
    speck[0, 5:7, 5:7] = True  # smaller than a mask has to be
    tray = prompted(0)
    rows = [tray.prompts, Prompts.of_masks(Rles.from_masks(speck), object=[1], frame=0)]
    objects = PromptedObjects(Prompts.concatenate(rows), (*tray.names, TrackName("speck", "speck")))
    result = tracked(tmp_path / "a", objects=objects, report=Report())
    assert [one.name for one in result.names.values()] == ["my tray"]
    remarks = [line for line in lines if line is not None and "nothing is seen" in line]
    assert remarks == [
        "nothing is seen of speck, on any frame: check the box or the points, or lower --mask-threshold or --min-area"
    ]


def test_boxes_of_a_detector_are_reported_to_a_tenth_of_a_pixel():
    box = np.array([[88.1, 0.2, 684.9, 288.93]], np.float32)
    found = FrameDetections(3, Detections(box, np.array([0.91], np.float32), np.zeros(1, np.int32)))
    text = json.dumps(Redetection(TruthDetector({}), confidence=0.9).as_facts(found))
    assert "[[88.1, 0.2], [684.9, 0.2], [684.9, 288.9], [88.1, 288.9]]" in text


def test_without_a_confident_detection_masks_are_propagated_through_and_that_is_reported(tmp_path):
    lines, steps = [], []

    class Report(SilentReport):
        def event(self, name, **facts):
            if name == "remark":
                lines.append(facts["line"])

        def progress(self, stage, done, total, left_s=None):
            if stage == "detect":
                steps.append((done, total))

    result = tracked(tmp_path / "a", TruthDetector({9: CATEGORIES}), report=Report())
    assert steps == [(8, 24), (24, 24)]
    assert result.summary["bridged"] == [[0, 7], [16, 23]]
    assert lines == [
        "no confident detection on frames 16 to 23: masks are propagated through them",
        "no confident detection on frames 0 to 7: masks are propagated through them",
    ]
    assert worst_iou(result, 0, "tray") > 0.6
    masks = result.masks_of(0)
    assert set(masks.region.tolist()) == {masks.region[9]}  # one region: nothing was prompted again
    assert masks.source.tolist() == [2] * 9 + [0] + [1] * 14


def test_an_object_that_is_not_detected_again_is_propagated_beside_one_that_is(tmp_path):
    result = tracked(tmp_path / "a", TruthDetector({0: CATEGORIES, 10: ("ball",)}), subsequence=12)
    result_2 = tracked(tmp_path / "b", TruthDetector({0: ("tray",), 15: ("ball",)}), subsequence=12)
    for one in (result, result_2):
        assert worst_iou(one, 0, "tray") > 0.6
        assert one.names[1] == TrackName("ball", "ball")
    assert result_2.tracks.first_frame.tolist() == [0, 12]


def test_a_prompted_object_keeps_its_name_when_it_is_detected(tmp_path):
    result = tracked(tmp_path / "a", TruthDetector({8: CATEGORIES, 16: CATEGORIES}), prompted(4))
    assert [name.name for name in result.names.values()] == ["my tray", "ball"]
    assert worst_iou(result, 0, "tray") > 0.6
    assert result.tracks.first_frame.tolist() == [0, 8]


def test_sub_sequences_without_a_detector_propagate_only(tmp_path):
    result = tracked(tmp_path / "a", None, prompted(10), subsequence=5)
    assert worst_iou(result, 0, "tray") > 0.6
    assert result.summary["bridged"] == [[0, 4], [5, 9], [15, 19], [20, 23]]


def test_a_killed_call_is_resumed_and_gives_the_same_result(tmp_path):
    sure = {3: ("tray",), 8: CATEGORIES, 17: CATEGORIES}
    expected = tracked(tmp_path / "a", TruthDetector(sure)).content_hash()

    class Killed(Exception):
        pass

    class Kills(SilentReport):
        def __init__(self, left: int) -> None:
            self.left = left

        def progress(self, stage, done, total, left_s=None):
            self.left -= 1
            if self.left < 0:
                raise Killed

    for left in (1, 5):
        path = tmp_path / f"killed-{left}"
        with pytest.raises(Killed):
            tracked(path, TruthDetector(sure), report=Kills(left))
        result = tracked(path, TruthDetector(sure))
        assert result.content_hash() == expected
        assert [name.name for name in result.names.values()] == ["tray", "ball"]


def test_no_confident_detection_anywhere_is_refused_with_the_highest_confidence(tmp_path):
    with pytest.raises(
        InputError, match=r"found none \(the highest confidence is 0.50, on frame 0\): lower --confidence"
    ):
        tracked(tmp_path / "a", TruthDetector({}))


def test_prompts_in_several_sub_sequences_are_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"--subsequence 8 takes prompts on frames of one .*, not \[3, 9\]"):
        tracked(tmp_path / "a", None, prompted(3, 9))
    assert worst_iou(tracked(tmp_path / "b", None, prompted(3, 9), subsequence=None), 0, "tray") > 0.6


def squares(*lefts: int) -> Rles:
    masks = np.zeros((len(lefts), 20, 100), bool)
    for mask, left in zip(masks, lefts, strict=True):
        mask[5:15, left : left + 10] = left >= 0
    return Rles.from_masks(masks)


def at(numbers: list[int], *lefts: int) -> ObjectMasks:
    whole = np.array(numbers, np.int32)
    return ObjectMasks(squares(*lefts), whole, whole * 0, np.ones(len(whole), np.float32))


def test_identities_are_the_assignment_with_the_most_overlap():
    propagated = at([0, 1], 10, 16)
    names = [TrackName("mouse", "mouse"), TrackName("mouse 2", "mouse")]
    numbers, named = identified(at([0, 1], 15, 11), ["mouse", "mouse"], propagated, names)
    assert (numbers, named) == ([1, 0], names)


def test_a_lost_object_of_the_category_is_found_again_and_others_are_new():
    names = [TrackName("dog", "dog"), TrackName("mouse", "mouse")]
    propagated = at([0, 1], 10, -1)
    numbers, named = identified(at([0, 1, 2], 60, 40, 80), ["mouse", "dog", "mouse"], propagated, names)
    assert numbers == [1, 2, 3]
    assert [one.name for one in named] == ["dog", "mouse", "dog 2", "mouse 2"]


def test_two_detections_of_one_object_are_one_object():
    assert distinct(squares(10, 11, 40, 10)).tolist() == [0, 2]
    assert distinct(Rles.empty((20, 100))).tolist() == []
