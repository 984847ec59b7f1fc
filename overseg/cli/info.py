"""`overseg info`: what a store holds."""

import argparse
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from overseg.cli.shared import add_as_found, open_store
from overseg.errors import SettingsError

if TYPE_CHECKING:
    from overseg.store.result import Result


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser(
        "info",
    )
    parser.add_argument("store", metavar="OUT.zarr")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--hash", action="store_true", help="print the sha256 of all masks and tracks alone; equal runs agree"
    )
    parser.add_argument("--at", metavar="T,X,Y", help="print the tracks under a pixel of frame T, the smallest first")
    parser.add_argument("--tree", action="store_true", help="add what contains what: a line for each track")
    add_as_found(parser)
    parser.set_defaults(call=call, if_interrupted="the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Print it."""

    result = open_store(args)
    if args.at is not None:
        print("\n".join(_under_pixel(result, args.at, as_json=args.json)))
        return 0
    if args.hash and not args.json:
        print(result.content_hash())
        return 0
    facts = summary(result) | ({"sha256": result.content_hash()} if args.hash else {})
    if args.tree and args.json:
        facts["part_of"] = result.tracks.part_of.tolist()
    print(json.dumps(facts, indent=2) if args.json else "\n".join(_lines(facts)))
    if args.tree and not args.json:
        for line in _tree(result):
            print(line)
    return 0


def _under_pixel(result: "Result", text: str, *, as_json: bool) -> Iterator[str]:
    """A line for each track under a pixel, or one list of their numbers."""
    numbers = re.fullmatch(r"(\d{1,9}),(\d{1,9}(?:\.\d+)?),(\d{1,9}(?:\.\d+)?)", text)
    (height, width), last = result.size, len(result) - 1
    if not numbers or int(numbers[1]) > last or float(numbers[2]) >= width or float(numbers[3]) >= height:
        raise SettingsError(
            f"--at takes T,X,Y: a frame from 0 to {last}, and a pixel of {width} x {height} px, not {text!r}"
        )
    tracks = result.tracks_at(int(numbers[1]), float(numbers[2]), float(numbers[3])).tolist()
    if as_json:
        yield json.dumps(tracks)
    else:
        yield from (_track_line(result, track) for track in tracks)


def summary(result: "Result") -> dict[str, Any]:
    """Everything worth knowing about a result, ready for JSON."""
    from overseg.edits.reading import done_edits

    exists = result.tracks.exists
    lengths = result.tracks.n_frames[exists]
    return {
        "input": result.provenance["input"],
        "frames": len(result.frames),
        "width": result.info.width,
        "height": result.info.height,
        "fps": result.info.fps,
        "frames_lost": result.info.n_lost,
        "shots": result.summary["n_shots"],
        "keyframes": result.summary["n_keyframes"],
        "masks": int(result.frames.n_masks.sum()),
        "tracks": len(lengths),
        **({"names": _names(result)} if result.names else {}),
        "tracks_by_depth": np.bincount(result.tree.depth[exists]).tolist(),
        "coverage": round(result.coverage, 4),
        "depth": round(result.depth, 3),
        "track_length": {
            "mean": round(float(lengths.mean()), 2) if len(lengths) else 0.0,
            "median": float(np.median(lengths)) if len(lengths) else 0.0,
            "longest": int(lengths.max(initial=0)),
        },
        **({"tracks_rejoined": result.summary["n_rejoined"]} if "n_rejoined" in result.summary else {}),
        "masklets_ended": result.n_ended,
        "stop_reason": result.summary["stop_reason"],
        "left_undone": result.summary["left_undone"],
        **({"bridged": result.summary["bridged"]} if result.summary.get("bridged") else {}),
        **({"relinked": result.summary["relinked"]} if "relinked" in result.summary else {}),
        "work": result.summary["work"],
        "seconds": {**result.summary["seconds"], "total": result.summary["seconds_total"]},
        "device": result.provenance["device"],
        **({"edits": len(done_edits(result))} if done_edits(result) else {}),
        "settings": result.identity["settings"],
        "weights": result.provenance["weights"],
    }


def _names(result: "Result") -> dict[str, str]:
    """What each named track is called, with its kind where that is another word."""
    return {
        str(track): one.name if one.name == one.category else f"{one.name} ({one.category})"
        for track, one in result.names.items()
    }


def headline(result: "Result") -> str:
    """The gist in one line."""
    facts = summary(result)
    return (
        f"{facts['frames']} frames, {facts['keyframes']} keyframes, {facts['masks']} masks, {facts['tracks']} tracks "
        f"of {facts['track_length']['mean']:.1f} frames on average, coverage {facts['coverage']:.3f}, "
        f"depth {facts['depth']:.2f}, {facts['stop_reason']}, {facts['seconds']['total']:.0f} s"
    )


def _tree(result: "Result") -> Iterator[str]:
    """A line for each track, below the one that it is part of, the largest first."""
    tracks = result.tracks
    largest_first = np.argsort(-tracks.mean_area_px, kind="stable")
    place = np.argsort(largest_first)  # of each track among all
    roots = result.tree.roots()
    waiting = sorted(roots[tracks.exists[roots]].tolist(), key=lambda track: place[track], reverse=True)
    while waiting:
        track = waiting.pop()
        yield f"{'  ' * int(result.tree.depth[track])}{_track_line(result, track)}"
        waiting += sorted(result.tree.children(track).tolist(), key=lambda track: place[track], reverse=True)


def _track_line(result: "Result", track: int) -> str:
    tracks = result.tracks
    name = f" {result.names[track].name}" if track in result.names else ""
    span = f"frames {tracks.first_frame[track]} to {tracks.last_frame[track]}"
    return f"{track}{name}: {span}, {tracks.mean_area_px[track]:.0f} px"


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<{max(1, 26 - len(indent))}} {'-' if value is None else value}")
    return lines
