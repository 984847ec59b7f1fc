"""Compares our masks with those of upstream's `SAM2VideoPredictor`: same weights, same frames, one object per mask."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sam2.build_sam import build_sam2_video_predictor
from sam2.sam2_video_predictor import SAM2VideoPredictor
from sam2.sam2_video_predictor_legacy import SAM2VideoPredictor as OlderPredictor

from overseg.data.masklets import PropagatedMasks
from overseg.data.prompts import NO_POINT, Prompts
from overseg.data.rles import Rles
from overseg.propagate.sam2.model import Sam2Variant
from overseg.stages import Clip, Direction, Video


@dataclass(frozen=True)
class Parity:
    """The agreement of our masklets with upstream's.

    Attributes:
        worst_iou: smallest IoU of a mask of ours with upstream's on the same frame, in [0, 1]; 1 where there are none.
        n_masks: number of masks compared.
        n_ended_apart: our masklets that ended on a frame on which upstream still has a mask.
        median_iou: the median of these IoUs.
    """

    worst_iou: float
    n_masks: int
    n_ended_apart: int
    median_iou: float = 1.0


class _PredictorOfAllAtOnce(OlderPredictor, SAM2VideoPredictor):
    """Upstream's older predictor, which computes all objects of a frame in one batch."""


def upstream_predictor(
    weights: Path | str,
    variant: Sam2Variant,
    *,
    device: str,
    image_size: int | None = None,
    max_hole_area_px: int = 0,
    all_at_once: bool = False,
) -> SAM2VideoPredictor:
    """Upstream's predictor as upstream builds it. Filling holes needs its compiled extension, and is off by default.

    With `all_at_once` it computes all objects of a frame in one batch, as upstream did earlier. In mixed precision the
    masks of the two differ by rounding.
    """
    overrides = [] if image_size is None else [f"++model.image_size={image_size}"]
    predictor = build_sam2_video_predictor(
        variant.config_name, str(weights), device=device, hydra_overrides_extra=overrides
    )
    predictor.fill_hole_area = max_hole_area_px
    if all_at_once:
        predictor.__class__ = _PredictorOfAllAtOnce  # it has the same parts
    return predictor


@contextmanager
def written_frames(video: Video) -> Iterator[Path]:
    """A temporary folder with all frames of `video` as lossless PNG files, under the names that upstream reads."""
    with tempfile.TemporaryDirectory() as folder:
        for index in range(len(video)):
            with (Path(folder) / f"{index:05d}.jpg").open("wb") as file:
                Image.fromarray(video[index].rgb).save(file, format="png")
        yield Path(folder)


class UpstreamSession:
    """One inference state of upstream's predictor, with the interface of `Sam2Session`."""

    def __init__(self, predictor: SAM2VideoPredictor, video: Video, *, folder: Path | None = None) -> None:
        """
        Args:
            predictor: from `upstream_predictor`.
            video: the frames.
            folder: the same frames from `written_frames`; None to write them now, which takes time.
        """
        self._predictor = predictor
        self._size = video.info.size
        with written_frames(video) if folder is None else nullcontext(folder) as frames, _no_bars():
            self._state = predictor.init_state(str(frames))

    def prompt(self, prompts: Prompts) -> Rles:
        """Add prompts one after another, and return the mask of each."""
        return Rles.concatenate(
            self._size, [self._prompt(prompts.take(np.array([row]))) for row in range(len(prompts))]
        )

    def propagate(self, first: int, last: int) -> Iterator[tuple[int, Rles]]:
        """The number and one mask per object for every frame from `first` to `last`, which may be the earlier one."""
        n_frames = abs(last - first)
        with _no_bars():
            propagated = self._predictor.propagate_in_video(self._state, first, n_frames, reverse=last < first)
            for frame, _, logits in propagated:
                yield frame, _rles(logits)

    def _prompt(self, one: Prompts) -> Rles:
        frame, number = int(one.frame[0]), int(one.object[0])
        if one.has_mask[0]:
            _, numbers, logits = self._predictor.add_new_mask(self._state, frame, number, one.rles.to_masks()[0])
            return _rles(logits[[numbers.index(number)]])
        is_point = one.point_label[0] != NO_POINT
        _, numbers, logits = self._predictor.add_new_points_or_box(
            self._state,
            frame,
            number,
            points=one.point_xy[0][is_point],
            labels=one.point_label[0][is_point],
            clear_old_points=not one.adds[0],
            box=one.box_xyxy[0] if one.has_box[0] else None,
        )
        return _rles(logits[[numbers.index(number)]])


def upstream_masks(
    predictor: SAM2VideoPredictor, clip: Clip, prompts: Rles, direction: Direction, *, folder: Path | None = None
) -> dict[int, Rles]:
    """Upstream's masks of `prompts`, at least one: for every frame after the first, one mask per prompt.

    `folder` is as in UpstreamSession.
    """
    ends = (clip.start, clip.stop) if direction is Direction.FORWARD else (clip.stop, clip.start)
    session = UpstreamSession(predictor, clip.video, folder=folder)
    session.prompt(Prompts.of_masks(prompts, object=range(len(prompts)), frame=ends[0]))
    return {frame: rles for frame, rles in session.propagate(*ends) if frame != ends[0]}


def compare(ours: PropagatedMasks, upstream: dict[int, Rles], *, min_area_px: int) -> Parity:
    """Compare mask by mask, up to the frame on which ours ended. There upstream's must be smaller than `min_area_px`.

    Args:
        ours: from `Sam2Propagator`, with the same `min_area_px`.
        upstream: from `upstream_masks`, of the same clip, prompts and direction; frames in visiting order.
    """
    row_of = {(int(p), int(f)): row for row, (p, f) in enumerate(zip(ours.prompt, ours.frame, strict=True))}
    n_prompts = len(next(iter(upstream.values()), ()))
    ious, n_ended_apart, ended = [], 0, np.zeros(n_prompts, dtype=bool)
    for frame, masks in upstream.items():
        areas_px = masks.area_px()
        for prompt in map(int, np.flatnonzero(~ended)):
            row = row_of.get((prompt, frame))
            if row is None:
                ended[prompt] = True
                n_ended_apart += int(areas_px[prompt] >= min_area_px)
            else:
                ious.append(ours.rles.take([row]).iou(masks.take([prompt]))[0, 0])
    median_iou = float(np.median(ious)) if ious else 1.0
    return Parity(float(min(ious, default=1.0)), len(ious), n_ended_apart, median_iou)


def _rles(logits: torch.Tensor) -> Rles:
    return Rles.from_masks((logits[:, 0] > 0).cpu().numpy())


@contextmanager
def _no_bars() -> Iterator[None]:
    """Suppress upstream's progress bars."""
    with redirect_stderr(io.StringIO()):
        yield
