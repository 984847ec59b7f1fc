"""How well `overseg track` follows an object from the box around it in the first frame, on clips with ground truth.

    python benchmarks/davis.py FOLDER [CLIP ...] [--json] [overseg track's options]

FOLDER holds CLIP/frames and CLIP/masks, or is laid out as DAVIS is: JPEGImages/480p/CLIP and Annotations/480p/CLIP.
The object is whatever is not black in an annotation, as in DAVIS 2016. Prints for each clip the region similarity J
(mean IoU over all annotated frames; Perazzi et al., CVPR 2016, section 5), the same on its last annotated frame, and
seconds; then the means.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image

import overseg

_LAYOUTS = (("{clip}/frames", "{clip}/masks"), ("JPEGImages/480p/{clip}", "Annotations/480p/{clip}"))
_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Clip:
    """Folders of a clip's pictures and of their annotations, which have the same names."""

    name: str
    frames: Path
    masks: Path


@dataclass(frozen=True)
class Figures:
    """What a measure found of one clip."""

    j: float
    j_last: float
    frames: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("clips", nargs="*", metavar="CLIP", help="all of them, where none is named")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args, options = parser.parse_known_args()
    clips = [clip for clip in clips_in(args.folder) if not args.clips or clip.name in args.clips]
    if not clips:
        parser.error(f"expected CLIP/frames and CLIP/masks, or JPEGImages/480p and Annotations/480p, in {args.folder}")
    found: dict[str, Figures] = {}
    for clip in clips:
        found[clip.name] = track_measures(clip, options)
        if not args.json:
            print(_line(clip.name, found[clip.name]), flush=True)
    means = Figures(*(float(np.mean([getattr(one, f.name) for one in found.values()])) for f in fields(Figures)))
    if args.json:
        print(json.dumps({"clips": {name: asdict(one) for name, one in found.items()}, "mean": asdict(means)}))
    else:
        print(_line("mean", means))


def clips_in(folder: Path) -> list[Clip]:
    """The clips with frames and masks, by name."""
    for frames, masks in _LAYOUTS:
        names = sorted(path.parts[-1 - frames.endswith("/frames")] for path in folder.glob(frames.format(clip="*")))
        clips = [Clip(name, folder / frames.format(clip=name), folder / masks.format(clip=name)) for name in names]
        if with_truth := [clip for clip in clips if clip.masks.is_dir()]:
            return with_truth
    return []


def track_measures(clip: Clip, options: list[str]) -> Figures:
    """Follow the object from the box around it in the first frame, by the command itself."""
    frames = sorted(path.stem for path in clip.frames.iterdir() if path.suffix.lower() in _PICTURES)
    truth = {path.stem: path for path in clip.masks.glob("*.png")}
    box = _box(_annotation(truth[frames[0]]))
    command = [sys.executable, "-m", "overseg", "track", str(clip.frames)]
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "out.zarr"
        began = time.perf_counter()
        beside = ["--no-detections", "--no-annotated-frames", "--quiet"]
        subprocess.run([*command, str(store), "--box", f"object:{box}", *beside, *options], check=True)
        seconds = time.perf_counter() - began
        result = overseg.open(store)
        masks = {int(frame): row for row, frame in enumerate(result.masks_of(0).frame.tolist())}
        drawn = result.masks_of(0).rles
        scores = [
            _iou(drawn.take([masks[at]]).to_masks()[0] if at in masks else None, _annotation(truth[name]))
            for at, name in enumerate(frames[: len(result)])
            if name in truth
        ]
    return Figures(float(np.mean(scores)), scores[-1], len(result), seconds)


def _annotation(path: Path) -> np.ndarray:
    pixels = np.array(Image.open(path))
    return (pixels if pixels.ndim == 2 else pixels[..., :3].max(axis=2)) > 0


def _box(mask: np.ndarray) -> str:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return f"{columns[0]},{rows[0]},{columns[-1] + 1},{rows[-1] + 1}"


def _iou(mask: np.ndarray | None, truth: np.ndarray) -> float:
    """IoU with the annotation; 1 where both are empty."""
    drawn = np.zeros_like(truth) if mask is None else mask
    either = np.count_nonzero(drawn | truth)
    return np.count_nonzero(drawn & truth) / either if either else 1.0


def _line(name: str, one: Figures) -> str:
    return f"{name:<20} J {one.j:.3f}  last {one.j_last:.2f}  {one.frames:6.1f} frames  {one.seconds:6.1f} s"


if __name__ == "__main__":
    main()
