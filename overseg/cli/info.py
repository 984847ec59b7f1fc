"""`overseg info`: what a store holds."""

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from overseg.store.result import Result


def add_parser(commands: Any) -> None:
    """Describe the command to argparse."""
    parser = commands.add_parser("info", help="say what a store holds")
    parser.add_argument("store", metavar="OUT.zarr")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--hash", action="store_true", help="add the sha256 of all masks and tracks; equal runs agree")
    parser.add_argument("--tree", action="store_true", help="add what contains what: a line for each track")
    parser.set_defaults(call=call, if_interrupted="the store is as it was")


def call(args: argparse.Namespace) -> int:
    """Print it."""
    from overseg.api.results import open as open_store

    result = open_store(args.store)
    facts = summary(result) | ({"sha256": result.content_hash()} if args.hash else {})
    if args.tree and args.json:
        facts["part_of"] = result.tracks.part_of.tolist()
    print(json.dumps(facts, indent=2) if args.json else "\n".join(_lines(facts)))
    if args.tree and not args.json:
        for line in _tree(result):
            print(line)
    return 0


def summary(result: "Result") -> dict[str, Any]:
    """Everything worth knowing about a result, ready for JSON."""
    lengths = result.tracks.n_frames
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
        "tracks": len(result.tracks),
        **({"names": _names(result)} if result.names else {}),
        "tracks_by_depth": np.bincount(result.tree.depth).tolist(),
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
    waiting = sorted(result.tree.roots().tolist(), key=lambda track: place[track], reverse=True)
    while waiting:
        track = waiting.pop()
        span = f"frames {tracks.first_frame[track]} to {tracks.last_frame[track]}"
        yield f"{'  ' * int(result.tree.depth[track])}{track}: {span}, {tracks.mean_area_px[track]:.0f} px"
        waiting += sorted(result.tree.children(track).tolist(), key=lambda track: place[track], reverse=True)


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<{max(1, 26 - len(indent))}} {'-' if value is None else value}")
    return lines
