"""How well `overseg track` follows an object from its box in the first frame, and `overseg run` finds it by itself.

    python benchmarks/davis.py FOLDER [CLIP ...] [--run] [--against CHECKOUT] [--json] [the command's options]

FOLDER holds CLIP/frames and CLIP/masks, or is laid out as DAVIS is: JPEGImages/480p/CLIP and Annotations/480p/CLIP.
The object is whatever is not black in an annotation, as in DAVIS 2016. Prints for each clip, and then as means:

- of `track`: the region similarity J (mean IoU over all annotated frames; Perazzi et al., CVPR 2016, section 5), the
  same on its last annotated frame, wall and CPU seconds;
- with --run, of `run`: J of the best track and of the best union of tracks, coverage, switches, AR@100, work in passes
  of SAM's image encoder, wall and CPU seconds.

With --against, another version of overseg follows each clip right before this one. This version measures both.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from whole import HERE, quality, timed

import overseg

_LAYOUTS = (("{clip}/frames", "{clip}/masks"), ("JPEGImages/480p/{clip}", "Annotations/480p/{clip}"))
_PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Clip:
    """Folders of a clip's pictures and of their annotations, which have the same names."""

    name: str
    frames: Path
    masks: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("clips", nargs="*", metavar="CLIP", help="all of them, where none is named")
    parser.add_argument("--run", action="store_true", help="measure overseg run in place of overseg track")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="folder of another version")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args, options = parser.parse_known_args()
    clips = [clip for clip in clips_in(args.folder) if not args.clips or clip.name in args.clips]
    if not clips:
        parser.error(f"expected CLIP/frames and CLIP/masks, or JPEGImages/480p and Annotations/480p, in {args.folder}")
    measure = run_measures if args.run else track_measures
    versions = {"other": args.against.resolve()} if args.against else {}
    versions["this"] = HERE
    found: dict[str, dict[str, dict[str, float]]] = {version: {} for version in versions}
    for clip in clips:
        for version, checkout in versions.items():
            found[version][clip.name] = measure(clip, checkout, options)
            if not args.json:
                print(_line(clip.name, version, found[version][clip.name]), flush=True)
    for version, of_clips in found.items():
        names = next(iter(of_clips.values()))
        found[version]["mean"] = {name: float(np.mean([one[name] for one in of_clips.values()])) for name in names}
        if not args.json:
            print(_line("mean", version, found[version]["mean"]))
    if args.json:
        print(json.dumps(found))


def clips_in(folder: Path) -> list[Clip]:
    """The clips with frames and masks, by name."""
    for frames, masks in _LAYOUTS:
        names = sorted(path.parts[-1 - frames.endswith("/frames")] for path in folder.glob(frames.format(clip="*")))
        clips = [Clip(name, folder / frames.format(clip=name), folder / masks.format(clip=name)) for name in names]
        if with_truth := [clip for clip in clips if clip.masks.is_dir()]:
            return with_truth
    return []


def track_measures(clip: Clip, checkout: Path, options: list[str]) -> dict[str, float]:
    """Follow the object from the box around it in the first frame, by the command itself."""
    frames = sorted(path.stem for path in clip.frames.iterdir() if path.suffix.lower() in _PICTURES)
    truth = {path.stem: path for path in clip.masks.glob("*.png")}
    box = f"object:{_box(_annotation(truth[frames[0]]))}"
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "out.zarr"
        beside = ["--box", box, "--no-detections", "--no-annotated-frames"]
        times = timed(checkout, ["track", str(clip.frames), str(store), *beside, *options])
        result = overseg.open(store)
        masks = {int(frame): row for row, frame in enumerate(result.masks_of(0).frame.tolist())}
        drawn = result.masks_of(0).rles
        scores = [
            _iou(drawn.take([masks[at]]).to_masks()[0] if at in masks else None, _annotation(truth[name]))
            for at, name in enumerate(frames[: len(result)])
            if name in truth
        ]
    return {"J": float(np.mean(scores)), "last": scores[-1], "wall_s": times["wall_s"], "cpu_s": times["cpu_s"]}


def run_measures(clip: Clip, checkout: Path, options: list[str]) -> dict[str, float]:
    """Over-segment the clip by the command itself, and evaluate what it found."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "out.zarr"
        times = timed(checkout, ["run", str(clip.frames), str(store), *options])
        found = quality(store, clip.masks)
    names = ("best_track_j", "union_j", "coverage", "switches", "ar_at_100", "work")
    return {name: found[name] for name in names} | {"wall_s": times["wall_s"], "cpu_s": times["cpu_s"]}


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


def _line(clip: str, version: str, figures: dict[str, float]) -> str:
    shown = (
        f"{name} {value:.1f}" if name.endswith("_s") or name == "work" else f"{name} {value:.3f}"
        for name, value in figures.items()
    )
    return f"{clip:<20} {version:<6}" + "  ".join(shown)


if __name__ == "__main__":
    main()
