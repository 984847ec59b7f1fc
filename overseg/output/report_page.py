"""A result as one HTML page that needs no other file, for people who were not there when it was made."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import UInt8

from overseg.output.charts import histogram, line_chart, timeline
from overseg.output.colours import track_colours
from overseg.store.result import Result

_MOST_ROWS = 60  # of the timeline


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        means: figures of the tracks by themselves, by name; None where one is unknown.
        truth: means against ground truth, by name; empty without ground truth.
        objects: for each object of the ground truth, its columns by heading.
    """

    means: Mapping[str, float | None] = field(default_factory=dict)
    truth: Mapping[str, float | None] = field(default_factory=dict)
    objects: Sequence[Mapping[str, Any]] = ()


def report_page(
    result: Result, sheet: UInt8[np.ndarray, "h w 3"], clip: bytes, figures: Figures, *, remarks: Sequence[str] = ()
) -> str:
    """Return the page.

    Args:
        result: what it is about.
        sheet: its contact sheet.
        clip: an MP4 of its frames with their masks; empty for none.
        figures: what was measured.
        remarks: what a reader should know first, such as that the video was missing; one paragraph each.
    """
    sections = [
        _section("In short", "".join(f'<p class="remark">{escape(one)}</p>' for one in remarks) + _gist(result)),
        _section("The video with its masks", _clip(clip), "Each track has one colour on all frames."),
        _section("Tracks at a glance", _picture(sheet), "Each picture shows one track on its middle frame."),
        _section("Coverage over time", _coverage(result), "The share of pixels under at least one mask, in percent."),
        _section("Masks over a pixel", _depth(result), "Masks overlap: this is how many lie over a covered pixel."),
        _section("How long tracks are", _lengths(result), "The number of tracks by the number of frames with a mask."),
        _section("Where tracks are seen", _timeline(result), f"The {_MOST_ROWS} tracks with the most pixels."),
        _section("Measured without ground truth", _table(figures.means)) if figures.means else "",
        _section("Measured against ground truth", _table(figures.truth) + _rows(figures.objects))
        if figures.truth
        else "",
        _section("How it was made", _made(result)),
    ]
    page = files("overseg.output").joinpath("report.html").read_text("utf-8")
    title = escape(f"{result.info.name}: regions of a video")
    return page.replace("{{title}}", title).replace("{{content}}", "\n".join(sections))


def _section(title: str, content: str, note: str = "") -> str:
    note = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{note}{content}</section>" if content else ""


def _gist(result: Result) -> str:
    tracks, frames, info = result.tracks, result.frames, result.info
    lengths = tracks.n_frames[tracks.exists]
    rate = f", {info.fps:.4g} frames a second" if info.fps else ""
    facts = {
        "Video": f"{info.name}, {len(result)} frames of {info.width} x {info.height} pixels{rate}",
        "Shots; keyframes": f"{frames.shot.max(initial=-1) + 1}; {frames.is_keyframe.sum()}",
        "Masks": f"{frames.n_masks.sum()} masks in {len(lengths)} tracks, {len(result.names)} of them named",
        "Length of a track": f"{lengths.mean() if len(lengths) else 0:.1f} frames on average",
        "Coverage": f"{100 * result.coverage:.1f} % of all pixels, under {result.depth:.2f} masks on average",
        "State": "complete" if result.final else f"not complete: {result.summary.get('stop_reason', 'stopped')}",
    }
    return _table(facts)


def _picture(sheet: UInt8[np.ndarray, "h w 3"]) -> str:
    import cv2

    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    content = base64.b64encode(encoded.tobytes()).decode()
    return f'<img alt="Contact sheet of tracks" src="data:image/jpeg;base64,{content}">'


def _clip(clip: bytes) -> str:
    if not clip:
        return ""
    content = base64.b64encode(clip).decode()
    return f'<video controls loop muted playsinline src="data:video/mp4;base64,{content}"></video>'


def _cuts(result: Result) -> list[int]:
    return (np.flatnonzero(np.diff(result.frames.shot)) + 1).tolist()


def _coverage(result: Result) -> str:
    share = 100 * result.frames.covered_px / (result.size[0] * result.size[1])
    return line_chart(share, title="Coverage by frame, in percent", cuts=_cuts(result), top=100.0)


def _depth(result: Result) -> str:
    covered = np.maximum(result.frames.covered_px, 1)
    return line_chart(result.frames.mask_px / covered, title="Masks over a pixel, by frame", cuts=_cuts(result))


def _lengths(result: Result) -> str:
    return histogram(result.tracks.n_frames[result.tracks.exists], title="Number of tracks by length")


def _timeline(result: Result) -> str:
    tracks = result.tracks
    volume = np.where(tracks.exists, tracks.n_frames * tracks.mean_area_px, -1)
    largest = [track for track in np.argsort(-volume, kind="stable")[:_MOST_ROWS].tolist() if volume[track] >= 0]
    colours = ["#" + bytes(colour).hex() for colour in track_colours(np.array(largest, np.int64))]
    rows = []
    for track, colour in zip(largest, colours, strict=True):
        name = result.names[track].name if track in result.names else f"track {track}"
        rows.append((name[:20], colour, _spans(result.masks_of(track).frame)))
    return timeline(rows, len(result), title="Frames on which each track is seen")


def _spans(frames: np.ndarray) -> list[tuple[int, int]]:
    """Consecutive frames as (first, last)."""
    groups = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1) if len(frames) else []
    return [(int(group[0]), int(group[-1])) for group in groups]


def _made(result: Result) -> str:
    weights = result.provenance.get("weights") or {}
    facts = {
        "Input": result.provenance.get("input", "-"),
        "Made": f"{result.provenance.get('created', '-')}, overseg {result.provenance.get('overseg', '-')}, "
        f"{result.provenance.get('device', '-')}",
        **{f"Weights, {stage}": _plain(found) for stage, found in weights.items()},
        "Stopped by": result.summary.get("stop_reason", "-"),
    }
    settings = result.identity.get("settings") or {}
    table = _table({name: _plain(value) for name, value in settings.items()})
    return _table(facts) + f"<details><summary>All settings</summary>{table}</details>"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _table(facts: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope=row>{escape(name.replace('_', ' '))}</th><td>{escape(_text(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table>{rows}</table>" if rows else ""


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th scope=col>{escape(name.replace('_', ' '))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(_text(v))}</td>" for v in row.values()) + "</tr>" for row in rows)
    return f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _text(value: Any) -> str:
    return "-" if value is None or value != value else f"{value:.4f}" if isinstance(value, float) else str(value)
